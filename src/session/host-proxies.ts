// The proxy that the host's own programs use, for a session that may make connections at all.

import { NO_PROXIES, readProxySettings } from '../enforce/egress/upstream-proxy/setting.ts';
import type { ProxySettings } from '../enforce/egress/upstream-proxy/setting.ts';
import type { SessionPlan } from './plan.ts';

/** Throws `EGRESS_PROXY_SETTING` where the host names a proxy that cannot be used, and some connection could want it. */
export function hostProxies(
  plan: Pick<SessionPlan, 'policy' | 'hostEnvironment' | 'onProgress'>,
): ProxySettings {
  const { mode, layers } = plan.policy;
  if (mode === 'enforce' && layers.every(({ network }) => network.allow.length === 0))
    return NO_PROXIES;
  const settings = readProxySettings(plan.hostEnvironment);
  const { length } = settings.ignored;
  if (length > 0)
    plan.onProgress(
      `NO_PROXY: ${length} ${length === 1 ? 'entry is' : 'entries are'} no name, address or block, and ignored: what they may mean goes through the proxy`,
    );
  return settings;
}
