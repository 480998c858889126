// What the test runner is given and what it hands back.

import type { Conclusion, EventName } from './model.ts';
import type { Timing } from './process.ts';

/** What GitHub would serve to the job; `test/support/github` has one that listens on the loopback. */
export interface JobServices {
  apiUrl: string;
  serverUrl: string;
  resultsUrl: string;
  /** with a query already, as the real one */
  idTokenUrl: string;
  /** an installation token with these permissions, as `github.token` is one */
  token(permissions: Readonly<Record<string, string>>): string;
  /** what JS actions get as ACTIONS_RUNTIME_TOKEN, and jobs with `id-token: write` as their request token */
  runtimeToken(job: {
    runId: string;
    jobId: string;
    permissions: Readonly<Record<string, string>>;
    /** of its identity tokens */
    claims: Readonly<Record<string, unknown>>;
  }): string;
}

/** A repository's folder, linked to; with `only` a copy of these files and folders of it, as a release has them. */
export type ActionSource = string | { folder: string; only: readonly string[] };

/** A folder of the disk, or files by path with their text. */
export type Files = string | Readonly<Record<string, string>>;

export interface RunOptions {
  /** text of a workflow file */
  workflow: string;
  /** default `.github/workflows/test.yml` */
  workflowPath?: string;
  /** these jobs and what they need; default all */
  jobs?: readonly string[];
  event?: { name: EventName; payload?: object };
  /** over the `github` context that follows from the event: `repository`, `ref`, `sha`, `head_ref`, `base_ref`, `actor`, `run_id` … */
  github?: Readonly<Record<string, string>>;
  /** what `actions/checkout` puts into the workspace */
  files?: Files;
  /** `owner/repo` or `owner/repo@ref` → where its files are. `actions/checkout` is there by itself. */
  actions?: Readonly<Record<string, ActionSource>>;
  secrets?: Readonly<Record<string, string>>;
  vars?: Readonly<Record<string, string>>;
  /** of `workflow_dispatch` and `workflow_call` */
  inputs?: Readonly<Record<string, unknown>>;
  services?: JobServices;
  /** permissions of a workflow that says nothing; default `contents: read` */
  defaultPermissions?: Readonly<Record<string, string>>;
  /** the runner process's environment, over PATH, HOME, LANG and USER of this one */
  environment?: Readonly<Record<string, string>>;
  runner?: {
    environment?: 'github-hosted' | 'self-hosted';
    labels?: readonly string[];
    name?: string;
  };
  /** of cancelling; default the runner's own 7,500 and 2,500 ms */
  timing?: Partial<Timing>;
  /** milliseconds that a minute of `timeout-minutes` has; default 60,000 */
  minute?: number;
  /** all JavaScript actions run with this one; default what their `using` leads to: node24, also for node20 */
  node?: 'node20' | 'node24';
  /** each line of the log as a person would see it, when it comes */
  onLine?: (line: string, at: { job: string; step: string }) => void;
  /** the folder below which all is made; default a new one in the system's, removed by `remove()` */
  root?: string;
}

export interface StartedRun {
  done: Promise<WorkflowRun>;
  /** as the Cancel button: the step that runs gets its signals, steps with `always()` or `cancelled()` still run */
  cancel(): void;
}

export interface WorkflowRun {
  conclusion: Conclusion;
  /** in the order in which they ended; one for each combination of a matrix */
  jobs: JobRun[];
  /** the only job of that id; throws when there is none or a matrix of several */
  job(id: string): JobRun;
  /** removes all files of the run */
  remove(): void;
}

export interface JobRun {
  id: string;
  /** with the matrix's values in brackets, as shown in a pull request's checks */
  name: string;
  matrix: Readonly<Record<string, unknown>>;
  conclusion: Conclusion;
  outputs: Readonly<Record<string, string>>;
  /** `Set up job`, then all stages in the order in which they ran */
  steps: StepRun[];
  /** the main stage of the step with this `id` or displayed name; throws when there is none */
  step(idOrName: string, stage?: Stage): StepRun;
  /** as a person reads it: commands taken out, secrets masked */
  log: string;
  /** as the processes wrote it */
  rawLog: string;
  annotations: Annotation[];
  folders: Folders;
}

export type Stage = 'pre' | 'main' | 'post';

export interface StepRun {
  /** as in the `steps` context; empty where the workflow gives none */
  id: string;
  name: string;
  stage: Stage;
  /** before `continue-on-error` */
  outcome: Conclusion;
  conclusion: Conclusion;
  /** of the process; undefined where none ran */
  exitCode: number | undefined;
  outputs: Readonly<Record<string, string>>;
  /** state of the action after this stage */
  state: Readonly<Record<string, string>>;
  /** what the stage wrote to GITHUB_STEP_SUMMARY, masked; empty when refused */
  summary: string;
  /** at most 10 of each level */
  annotations: Annotation[];
  log: string;
  rawLog: string;
  /** what the process began with */
  environment: Readonly<Record<string, string>>;
  /** milliseconds */
  duration: number;
}

export interface Annotation {
  level: 'notice' | 'warning' | 'failure';
  message: string;
  title?: string;
  path?: string;
  startLine?: number;
  endLine?: number;
  startColumn?: number;
  endColumn?: number;
}

/** Absolute paths. */
export interface Folders {
  root: string;
  work: string;
  temp: string;
  tools: string;
  actions: string;
  workspace: string;
  eventFile: string;
}
