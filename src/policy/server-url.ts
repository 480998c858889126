// The URL of a remote tool server: what may stand there, and which requests of the host's it comes to.
import { formatAddress, parseAddress, unwrapAddress } from '../match/address.ts';
import { HOST_NAME, canonicalName, isReservedName } from '../match/host.ts';
import { specialRange } from '../match/special.ts';
import { canonicalUrlPath } from '../match/url-path.ts';

/** Where requests to a server go, in the words of a network request. */
export interface ServerReach {
  scheme: 'http' | 'https';
  /** as rules name it: HOST_NAME for the host's own loopback */
  host: string;
  port: number;
  /** canonical */
  path: string;
}

const LOOPBACK = ['localhost', '127.0.0.1', '::1'];

export type ReadUrl =
  { reach: ServerReach; fault?: never } | { reach?: never; fault: string; help?: string };

/** Methods of Streamable HTTP: messages, the stream of what the server says by itself, the end of a session. */
export const SERVER_METHODS: readonly string[] = ['GET', 'POST', 'DELETE'];

export function readServerUrl(text: string): ReadUrl {
  const match =
    /^(https?):\/\/(\[[0-9A-Fa-f:.]+\]|[^:/?#@\s\\]+)(?::([0-9]{1,5}))?(\/[^?#\s]*)?$/.exec(text);
  if (match === null)
    return {
      fault: `"${text}" is no URL of a server`,
      help: 'write https://HOST/PATH without credentials, query and fragment; http for localhost alone',
    };
  const scheme = match[1] === 'http' ? 'http' : 'https';
  const bare = (match[2] ?? '').replace(/^\[|\]$/g, '');
  const address = parseAddress(bare.toLowerCase());
  const name = address === undefined ? canonicalName(bare) : formatAddress(address);
  if (name === undefined) return { fault: `"${bare}" is neither a host name nor an address` };
  const port = Number(match[3] ?? (scheme === 'https' ? 443 : 80));
  if (port < 1 || port > 65535) return { fault: 'a port is from 1 to 65535' };
  const path = canonicalUrlPath(match[4] ?? '/');
  if (path === undefined)
    return { fault: `the path of "${text}" has no canonical form, so no request goes there` };
  if (LOOPBACK.includes(name)) return { reach: { scheme, host: HOST_NAME, port, path } };
  if (name === HOST_NAME || isReservedName(name))
    return {
      fault: `"${name}" means nothing on the host`,
      help: 'write localhost for its loopback',
    };
  if (name.endsWith('.localhost'))
    return { fault: `"${name}" is never connected to`, help: 'write localhost' };
  if (address !== undefined) {
    const plain = unwrapAddress(address);
    const special = specialRange(plain);
    if (special?.kind === 'never' || plain.family !== address.family)
      return {
        fault: `no server is at ${name}: it is ${special?.what ?? 'IPv4 in another spelling'}`,
      };
  }
  if (scheme === 'http')
    return {
      fault: `"${text}" is not encrypted`,
      help: 'http is for localhost alone; write https',
    };
  return { reach: { scheme, host: name, port, path } };
}
