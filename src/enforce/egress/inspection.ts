// What inspected connections need, made when the first one comes: a session without them loads and pays for nothing.

import type net from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';

import type { EffectivePolicy } from '../../model/policy.ts';
import { isRequestLevel } from '../../policy/request-rule.ts';
import { createEdits } from './edits.ts';
import type { Authority } from './http/authority.ts';
import type { InterceptOptions, intercept as Intercept } from './http/intercept.ts';
import type { Held } from './http/held.ts';
import type { HttpLimits } from './http/limits.ts';
import type { serveProxy as Proxy } from './http/proxy.ts';
import type { Injector } from '../injection.ts';
import type { Judge } from './judge.ts';
import type { Spend } from './meter.ts';
import type { Opener } from './target.ts';

export interface InspectionOptions {
  policy: EffectivePolicy;
  judge: Judge;
  spend: Spend;
  /** certificates in PEM, believed of servers besides the host's */
  ca?: readonly string[] | undefined;
  limits: Partial<HttpLimits>;
  injector?: Injector | undefined;
}

export interface Inspection {
  /** the public certificate of the session's authority, for the guest to trust */
  caPem(): Promise<string>;
  /** Whose certificates the host believes, made at the first call. */
  trust(): Promise<SecureContext>;
  /** Serves one connection; resolves once it is over. */
  serve(
    target: InterceptOptions['target'],
    guest: Duplex,
    dial: () => Promise<net.Socket>,
  ): Promise<void>;
  /** Serves a connection to the proxy's own address. */
  serveProxy(guest: Duplex, opener: Opener): void;
}

export function createInspection(options: InspectionOptions): Inspection {
  const { policy } = options;
  let loaded: ReturnType<typeof load> | undefined;
  const editFor = createEdits(policy);

  return {
    async caPem() {
      const { authority } = await (loaded ??= load(options));
      return authority.caPem();
    },
    async trust() {
      const { trust } = await (loaded ??= load(options));
      return trust();
    },
    async serve(target, guest, dial) {
      const { intercept, ...shared } = await (loaded ??= load(options));
      await intercept({ ...options, ...shared, target, guest, dial, editFor });
    },
    serveProxy(guest, opener) {
      guest.on('error', () => undefined);
      const serving = (loaded ??= load(options)).then(({ proxy, ...shared }) =>
        proxy({ ...options, ...shared, stream: guest, opener, editFor }),
      );
      serving.catch(() => guest.destroy());
    },
  };
}

/** Whether some rule can only be kept by looking at requests. */
export function needsInspection(policy: EffectivePolicy): boolean {
  return (
    policy.layers
      .flatMap((layer) => [layer, layer.max ?? layer])
      .some(({ network }) => [...network.allow, ...network.deny].some(isRequestLevel)) ||
    (policy.within !== undefined && needsInspection(policy.within))
  );
}

async function load(options: InspectionOptions): Promise<{
  intercept: typeof Intercept;
  authority: Authority;
  trust: InterceptOptions['trust'];
  limits: HttpLimits;
  held: Held;
  proxy: typeof Proxy;
}> {
  const [
    { createAuthority },
    { intercept },
    { DEFAULT_HTTP_LIMITS },
    { createTrust },
    { serveProxy },
    { createHeld },
  ] = await Promise.all([
    import('./http/authority.ts'),
    import('./http/intercept.ts'),
    import('./http/limits.ts'),
    import('./http/trust.ts'),
    import('./http/proxy.ts'),
    import('./http/held.ts'),
  ]);
  let trust: ReturnType<typeof createTrust> | undefined;
  return {
    intercept,
    authority: createAuthority(),
    trust: () => (trust ??= createTrust(options.ca)),
    limits: { ...DEFAULT_HTTP_LIMITS, ...options.limits },
    held: createHeld(),
    proxy: serveProxy,
  };
}
