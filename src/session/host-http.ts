// How the host itself reaches those who mint credentials and vouch for identities: as its own programs would, through its own
// proxies, believing whom it believes.

import { isIP, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';

import { dialAddress, dialFirst } from '../enforce/egress/dial.ts';
import { createTrust } from '../enforce/egress/http/trust.ts';
import { lookupOnHost } from '../enforce/egress/lookup.ts';
import { connectThrough } from '../enforce/egress/upstream-proxy/connect.ts';
import type { ProxySettings } from '../enforce/egress/upstream-proxy/setting.ts';
import { createHttpClient } from '../provider/http.ts';
import type { HttpClient } from '../provider/http.ts';

export interface HostHttpOptions {
  proxies: ProxySettings;
  /** certificates in PEM, believed besides the host's */
  ca: readonly string[];
}

/** in `ms` */
const LIMITS = { connect: 10_000, stagger: 250 };

export function createHostHttp({ proxies, ca }: HostHttpOptions): HttpClient {
  const secureContext = createTrust(ca);
  const trust = (): Promise<SecureContext> => Promise.resolve(secureContext);
  async function dial(host: string, port: number): Promise<Socket> {
    const { signal } = new AbortController();
    const ways = { lookup: lookupOnHost, dial: dialAddress, trust, limits: LIMITS, signal };
    const proxy = proxies.proxyFor(host, port);
    if (proxy !== undefined) return connectThrough(proxy, { host, port }, ways);
    const addresses = isIP(host) === 0 ? await lookupOnHost(host) : [host];
    const { connect: timeout, stagger } = LIMITS;
    return dialFirst({ dial: dialAddress, addresses, port, timeout, stagger, signal });
  }
  return createHttpClient({ secureContext, dial });
}
