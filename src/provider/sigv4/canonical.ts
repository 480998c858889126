// The canonical request of Signature Version 4: what both sides of a signature hash.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

/** A request as it goes over the wire. */
export interface WireRequest {
  method: string;
  /** value of `host`, or of `:authority` */
  host: string;
  /** path of the request target as sent, escapes and all */
  path: string;
  /** behind the `?`, as sent; empty where there is none */
  query: string;
  /** as sent and in that order, one character a byte; `host` may be among them */
  headers: readonly (readonly [name: string, value: string])[];
}

export const EMPTY_HASH = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** What a target may hold on the wire. */
const PRINTABLE = /^[!-~]*$/;
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/;
const UNRESERVED = /^[A-Za-z0-9._~-]*$/;
const ONE_UNRESERVED = /[A-Za-z0-9._~-]/;

/**
 * How a path is signed: `plain` as it is sent, `normal` without empty and dot segments and with each segment escaped once
 * more. Only S3 does the former.
 */
export type PathRule = 'plain' | 'normal';

const PLAIN_PATH = new Set(['s3', 's3express', 's3-object-lambda', 's3-outposts']);

export function pathRuleOf(service: string): PathRule {
  return PLAIN_PATH.has(service) ? 'plain' : 'normal';
}

/**
 * The canonical request over the headers named in `signed` (lower case, sorted) and the payload's hash or literal. Undefined
 * where the target has no single reading: bytes outside printable ASCII, an escape that is none, a `+` in the query, which
 * some servers take for a space.
 */
export function canonicalRequest(
  request: WireRequest,
  signed: readonly string[],
  payload: string,
  rule: PathRule,
): string | undefined {
  const path = canonicalPath(request.path, rule);
  const query = canonicalQuery(request.query);
  if (path === undefined || query === undefined) return undefined;
  const values = headerValues(request);
  let headers = '';
  for (const name of signed) headers += `${name}:${(values.get(name) ?? []).join(',')}\n`;
  return `${request.method}\n${path}\n${query}\n${headers}\n${signed.join(';')}\n${payload}`;
}

/** Values of all headers by lower-case name: trimmed, runs of blanks made one, in the order sent. */
export function headerValues(request: WireRequest): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const [name, value] of request.headers) {
    const key = name.toLowerCase();
    const folded = value.replace(/[ \t]+/g, ' ').replace(/^ | $/g, '');
    const known = values.get(key);
    if (known === undefined) values.set(key, [folded]);
    else known.push(folded);
  }
  values.set('host', [request.host]);
  return values;
}

function canonicalPath(path: string, rule: PathRule): string | undefined {
  if (!path.startsWith('/') || !PRINTABLE.test(path) || BAD_ESCAPE.test(path)) return undefined;
  if (rule === 'plain') return path;
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..') kept.pop();
    else kept.push(escapeBytes(segment));
  }
  const end = kept.length > 0 && path.endsWith('/') ? '/' : '';
  return `/${kept.join('/')}${end}`;
}

function canonicalQuery(query: string): string | undefined {
  const pairs = queryPairs(query);
  if (pairs === undefined) return undefined;
  const escaped = pairs.map(([name, value]) => [escapeBytes(name), escapeBytes(value)] as const);
  escaped.sort((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]));
  return escaped.map(([name, value]) => `${name}=${value}`).join('&');
}

/** Names and values of a query with their escapes undone, one character a byte; undefined where it has no single reading. */
export function queryPairs(query: string): [name: string, value: string][] | undefined {
  if (!PRINTABLE.test(query) || BAD_ESCAPE.test(query) || query.includes('+')) return undefined;
  const pairs: [string, string][] = [];
  for (const piece of query.split('&')) {
    if (piece === '') continue;
    const at = piece.indexOf('=');
    const name = at < 0 ? piece : piece.slice(0, at);
    pairs.push([unescapeBytes(name), at < 0 ? '' : unescapeBytes(piece.slice(at + 1))]);
  }
  return pairs;
}

/** By code point; all that is compared is ASCII. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function unescapeBytes(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) =>
    String.fromCharCode(parseInt(digits, 16)),
  );
}

/** RFC 3986, in upper case, `/` too; of a string with one character a byte. */
function escapeBytes(text: string): string {
  if (UNRESERVED.test(text)) return text;
  let escaped = '';
  for (const char of text) {
    escaped += ONE_UNRESERVED.test(char)
      ? char
      : `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return escaped;
}
