// Which proxy the host's own connections go through, read from the variables its other programs obey.
// Invariant: a setting that cannot be followed is an error, never a direct connection; no message holds a name, password or URL.

import { parseAddress } from '../../../match/address.ts';
import { canonicalName } from '../../../match/host.ts';
import { SandboxError } from '../../../model/error.ts';
import { readNoProxy } from './no-proxy.ts';
import type { NoProxy } from './no-proxy.ts';

/** `socks5`: names are resolved here and addresses are sent; all others are sent the name. */
export type ProxyKind = 'http' | 'https' | 'socks5' | 'socks5h';

export interface UpstreamProxy {
  kind: ProxyKind;
  /** canonical name, or an address without brackets */
  host: string;
  port: number;
  credentials?: { user: string; password: string };
  /** `KIND://HOST:PORT`, fit for records */
  label: string;
}

export interface ProxySettings {
  /** The proxy for connections to `host:port`; undefined where they are direct. */
  proxyFor(host: string, port: number): UpstreamProxy | undefined;
  /** entries of NO_PROXY that mean nothing and change nothing */
  ignored: readonly string[];
}

export const NO_PROXIES: ProxySettings = {
  proxyFor: () => undefined,
  ignored: [],
};

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_PORTS: Readonly<Record<ProxyKind, number>> = {
  http: 80,
  https: 443,
  socks5: 1080,
  socks5h: 1080,
};
/** RFC 1929 has one byte for the length of each */
const MAX_CREDENTIAL = 255;

/**
 * `HTTP_PROXY` holds for port 80, `HTTPS_PROXY` for every other port, `ALL_PROXY` where the one of these is not set. In lower
 * case they win, as with curl; set to nothing they mean none.
 */
export function readProxySettings(environment: Environment): ProxySettings {
  const http = readProxy(environment, 'http_proxy', 'all_proxy');
  const https = readProxy(environment, 'https_proxy', 'all_proxy');
  if (http === undefined && https === undefined) return NO_PROXIES;
  const exceptions: NoProxy = readNoProxy(valueOf(environment, 'no_proxy')?.text ?? '');
  return {
    proxyFor: (host, port) =>
      exceptions.covers(host, port) ? undefined : port === 80 ? http : https,
    ignored: exceptions.ignored,
  };
}

function readProxy(environment: Environment, ...names: string[]): UpstreamProxy | undefined {
  for (const name of names) {
    const found = valueOf(environment, name);
    if (found !== undefined)
      return found.text === '' ? undefined : parseProxy(found.text, found.name);
  }
  return undefined;
}

function valueOf(
  environment: Environment,
  name: string,
): { name: string; text: string } | undefined {
  for (const spelling of [name, name.toUpperCase()]) {
    const text = environment[spelling];
    if (text !== undefined) return { name: spelling, text: text.trim() };
  }
  return undefined;
}

function parseProxy(text: string, variable: string): UpstreamProxy {
  // Programs take `host:port` for an http proxy.
  const written = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (!URL.canParse(written)) throw unusable(variable, 'is no URL');
  const url = new URL(written);
  const kind = url.protocol.slice(0, -1);
  if (!isKind(kind))
    throw unusable(variable, `asks for a proxy of the kind '${kind.slice(0, 20)}'`);
  // The rules for http URLs make the host canonical; those for other schemes leave it as it stands.
  const bare = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const host = parseAddress(bare) === undefined ? canonicalName(decode(bare, variable)) : bare;
  if (host === undefined) throw unusable(variable, 'names no host');
  if (!/^\/?$/.test(url.pathname) || url.search !== '' || url.hash !== '')
    throw unusable(variable, 'holds more than a host and a port');
  const port = url.port === '' ? DEFAULT_PORTS[kind] : Number(url.port);
  if (port === 0) throw unusable(variable, 'names port 0');
  const user = decode(url.username, variable);
  const password = decode(url.password, variable);
  if (!canBeSent(kind, user, password))
    throw unusable(variable, 'holds a user or password that cannot be sent');
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return {
    kind,
    host,
    port,
    ...((user !== '' || password !== '') && { credentials: { user, password } }),
    label: `${kind}://${authority}`,
  };
}

/** SOCKS wants both or none; Basic ends the user at the first colon. */
function canBeSent(kind: ProxyKind, user: string, password: string): boolean {
  const parts = [user, password];
  if (parts.some((part) => Buffer.byteLength(part) > MAX_CREDENTIAL)) return false;
  return kind.startsWith('socks')
    ? (user === '') === (password === '')
    : !user.includes(':') && !parts.some((part) => /[\0-\x1f\x7f]/.test(part));
}

function isKind(text: string): text is ProxyKind {
  return Object.hasOwn(DEFAULT_PORTS, text);
}

function decode(text: string, variable: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw unusable(variable, 'holds an escape that is none');
  }
}

function unusable(variable: string, what: string): SandboxError {
  return new SandboxError({
    kind: 'environment',
    code: 'EGRESS_PROXY_SETTING',
    message: `the variable ${variable} ${what}, so no connection can be made through it`,
    hint: `set ${variable} to http://HOST:PORT, https://HOST:PORT, socks5://HOST:PORT or socks5h://HOST:PORT, or unset it to connect directly`,
  });
}
