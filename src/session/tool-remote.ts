// The way to a tool server that is not in a machine of ours: as the host's own programs would go, to addresses that are checked.
// Invariant: a name leads to public addresses, or to private ones that a `cidr` rule of the policy names; the host's loopback only
// where the server's URL says so itself.

import { isIP, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';

import { createAddressCheck } from '../enforce/egress/address-check.ts';
import { dialAddress, dialFirst } from '../enforce/egress/dial.ts';
import { lookupOnHost } from '../enforce/egress/lookup.ts';
import { connectThrough } from '../enforce/egress/upstream-proxy/connect.ts';
import type { ProxySettings } from '../enforce/egress/upstream-proxy/setting.ts';
import { SandboxError } from '../model/error.ts';
import type { Decider } from '../policy/decide.ts';

/** in `ms` */
const LIMITS = { connect: 10_000, stagger: 250 };
const LOOPBACK = ['127.0.0.1', '::1'];

export interface RemoteDialOptions {
  /** as the policy has it */
  url: string;
  /** of the session that is served */
  decide: Decider;
  proxies: ProxySettings;
  secureContext: SecureContext;
}

/** A connection to the server's host and port; throws `MCP_ADDRESS` where it may not be made. */
export function createRemoteDial(options: RemoteDialOptions): () => Promise<Socket> {
  const { decide, proxies, secureContext } = options;
  const { host, port, isLoopback } = placeOf(options.url);
  const check = createAddressCheck(decide);
  const { connect: timeout, stagger } = LIMITS;

  async function addressesOf(): Promise<string[]> {
    if (isLoopback) return isIP(host) === 0 ? LOOPBACK : [host];
    if (isIP(host) !== 0) {
      const fault = check.direct(host);
      if (fault !== undefined) throw refused(fault);
      return [host];
    }
    const addresses = await lookupOnHost(host);
    for (const address of addresses) {
      const fault = check.behindName(address, { kind: 'connect', host, port });
      if (fault !== undefined) throw refused(fault);
    }
    return addresses;
  }

  return async () => {
    const { signal } = new AbortController();
    const proxy = isLoopback ? undefined : proxies.proxyFor(host, port);
    if (proxy === undefined) {
      const addresses = await addressesOf();
      return dialFirst({ dial: dialAddress, addresses, port, timeout, stagger, signal });
    }
    // A network behind a proxy may know no names of the outside; what is known is checked.
    await addressesOf().catch((error: unknown) => {
      if (error instanceof SandboxError && error.code === 'MCP_ADDRESS') throw error;
    });
    const trust = (): Promise<SecureContext> => Promise.resolve(secureContext);
    const ways = { lookup: lookupOnHost, dial: dialAddress, trust, limits: LIMITS, signal };
    return connectThrough(proxy, { host, port }, ways);
  };
}

/** `host` without brackets. */
export function placeOf(url: string): { host: string; port: number; isLoopback: boolean } {
  const { hostname, port, protocol } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  // Names may begin like addresses; these three are what a policy's URL may say for the loopback.
  const isLoopback = host === 'localhost' || LOOPBACK.includes(host);
  return { host, port: Number(port || (protocol === 'https:' ? 443 : 80)), isLoopback };
}

function refused(why: string): SandboxError {
  return new SandboxError({ kind: 'policy', code: 'MCP_ADDRESS', message: why });
}
