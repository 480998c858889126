// A workflow's jobs, in the order of their needs.

import type { RunOptions, StartedRun, WorkflowRun } from './types.ts';

export function runWorkflow(options: RunOptions): Promise<WorkflowRun> {
  return startWorkflow(options).done;
}

export function startWorkflow(options: RunOptions): StartedRun {
  throw new Error(`not yet run: ${options.workflowPath ?? 'the workflow'}`);
}
