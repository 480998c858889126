// A job while it runs: what its stages read and change.

import type { Scope } from './expression.ts';
import { contextVariables } from './github-context.ts';
import type { Context } from './github-context.ts';
import type { Permissions } from './permissions.ts';
import type { Timing } from './process.ts';
import type { JobState, StepState } from './state.ts';
import type { Folders, RunOptions, StepRun } from './types.ts';
import type { WorkflowFile } from './workflow-file.ts';

export interface Execution {
  options: RunOptions;
  state: JobState;
  folders: Folders;
  github: Context;
  runner: Context;
  /** `secrets`, `vars`, `matrix`, `strategy`, `needs` */
  contexts: Context;
  permissions: Permissions;
  status: 'success' | 'failure' | 'cancelled';
  /** aborts when the job is cancelled */
  signal: AbortSignal;
  timing: Timing;
  /** milliseconds */
  minute: number;
  trackingId: string;
  defaults: WorkflowFile['defaults'];
  /** what the runner's own process has */
  environment: Readonly<Record<string, string>>;
  services: { runtimeToken: string } | undefined;
  records: StepRun[];
  /** names of steps without an id, taken so far */
  names: Set<string>;
}

/** The job's own steps, or those of one composite action. */
export interface Frame {
  execution: Execution;
  /** the `steps` context */
  steps: Record<string, { outputs: object; outcome: string; conclusion: string }>;
  inputs: Context;
  /** over the job's environment, from the steps around */
  environment: ReadonlyMap<string, string>;
  /** over the `github` context */
  github: Context;
  /** of the composite action around */
  parent?: StepState;
  /** of what ran here */
  status: () => Execution['status'];
  fail: () => void;
  /** stages to run at the end, the last first */
  posts: (() => Promise<void>)[];
}

export function jobFrame(execution: Execution, inputs: Context): Frame {
  return {
    execution,
    steps: {},
    inputs,
    environment: new Map(),
    github: {},
    status: () => execution.status,
    fail: () => {
      if (execution.status === 'success') execution.status = 'failure';
    },
    posts: [],
  };
}

/** For `${{ }}` of a step; `environment`: its `env` context. */
export function scopeOf(frame: Frame, environment: ReadonlyMap<string, string>): Scope {
  const { execution } = frame;
  return {
    status: frame.status(),
    contexts: {
      ...execution.contexts,
      github: { ...execution.github, ...frame.github },
      runner: execution.runner,
      job: { status: execution.status },
      env: Object.fromEntries(environment),
      steps: frame.steps,
      inputs: frame.inputs,
    },
  };
}

/** Before the step's own `env:`. */
export function environmentOf(frame: Frame): Map<string, string> {
  return new Map([...frame.execution.state.environment, ...frame.environment]);
}

/** What a step's process gets; later groups go over earlier ones, and the runner's own over all that users set. */
export function processEnvironment(
  frame: Frame,
  environment: ReadonlyMap<string, string>,
  github: Context,
): Record<string, string> {
  const { execution } = frame;
  const variables: Record<string, string> = {
    ...execution.environment,
    RUNNER_TRACKING_ID: execution.trackingId,
    CI: 'true',
    ...Object.fromEntries(environment),
    ...contextVariables({ ...execution.github, ...frame.github, ...github }, execution.runner),
    GITHUB_ACTIONS: 'true',
  };
  const added = [...execution.state.prependPath].reverse();
  variables['PATH'] = [...added, variables['PATH'] ?? ''].join(':');
  const { services, options, permissions } = execution;
  if (services !== undefined && options.services && permissions['id-token'] === 'write') {
    variables['ACTIONS_ID_TOKEN_REQUEST_URL'] = options.services.idTokenUrl;
    variables['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] = services.runtimeToken;
  }
  return variables;
}

/** What JavaScript actions get and scripts do not. */
export function serviceVariables({ services, options }: Execution): Record<string, string> {
  if (services === undefined || !options.services) return {};
  const { resultsUrl } = options.services;
  return {
    ACTIONS_RUNTIME_URL: resultsUrl,
    ACTIONS_RUNTIME_TOKEN: services.runtimeToken,
    ACTIONS_RESULTS_URL: resultsUrl,
    ACTIONS_CACHE_URL: resultsUrl,
    ACTIONS_CACHE_SERVICE_V2: 'true',
  };
}
