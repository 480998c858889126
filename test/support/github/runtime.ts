// The token that a job's actions have for artifacts, cache and identity tokens.

import { randomBytes } from 'node:crypto';

import type { Permissions } from './types.ts';

export interface RuntimeJob {
  runId: string;
  jobId: string;
  permissions: Permissions;
  /** of its identity tokens */
  claims?: Readonly<Record<string, unknown>>;
}

const LIFE_S = 6 * 3600;

/** Of the real one's form; nobody but its issuer checks a signature, which is here that it is known. */
export function createRuntimeToken(job: RuntimeJob, now: number): string {
  const seconds = Math.floor(now / 1000);
  const encode = (value: object): string =>
    Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    iss: 'https://token.actions.example.com',
    nbf: seconds - 600,
    exp: seconds + LIFE_S,
    scp: `Actions.GenericRead:00000000-0000-0000-0000-000000000000 Actions.Results:${job.runId}:${job.jobId}`,
  };
  const head = encode({ typ: 'JWT', alg: 'RS256', kid: 'test' });
  return `${head}.${encode(claims)}.${randomBytes(32).toString('base64url')}`;
}
