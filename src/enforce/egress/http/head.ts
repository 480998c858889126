// From a received header section to a request that can be judged: whatever two readers could understand differently is refused.
// Invariant: host, path and body length of what goes on are the ones found here, never the guest's own text.

import { canonicalUrlPath } from '../../../match/url-path.ts';
import { canonicalAddress } from '../canonical.ts';
import type { CheckId } from '../judge.ts';
import { METHOD_OVERRIDES, PATH_OVERRIDES } from './fields.ts';
import { endToEnd, faultOfFields, membersOf, plainName, valuesOf } from './fields.ts';
import type { Fields } from './fields.ts';
import type { RawHead, RequestHead, Site } from './message.ts';

export interface HeadFault {
  status: 400 | 417 | 421 | 431;
  check: Extract<CheckId, 'egress-http' | 'egress-authority'>;
  reason: string;
}

export type HeadResult = { head: RequestHead; fault?: never } | { head?: never; fault: HeadFault };

const METHOD = /^[A-Z][A-Z0-9_-]{0,31}$/;
const LENGTH = /^\d{1,15}$/;
const NOT_FORWARDED = new Set(['host', 'content-length', 'expect']);

export function readHead(raw: RawHead, site: Site, maxFields: number): HeadResult {
  const { fields } = raw;
  if (fields.length > maxFields) return bad(`more than ${maxFields} header fields`, 431);
  const fault = faultOfFields(fields) ?? faultOfLine(raw) ?? faultOfFraming(raw);
  if (fault !== undefined) return bad(fault);
  const authority = readAuthority(raw, site);
  if (authority !== undefined) return authority;
  const [path, query] = splitTarget(raw.target);
  const canonical = site.isOpen === true ? path : canonicalUrlPath(path);
  if (canonical === undefined)
    return bad(
      'the path has no canonical form: it holds dot segments, doubled or encoded separators',
    );
  const judged = site.isOpen === true ? [] : fields;
  const override = judged.find(([name]) => PATH_OVERRIDES.has(plainName(name)));
  if (override) return bad(`header ${override[0]} names another path than the one judged`);
  const alternatives = judged
    .filter(([name]) => METHOD_OVERRIDES.has(plainName(name)))
    .map(([, value]) => value.trim().toUpperCase());
  if (!alternatives.every((method) => METHOD.test(method)))
    return bad('a header that overrides the method names none');
  if (membersOf(fields, 'expect').some((member) => member !== '100-continue'))
    return bad('the only expectation known is 100-continue', 417);
  const isWebSocket = raw.isUpgrade && membersOf(fields, 'upgrade').join() === 'websocket';
  const body = bodyOf(raw);
  if (raw.isUpgrade && body.hasBody) return bad('an upgrade with a body');
  const expects = membersOf(fields, 'expect').length > 0 && body.hasBody;
  const kept = endToEnd(fields).filter(([name]) => !NOT_FORWARDED.has(name));
  if (expects) kept.push(['expect', '100-continue']);
  return {
    head: {
      method: raw.method,
      alternatives: [...new Set(alternatives)].filter((method) => method !== raw.method),
      path: canonical,
      query,
      fields: kept,
      ...body,
      takesTrailers: membersOf(fields, 'te').includes('trailers'),
      isWebSocket,
    },
  };
}

/** The request as far as it can be named: for records of those that are refused. */
export function pathOf(raw: RawHead): string | undefined {
  return canonicalUrlPath(splitTarget(raw.target)[0]);
}

export function isMethod(method: string): boolean {
  return METHOD.test(method);
}

function bad(reason: string, status: 400 | 417 | 431 = 400): HeadResult {
  return { fault: { status, check: 'egress-http', reason } };
}

function faultOfLine({ method, target, version, pseudo }: RawHead): string | undefined {
  if (!METHOD.test(method)) return 'the method is none: expected upper-case letters';
  if (method === 'CONNECT') return 'CONNECT asks for a connection, and this is one already';
  const versions = pseudo === undefined ? ['1.0', '1.1'] : ['2.0'];
  if (!versions.includes(version)) return 'an unknown version of HTTP';
  // The absolute form names a server of its own, and `*` no path that could be judged.
  if (!target.startsWith('/')) return 'the request target does not begin with a slash';
  if (target.includes('#')) return 'the request target holds a fragment';
  return /[^\x21-\x7e\x80-\xff]/.test(target)
    ? 'the request target holds characters that no URL may hold'
    : undefined;
}

/** How long the body is must be said once and in one way (RFC 9112 §6). */
function faultOfFraming({ version, fields }: RawHead): string | undefined {
  const lengths = valuesOf(fields, 'content-length');
  const codings = valuesOf(fields, 'transfer-encoding');
  if (lengths.length > 1) return 'more than one content-length';
  if (!lengths.every((length) => LENGTH.test(length))) return 'content-length is no number';
  if (codings.length === 0) return undefined;
  if (version !== '1.1') return `transfer-encoding with HTTP/${version}`;
  if (lengths.length > 0) return 'content-length and transfer-encoding together';
  return codings.length === 1 && codings[0]?.toLowerCase() === 'chunked'
    ? undefined
    : 'a transfer-encoding other than chunked';
}

function bodyOf(raw: RawHead): Pick<RequestHead, 'length' | 'hasBody'> {
  const [text] = valuesOf(raw.fields, 'content-length');
  const declared = text === undefined ? undefined : Number(text);
  if (raw.hasEnded === true) return { length: declared, hasBody: false };
  if (declared !== undefined) return { length: declared, hasBody: declared > 0 };
  const isOpen = raw.hasEnded === false || valuesOf(raw.fields, 'transfer-encoding').length > 0;
  return { length: undefined, hasBody: isOpen };
}

/** Every name for the server in the request is the decided one; otherwise it was meant for another connection (421). */
function readAuthority(raw: RawHead, site: Site): HeadResult | undefined {
  const hosts = valuesOf(raw.fields, 'host');
  const { pseudo } = raw;
  if (hosts.length > 1) return bad('more than one host header');
  const claims = pseudo?.authority === undefined ? hosts : [pseudo.authority, ...hosts];
  if (claims.length === 0) return bad('no host header');
  if (pseudo !== undefined && pseudo.scheme !== site.scheme)
    return bad(`the scheme is not ${site.scheme}`);
  const other = claims.find((claim) => !isSite(claim, site));
  if (other === undefined) return undefined;
  return {
    fault: {
      status: 421,
      check: 'egress-authority',
      reason: `the request names ${quote(other)}, and this connection was decided for ${site.host}:${site.port}`,
    },
  };
}

function isSite(claim: string, site: Site): boolean {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(claim.trim());
  if (!match) return false;
  const [, name = '', port = site.scheme === 'https' ? '443' : '80'] = match;
  if (Number(port) !== site.port) return false;
  const bare = name.replace(/^\[|\]$/g, '').toLowerCase();
  return site.isName ? bare.replace(/\.$/, '') === site.host : canonicalAddress(bare) === site.host;
}

function splitTarget(target: string): [path: string, query: string] {
  const at = target.indexOf('?');
  if (at < 0) return [target, ''];
  // Raw bytes in a query are a client's carelessness with UTF-8; written out they mean the same to everybody.
  const query = target
    .slice(at)
    .replace(/[\x80-\xff]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return [target.slice(0, at), query];
}

const MAX_CLAIM = 80;

function quote(claim: string): string {
  return `"${claim.slice(0, MAX_CLAIM).replace(/[^\x21-\x7e]|["\\]/g, '?')}"`;
}

export function hostField(site: Site): string {
  const name = site.host.includes(':') ? `[${site.host}]` : site.host;
  const isUsual = site.port === (site.scheme === 'https' ? 443 : 80);
  return isUsual ? name : `${name}:${site.port}`;
}

export function withLength(head: RequestHead): Fields {
  return head.length === undefined
    ? head.fields
    : [...head.fields, ['content-length', String(head.length)]];
}
