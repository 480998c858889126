// From a decided destination to a socket that leads there: directly to a checked address, or through the host's proxy.
// Invariant: every address that is known here is checked before anything goes to it, through a proxy as well.

import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';

import { HOST_NAME } from '../../match/host.ts';
import { SandboxError, messageOf } from '../../model/error.ts';
import type { AddressCheck } from './address-check.ts';
import { dialledAddress } from './canonical.ts';
import { dialFirst } from './dial.ts';
import type { Dial } from './dial.ts';
import type { Judge } from './judge.ts';
import type { Lookup } from './lookup.ts';
import type { Admitted, Target } from './target.ts';
import type { ProxySettings, UpstreamProxy } from './upstream-proxy/setting.ts';

export interface RouteLimits {
  /** milliseconds to connect upstream, a proxy's handshakes included */
  connect: number;
  /** milliseconds before the next address is tried beside the last */
  stagger: number;
}

export interface RouterOptions {
  judge: Judge;
  checkAddress: AddressCheck;
  lookup: Lookup;
  dial: Dial;
  proxies: ProxySettings;
  /** some rule denies addresses: then no name goes out whose addresses are not known here */
  deniesAddresses: boolean;
  /** whose certificates are believed of a proxy that is spoken to in TLS */
  trust: () => Promise<SecureContext>;
  limits: RouteLimits;
}

/** The way to one destination, for however many connections of one guest connection. */
export interface Route {
  /** Undefined when the destination is refused, which then is on record, or when `signal` was given before anything began. */
  connect(signal: AbortSignal): Promise<Socket | undefined>;
  /** facts for the record of an outcome */
  facts(socket: Socket): Record<string, string>;
}

export interface Router {
  to(target: Admitted): Route;
  /** The checked addresses of a target that no proxy carries; undefined, and on record, when there is anything wrong with any. */
  addressesOf(target: Target): Promise<string[] | undefined>;
  /** The proxy in the way, fit for records. */
  viaOf(target: Pick<Target, 'host' | 'port'>): string | undefined;
}

/** All that HOST_NAME means; no resolver is asked. */
const HOST_LOOPBACK = ['127.0.0.1', '::1'];

export function createRouter(options: RouterOptions): Router {
  const { judge, limits } = options;
  const unknown = createUnknownNames();

  const proxyOf = ({ host, port }: Pick<Target, 'host' | 'port'>): UpstreamProxy | undefined =>
    host === HOST_NAME ? undefined : options.proxies.proxyFor(host, port);

  /** All addresses of the name, each of them checked; undefined, and a record, when there is anything wrong with any. */
  async function addressesOf(
    target: Target & Partial<Admitted>,
    proxy?: UpstreamProxy,
  ): Promise<string[] | undefined> {
    if (!target.isName) return [target.host];
    if (target.host === HOST_NAME) return HOST_LOOPBACK;
    // A network behind a proxy may know no names of the outside. Only a rule's word goes so far: not audit mode's.
    const mayProxyResolve =
      target.isAllowed === true &&
      proxy !== undefined &&
      proxy.kind !== 'socks5' &&
      !options.deniesAddresses;
    if (mayProxyResolve && unknown.has(target.host)) return [];
    let answers: string[];
    try {
      answers = await options.lookup(target.host);
    } catch (error) {
      if (mayProxyResolve) {
        unknown.add(target.host);
        return [];
      }
      judge.refuse(target.request, 'egress-lookup', messageOf(error));
      return undefined;
    }
    const faults = answers.map((answer) => options.checkAddress.behindName(answer, target.request));
    const fault = faults.find((found) => found !== undefined);
    if (fault === undefined) return [...new Set(answers.map(dialledAddress))];
    judge.refuse(target.request, 'egress-address', fault);
    return undefined;
  }

  async function through(
    proxy: UpstreamProxy,
    target: Admitted,
    addresses: readonly string[],
    signal: AbortSignal,
  ): Promise<Socket> {
    const { connectThrough } = await import('./upstream-proxy/connect.ts');
    // What was looked up and checked is what a proxy of this kind is told; the others want the name.
    const [first = target.host] = proxy.kind === 'socks5' ? addresses : [];
    return connectThrough(
      proxy,
      { host: first, port: target.port },
      { ...options, limits, signal },
    );
  }

  return {
    addressesOf: (target) => addressesOf(target),
    viaOf: (target) => proxyOf(target)?.label,
    to(target) {
      const proxy = proxyOf(target);
      let addresses: string[] | undefined;
      return {
        async connect(signal) {
          addresses ??= await addressesOf(target, proxy);
          if (addresses === undefined || signal.aborted) return undefined;
          if (proxy !== undefined) return through(proxy, target, addresses, signal);
          return dialFirst({
            ...options,
            addresses,
            port: target.port,
            timeout: limits.connect,
            // On the host's loopbacks two services may share a port: the second one is for where the first is not.
            stagger: target.host === HOST_NAME ? limits.connect : limits.stagger,
            signal,
          });
        },
        facts: (socket): Record<string, string> =>
          proxy === undefined
            ? { address: socket.remoteAddress ?? '' }
            : {
                viaProxy: proxy.label,
                ...(addresses?.length === 0 && { resolvedBy: 'proxy' }),
              },
      };
    },
  };
}

/** milliseconds for which a name that nobody here knows is not asked for again: where no resolver answers, that takes seconds */
const UNKNOWN_FOR = 60_000;
const MAX_UNKNOWN = 1000;

function createUnknownNames(): { add(name: string): void; has(name: string): boolean } {
  const until = new Map<string, number>();
  return {
    add(name) {
      if (until.size >= MAX_UNKNOWN) until.clear();
      until.set(name, performance.now() + UNKNOWN_FOR);
    },
    has: (name) => (until.get(name) ?? 0) > performance.now(),
  };
}

export function unreachable(host: string): SandboxError {
  return new SandboxError({
    kind: 'upstream',
    code: 'EGRESS_UNREACHABLE',
    message: `${host} leads to no allowed address`,
  });
}
