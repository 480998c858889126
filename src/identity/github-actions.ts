// Who acts in GitHub Actions, by a token that GitHub signed for this job.
//
//   GET {ACTIONS_ID_TOKEN_REQUEST_URL}&audience={audience}    Bearer {ACTIONS_ID_TOKEN_REQUEST_TOKEN}    200 {value: JWT}
//
// https://docs.github.com/en/actions/reference/security/oidc
// Invariant: each audience has a token of its own, verified here before anyone gets it, kept in memory only while it is fresh.

import { SandboxError } from '../model/error.ts';
import { Secret } from '../model/secret.ts';
import { type WorkloadIdentity, readClaims } from './claims.ts';
import { type Get, createKeys } from './keys.ts';
import { issuerOf } from './issuer.ts';
import { identityFault, invalid } from './fault.ts';
import { memberOf } from './member.ts';
import type { Environment } from './platform.ts';
import { type Verified, verifyToken } from './verify.ts';

export type { WorkloadIdentity } from './claims.ts';
export type { Get } from './keys.ts';

export interface ActionsIdentity {
  /** a verified token for one audience; throws `IDENTITY_*` where there is none */
  idToken: (audience: string) => Promise<Secret>;
  /** who the job says it is, by a token of our own audience that goes to nobody */
  identify: () => Promise<WorkloadIdentity>;
}

export interface ActionsOptions {
  environment: Environment;
  get: Get;
  /** milliseconds since the epoch */
  now: () => number;
}

const OWN_AUDIENCE = 'agent-sandbox';
/** What is used for an exchange must last until the other end has read it. */
const FRESH_S = 60;
const LONGEST = 32 * 1024;

export function createActionsIdentity(options: ActionsOptions): ActionsIdentity {
  const keys = createKeys(options);
  const tokens = new Map<string, Promise<Held>>();

  async function tokenFor(audience: string): Promise<Held> {
    const known = tokens.get(audience);
    if (known !== undefined) {
      const held = await known;
      if (held.verified.exp - options.now() / 1000 > FRESH_S) return held;
      // Another caller may have asked anew while this one waited.
      const newer = tokens.get(audience);
      if (newer !== known && newer !== undefined) return newer;
    }
    const asked = requestToken(audience, options).then(async (token) => ({
      token,
      verified: await verifyToken(token.reveal(), {
        issuer: issuerOf(options.environment),
        audience,
        keys,
        now: options.now(),
      }),
    }));
    tokens.set(audience, asked);
    asked.catch(() => {
      if (tokens.get(audience) === asked) tokens.delete(audience);
    });
    return asked;
  }

  return {
    idToken: async (audience) => (await tokenFor(audience)).token,
    identify: async () => readClaims((await tokenFor(OWN_AUDIENCE)).verified),
  };
}

interface Held {
  token: Secret;
  verified: Verified;
}

async function requestToken(
  audience: string,
  { environment, get }: ActionsOptions,
): Promise<Secret> {
  if (!/^[\x21-\x7e]{1,1024}$/.test(audience))
    throw identityFault('IDENTITY_AUDIENCE', 'expected an audience of visible ASCII, 1 to 1024');
  const url = environment['ACTIONS_ID_TOKEN_REQUEST_URL'];
  const bearer = environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN'];
  if (url === undefined || url === '' || bearer === undefined || bearer === '') throw noOidc();
  const response = await get({
    method: 'GET',
    url: `${url}&audience=${encodeURIComponent(audience)}`,
    headers: { authorization: `Bearer ${bearer}`, accept: 'application/json' },
  });
  if (response.status !== 200)
    throw invalid(`the token endpoint of GitHub Actions answered with ${response.status}`);
  const value = valueOf(response.body);
  if (value === undefined) throw invalid('the token endpoint of GitHub Actions sent no token');
  return new Secret(value);
}

/** Where a job has no right to a token, or where there is no job at all. */
export function noOidc(): SandboxError {
  return new SandboxError({
    kind: 'environment',
    code: 'IDENTITY_NO_OIDC',
    message: 'expected a workload identity, but this process can get no OIDC token',
    hint: 'in GitHub Actions give the job `permissions: id-token: write`; runs for pull requests from forks never have it',
  });
}

function valueOf(body: string): string | undefined {
  const value = memberOf(body, 'value');
  const isJwt =
    typeof value === 'string' &&
    value.length <= LONGEST &&
    /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.test(value);
  return isJwt ? value : undefined;
}
