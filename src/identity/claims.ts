// What a verified token of GitHub Actions says of the run. By numbers that never change hands: names of users and
// repositories do, and `sub` has two shapes, neither of which is read.
// https://docs.github.com/en/actions/reference/security/oidc#oidc-token-claims

import type { Actor, Run } from '../model/identity.ts';
import { invalid } from './fault.ts';
import type { Verified } from './verify.ts';

export interface WorkloadIdentity {
  actor: Actor;
  run: Run;
  repository: { name: string; id: string };
  owner: { name: string; id: string };
  /** who signed */
  issuer: string;
  /** of the token this was read from */
  jti: string;
}

const ID = /^[1-9]\d{0,19}$/;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.[\]-]{0,99}$/;
const REPOSITORY = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}\/[A-Za-z0-9._-]{1,100}$/;
const TEXT = /^[\x20-\x7e\u00a0-\ud7ff\ue000-\ufffd]{1,1024}$/;

export function readClaims(claims: Verified): WorkloadIdentity {
  const must = (name: string, shape: RegExp): string => {
    const value = textOf(claims, name, shape);
    if (value === undefined) throw invalid(`the token has no usable claim '${name}'`);
    return value;
  };
  const repository = { name: must('repository', REPOSITORY), id: must('repository_id', ID) };
  return {
    actor: { login: must('actor', NAME), id: must('actor_id', ID), assurance: 'oidc' },
    run: readRun(claims, repository),
    repository,
    owner: { name: must('repository_owner', NAME), id: must('repository_owner_id', ID) },
    issuer: claims.iss,
    jti: must('jti', TEXT),
  };
}

function readRun(claims: Verified, repository: { name: string; id: string }): Run {
  const run: Run = { repository: repository.name, repositoryId: repository.id };
  const shapes = {
    runId: ['run_id', ID],
    workflowRef: ['workflow_ref', TEXT],
    event: ['event_name', TEXT],
    sha: ['sha', /^[0-9a-f]{40,64}$/],
  } as const;
  for (const [field, [claim, shape]] of Object.entries(shapes)) {
    const value = textOf(claims, claim, shape);
    if (value !== undefined) Object.assign(run, { [field]: value });
  }
  const attempt = textOf(claims, 'run_attempt', /^[1-9]\d{0,8}$/);
  if (attempt !== undefined) run.attempt = Number(attempt);
  const ref = textOf(claims, 'ref', TEXT) ?? '';
  const [, pullRequest] = /^refs\/pull\/([1-9]\d{0,14})\/(?:merge|head)$/.exec(ref) ?? [];
  if (pullRequest !== undefined) run.pullRequest = Number(pullRequest);
  return run;
}

/** GitHub writes numbers as texts; a number is taken where it can be only one. */
function textOf(claims: Verified, name: string, shape: RegExp): string | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  const text = Number.isSafeInteger(value) ? String(value) : value;
  return typeof text === 'string' && shape.test(text) ? text : undefined;
}
