// GitHub's own words for what ran and what became of it.

export type Conclusion = 'success' | 'failure' | 'cancelled' | 'skipped';

export type EventName =
  | 'push'
  | 'pull_request'
  | 'pull_request_target'
  | 'issue_comment'
  | 'issues'
  | 'merge_group'
  | 'schedule'
  | 'workflow_dispatch'
  | 'workflow_call'
  | 'workflow_run';
