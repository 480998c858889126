// Paths of URLs: the one canonical form, and patterns over it. The only reader of them. Invariant: a path that two servers
// could read differently either has no canonical form, or matches a rule in each of its spellings.
import { compilePath, matchesPath, MAX_TAIL, type PathPattern, splitPath } from './path.ts';

export const MAX_URL_PATH = 8192;

// Outside printable ASCII; what ends a path, turns it round, or hangs parameters on a segment; an escape that is none.
const FORBIDDEN = /[^!-~]|[?#\\;]|%(?![0-9A-Fa-f]{2})/;
// The same behind an escape: control characters, `;`, `\`, and an escape that a second decoding would find.
const HIDDEN = /%(?:[01][0-9A-F]|7F|3B|5C|25[0-9A-Fa-f]{2})/;
const UNRESERVED = /[A-Za-z0-9._~-]/;
/** What most paths are: nothing in it has a second spelling. */
const PLAIN = /^(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+\/?$/;
/** The name of a scoped package as npm asks for it: `/@scope%2Fname`, and nowhere else is a slash encoded. */
const SCOPED = /^\/@[A-Za-z0-9_~-][A-Za-z0-9._~-]*%2F[A-Za-z0-9_~-][A-Za-z0-9._~-]*(?=\/|$)/;

/**
 * The canonical form of the path part of a request target: escapes of unreserved characters decoded, all others in upper
 * case, characters that no path may hold escaped, one trailing slash kept, `/./` left out where it is written plainly (apt asks
 * for `/debian/./Packages`, and everybody means the same by it). Undefined for what has none: see FORBIDDEN and HIDDEN, and
 * encoded slashes, bytes that are no UTF-8, all other `.` and `..`, empty segments, more than 8192 characters.
 */
export function canonicalUrlPath(raw: string): string | undefined {
  if (raw.length > MAX_URL_PATH || !raw.startsWith('/') || FORBIDDEN.test(raw)) return undefined;
  if (PLAIN.test(raw)) return raw;
  const path = raw.replace(/\/(?:\.\/)+/g, '/').replace(/%[0-9A-Fa-f]{2}|["<>[\]^`{|}]/g, respell);
  if (path.length > MAX_URL_PATH || HIDDEN.test(path) || !isUtf8(path)) return undefined;
  if (path.replace(SCOPED, '').includes('%2F')) return undefined;
  const segments = path.slice(1).split('/');
  const isOdd = segments.some(
    (segment, i) =>
      segment === '.' || segment === '..' || (segment === '' && i < segments.length - 1),
  );
  return isOdd ? undefined : path;
}

function respell(text: string): string {
  if (text.length === 1) return `%${text.charCodeAt(0).toString(16).toUpperCase()}`;
  const char = String.fromCharCode(parseInt(text.slice(1), 16));
  return UNRESERVED.test(char) ? char : text.toUpperCase();
}

function isUtf8(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false; // overlong and cut sequences: lenient servers find dots and slashes in them
  }
}

/** Reads a pattern as its author wrote it: its canonical form, or what is wrong with it. */
export function readUrlPattern(
  text: string,
): { pattern: string; fault?: never } | { pattern?: never; fault: string; help?: string } {
  if (!text.startsWith('/'))
    return { fault: `"${text}" does not start with \`/\``, help: 'write the path alone, as /a/b' };
  if (/[?#]/.test(text))
    return { fault: `"${text}" holds more than a path`, help: 'only the path of a URL is judged' };
  if (/[{}]/.test(text))
    return {
      fault: '`{…}` is no wildcard here',
      help: 'use `*` within a segment, `**` across segments, and one path for each alternative',
    };
  const segments = text.split('/');
  const glued = segments.find((segment) => segment.includes('**') && segment !== '**');
  if (glued !== undefined)
    return {
      fault: `\`**\` stands alone between slashes, not inside "${glued}"`,
      help: 'use `*` within a segment',
    };
  const first = segments.findIndex((segment) => segment.includes('*'));
  if (first >= 0 && segments.length - first > MAX_TAIL)
    return { fault: `more than ${MAX_TAIL} segments after the first wildcard` };
  const path = canonicalUrlPath(text);
  if (path === undefined)
    return {
      fault: `"${text}" has no canonical form, so it matches no request`,
      help: 'no `.`, `..`, `;`, `\\` or empty segment; other than plain ASCII is written as %XX of its UTF-8',
    };
  return { pattern: withoutLastSlash(path) };
}

/** `ignoreCase`: for what takes away, since some servers do not tell upper from lower case. */
export function compileUrlPattern(pattern: string, ignoreCase: boolean): PathPattern {
  const text = alike(pattern).replace('%2F', '/');
  return compilePath(ignoreCase ? text.toLowerCase() : text, false);
}

/** A canonical path, prepared to be compared. */
export interface UrlPath {
  /** its segments; twice for a scoped package, which is one segment and two */
  readings: string[][];
  folded: string[][];
}

export function splitUrlPath(path: string): UrlPath {
  const text = alike(withoutLastSlash(path).replaceAll('*', '%2A'));
  const texts = text.includes('%2F') ? [text, text.replace('%2F', '/')] : [text];
  return {
    readings: texts.map(splitPath),
    folded: texts.map((one) => splitPath(one.toLowerCase())),
  };
}

/** `*` is a segment or a part of one, `**` any number of them, none included; a trailing slash makes no difference. */
export function matchesUrlPath(pattern: PathPattern, path: UrlPath, ignoreCase: boolean): boolean {
  return (ignoreCase ? path.folded : path.readings).some((one) => matchesPath(pattern, one));
}

function withoutLastSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/** Servers read `%3A` as `:`; only `*` keeps its escape, since it is a wildcard without. */
function alike(path: string): string {
  return path.replace(/%(?:21|24|26|27|28|29|2B|2C|3A|3D|40)/g, decodeURIComponent);
}
