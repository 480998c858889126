// URIs of resources: the one canonical form. Invariant: one that two servers could read differently has none.
// https://www.rfc-editor.org/rfc/rfc3986 (6.2: one spelling of each), https://www.rfc-editor.org/rfc/rfc8089 (`file`).
import { readFilePlace } from './file-spelling.ts';
import { foldName } from './tool.ts';

export const MAX_URI = 8192;

const SCHEME = /^[a-z][a-z0-9+.-]{0,31}:/;
/** Blanks, what controls or turns text round, halves of characters, a backslash, an escape that is none. */
const FORBIDDEN =
  /[\s\\\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|%(?![0-9A-F]{2})|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/u;
/** Escapes of what needs none, of control characters, and of an escape. */
const RESPELT =
  /%(?:[01][0-9A-F]|2D|2E|3[0-9]|4[1-9A-F]|5[0-9A]|5F|6[1-9A-F]|7[0-9A]|7E|7F|25[0-9A-Fa-f]{2})/;
/** Escaped slashes and backslashes: some servers find segments behind them. */
const HIDDEN = /%(?:2F|5C)/;

export function isCanonicalUri(uri: string): boolean {
  if (uri.length > MAX_URI || !SCHEME.test(uri) || FORBIDDEN.test(uri) || RESPELT.test(uri))
    return false;
  const decoded = decode(uri);
  if (decoded === undefined) return false;
  if (uri.startsWith('file:')) return isCanonicalFile(uri, decoded);
  const path = uri.slice(uri.indexOf(':') + 1).replace(/[?#].*$/s, '');
  if (HIDDEN.test(path)) return false;
  const plain = (decode(path) ?? '').normalize('NFKC');
  if ([path, plain].some((one) => one.split(/[/\\]/).some(isDots))) return false;
  return !/^https?:/.test(uri) || isCanonicalUrl(uri);
}

/** `file:///` and a path, and nothing else. */
function isCanonicalFile(uri: string, decoded: string): boolean {
  if (!uri.startsWith('file:///') || /[?#]/.test(uri) || HIDDEN.test(uri)) return false;
  return readFilePlace(decoded.slice('file://'.length)) !== undefined;
}

function isCanonicalUrl(uri: string): boolean {
  try {
    const { href, username, password } = new URL(uri);
    return (href === uri || href === `${uri}/`) && username === '' && password === '';
  } catch {
    return false; // no URL at all
  }
}

/** As a deny compares it: escapes undone, and then as a name. */
export function foldUri(uri: string): string {
  return foldName(decode(uri) ?? uri);
}

const isDots = (segment: string): boolean => segment === '.' || segment === '..';

function decode(uri: string): string | undefined {
  try {
    return decodeURIComponent(uri);
  } catch {
    return undefined; // bytes that are no UTF-8
  }
}
