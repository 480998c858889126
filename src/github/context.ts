// What the runner tells a step of the job it is in. The runner writes these over whatever a workflow or an earlier step has set.

import { isAbsolute } from 'node:path';

import { SandboxError } from '../model/error.ts';
import { readEvent, type WorkflowEvent } from './event.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface JobContext {
  event: WorkflowEvent;
  /** OWNER/NAME */
  repository: string;
  owner: string;
  /** commit that the run is for; of a pull request a merge commit */
  sha: string;
  /** `refs/heads/…`, `refs/tags/…`, `refs/pull/N/merge` */
  ref: string;
  isRefProtected: boolean;
  apiUrl: string;
  serverUrl: string;
  /** absolute */
  workspace: string;
  temporary: string;
  job: string;
  /** id of the step, or what the runner calls it */
  step: string;
  runId: string;
  attempt: string;
  /** `OWNER/NAME/.github/workflows/x.yml@ref` */
  workflowRef?: string;
}

/** Throws `GITHUB_NO_JOB` where it is not called in one. */
export function readJobContext(environment: Environment): JobContext {
  const need = (name: string): string => {
    const value = environment[name];
    if (value === undefined || value === '') throw notThere(name);
    return value;
  };
  const path = (name: string): string => {
    const value = need(name);
    if (!isAbsolute(value)) throw notThere(name);
    return value;
  };
  const repository = need('GITHUB_REPOSITORY');
  if (!/^[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+$/.test(repository)) throw notThere('GITHUB_REPOSITORY');
  const workflowRef = environment['GITHUB_WORKFLOW_REF'];
  return {
    event: readEvent(need('GITHUB_EVENT_NAME'), environment['GITHUB_EVENT_PATH']),
    repository,
    owner: repository.slice(0, repository.indexOf('/')),
    sha: need('GITHUB_SHA'),
    ref: environment['GITHUB_REF'] ?? '',
    isRefProtected: environment['GITHUB_REF_PROTECTED'] === 'true',
    apiUrl: need('GITHUB_API_URL'),
    serverUrl: need('GITHUB_SERVER_URL'),
    workspace: path('GITHUB_WORKSPACE'),
    temporary: path('RUNNER_TEMP'),
    job: need('GITHUB_JOB'),
    step: environment['GITHUB_ACTION'] ?? '',
    runId: need('GITHUB_RUN_ID'),
    attempt: environment['GITHUB_RUN_ATTEMPT'] ?? '1',
    ...(workflowRef !== undefined && { workflowRef }),
  };
}

function notThere(name: string): SandboxError {
  return new SandboxError({
    kind: 'environment',
    code: 'GITHUB_NO_JOB',
    message: `${name} is not what a job of GitHub Actions has`,
    hint: 'this program is a step of a workflow; elsewhere use `agent-sandbox run`',
  });
}
