// The credentials of a session, from its policy to the vendors that mint them.
// Invariant: what cannot be minted here is left out at the start, with its reason on record; nothing is minted before its use.

import { randomBytes } from 'node:crypto';

import { createCredentials } from '../enforce/credential/credentials.ts';
import type { Credentials } from '../enforce/credential/credentials.ts';
import type { ProxySettings } from '../enforce/egress/upstream-proxy/setting.ts';
import type { Point } from '../enforce/point.ts';
import { noOidc } from '../identity/github-actions.ts';
import type { ProviderName } from '../model/credential.ts';
import { SandboxError } from '../model/error.ts';
import type { GrantedCredential } from '../model/policy.ts';
import { needsSelf } from '../policy/credential-self.ts';
import { createDecider } from '../policy/decide.ts';
import { createMinter } from './minter.ts';
import { mayWriteBy } from './out-of-reach.ts';
import type { SessionPlan } from './plan.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface OpenCredentialsOptions {
  plan: Pick<
    SessionPlan,
    'policy' | 'hostEnvironment' | 'onProgress' | 'journalDirectory' | 'actor' | 'run'
  >;
  /** session id */
  id: string;
  point: Pick<Point, 'ask' | 'append'>;
  proxies: ProxySettings;
  /** certificates in PEM, believed besides the host's */
  ca: readonly string[];
}

/** Providers that have a secret of the host; all others exchange a token of the workload for theirs. */
const WITHOUT_IDENTITY: readonly ProviderName[] = [
  ...(['github-app', 'github-token'] as const),
  ...(['env', 'file', 'command'] as const),
];

export function openCredentials(options: OpenCredentialsOptions): Credentials {
  const { plan, point } = options;
  const { policy, hostEnvironment, onProgress } = plan;
  return createCredentials({
    ...createMinter({
      ...options,
      ...plan,
      environment: hostEnvironment,
      home: policy.home,
      mayWrite: mayWriteBy(createDecider(policy)),
      onNotice: onProgress,
    }),
    point,
    credentials: policy.credentials.filter((one) => isPossible(one, options)),
    random: randomBytes,
    now: () => Date.now(),
  });
}

/** Whether there is any way to mint it here; if not, that is said and put on record. */
function isPossible(credential: GrantedCredential, options: OpenCredentialsOptions): boolean {
  const { plan, point } = options;
  const fault = whyNot(credential, plan.hostEnvironment);
  if (fault === undefined) return true;
  const { id, provider } = credential;
  const { code, message, hint } = fault;
  const reason = code === 'IDENTITY_NO_OIDC' ? 'no_identity' : 'no_repository';
  point.append({
    type: 'credential.refuse',
    credential: id,
    provider,
    code,
    reason,
    detail: message,
  });
  plan.onProgress(
    `the credential "${id}" is not minted: ${message}${hint === undefined ? '' : `; ${hint}`}`,
  );
  return false;
}

export function whyNot(
  credential: GrantedCredential,
  environment: Environment,
): SandboxError | undefined {
  if (needsSelf(credential))
    return new SandboxError({
      kind: 'environment',
      code: 'CREDENTIAL_NO_REPOSITORY',
      message: '`self` stands for the repository of a run in GitHub Actions, and this is none',
      hint: 'write the repository as OWNER/NAME',
    });
  const isLocal = credential.request['profile'] !== undefined;
  if (WITHOUT_IDENTITY.includes(credential.provider) || isLocal) return undefined;
  return environment['ACTIONS_ID_TOKEN_REQUEST_URL'] ? undefined : noOidc();
}
