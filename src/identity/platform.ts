// Who acts in GitHub Actions, as far as the job's environment says: any earlier step could have changed it, hence
// assurance `platform-env`. Reads no token.

import type { Actor, Run } from '../model/identity.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface PlatformIdentity {
  actor: Actor;
  run: Run;
}

/** Undefined outside GitHub Actions. */
export function platformIdentity(environment: Environment): PlatformIdentity | undefined {
  if (environment['GITHUB_ACTIONS'] !== 'true') return undefined;
  const id = textOf(environment, 'GITHUB_ACTOR_ID');
  const actor: Actor = {
    login: textOf(environment, 'GITHUB_ACTOR') ?? 'unknown',
    ...(id !== undefined && { id }),
    assurance: 'platform-env',
  };
  return { actor, run: readRun(environment) };
}

function readRun(environment: Environment): Run {
  const run: Run = {};
  const texts = {
    repository: 'GITHUB_REPOSITORY',
    repositoryId: 'GITHUB_REPOSITORY_ID',
    runId: 'GITHUB_RUN_ID',
    job: 'GITHUB_JOB',
    workflowRef: 'GITHUB_WORKFLOW_REF',
    event: 'GITHUB_EVENT_NAME',
    sha: 'GITHUB_SHA',
  } as const;
  for (const [field, variable] of Object.entries(texts)) {
    const value = textOf(environment, variable);
    if (value !== undefined) Object.assign(run, { [field]: value });
  }
  const attempt = countOf(textOf(environment, 'GITHUB_RUN_ATTEMPT'));
  if (attempt !== undefined) run.attempt = attempt;
  const pullRequest = countOf(
    /^refs\/pull\/(\d+)\/(?:merge|head)$/.exec(environment['GITHUB_REF'] ?? '')?.[1],
  );
  if (pullRequest !== undefined) run.pullRequest = pullRequest;
  return run;
}

function textOf(environment: Environment, name: string): string | undefined {
  const value = environment[name];
  return value === undefined || value === '' ? undefined : value;
}

function countOf(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined;
}
