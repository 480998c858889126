// Who acts, for the records of a run and for those who mint credentials: verified where that can be had and is wanted.
// Invariant: a policy that asks for a verified identity starts nothing without one.

import { laptopActor } from '../identity/gh-login.ts';
import { platformIdentity } from '../identity/platform.ts';
import { SandboxError } from '../model/error.ts';
import type { Actor, Run } from '../model/identity.ts';
import type { EffectivePolicy } from '../model/policy.ts';
import { readProxySettings } from '../enforce/egress/upstream-proxy/setting.ts';
import { hostAuthorities } from '../session/trust.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface RunIdentity {
  actor: Actor;
  run?: Run;
}

export async function resolveIdentity(
  policy: Pick<EffectivePolicy, 'credentials' | 'require' | 'home'>,
  environment: Environment,
  onNotice: (message: string) => void,
): Promise<RunIdentity> {
  const claimed = platformIdentity(environment);
  const isRequired = policy.require.identity === 'oidc';
  const isOffered = (environment['ACTIONS_ID_TOKEN_REQUEST_URL'] ?? '') !== '';
  if (!isRequired && (!isOffered || policy.credentials.length === 0))
    return claimed ?? { actor: laptopActor(policy.home, environment) };
  // Loaded only where it is needed: `run` starts faster without.
  const [{ createActionsIdentity, noOidc }, { createHostHttp }] = await Promise.all([
    import('../identity/github-actions.ts'),
    import('../session/host-http.ts'),
  ]);
  if (!isOffered) throw noOidc();
  const get = createHostHttp({
    proxies: readProxySettings(environment),
    ca: hostAuthorities(environment, onNotice),
  });
  const identity = createActionsIdentity({ environment, get, now: () => Date.now() });
  const { actor, run } = await identity.identify();
  // The policy was read for the repository that the environment names: `self` must mean the one that GitHub signed for.
  const named = environment['GITHUB_REPOSITORY'];
  if (named !== undefined && named !== run.repository)
    throw new SandboxError({
      kind: 'environment',
      code: 'IDENTITY_REPOSITORY',
      message: `the environment says this run is for ${named}, and GitHub's token says ${run.repository ?? 'nothing of it'}`,
      hint: 'an earlier step of the job may have changed GITHUB_REPOSITORY',
    });
  return { actor, run: { ...claimed?.run, ...run } };
}
