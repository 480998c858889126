// Paths of files inside texts, judged by their spelling alone: whoever gets the text opens it on a machine of its own.
// Invariant: a text that two programs could read as two places has no segments here.

/** Parts of `C:`, `\\host`, `%2e`, `${X}`, `$(x)`, `\`x\``; what controls or turns text round. */
const AMBIGUOUS =
  /[\\`\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]|%[0-9A-Fa-f]{2}|\$[{(]|\/\$|^[$~]|^[A-Za-z]:|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

export const MAX_FILE_TEXT = 4096;

export interface FilePlace {
  isAbsolute: boolean;
  /** none for the root, or for what the path is relative to */
  segments: string[];
}

/**
 * Undefined for what is no path with one reading: see AMBIGUOUS; `.` and `..`, empty segments, segments that end with a dot or a space
 * (which some systems leave away), in any compatibility form of them. One slash at the end, and `./` in front, make no difference.
 */
export function readFilePlace(text: string): FilePlace | undefined {
  if (text === '' || text.length > MAX_FILE_TEXT) return undefined;
  // Full-width dots, slashes and percent signs are dots, slashes and percent signs to whoever normalises names.
  const plain = text.normalize('NFKC');
  if (AMBIGUOUS.test(text) || AMBIGUOUS.test(plain)) return undefined;
  if (count(plain) !== count(text)) return undefined;
  const isAbsolute = text.startsWith('/');
  const bare = text.replace(/^(?:\/|\.\/|\.$)/, '');
  const inner = bare.endsWith('/') ? bare.slice(0, -1) : bare;
  if (inner === '') return bare === '' ? { isAbsolute, segments: [] } : undefined;
  const isOdd = (path: string): boolean =>
    path.split('/').some((segment) => segment === '' || /[. ]$/.test(segment));
  if (isOdd(inner) || isOdd(inner.normalize('NFKC'))) return undefined;
  return { isAbsolute, segments: inner.split('/') };
}

const count = (text: string): number => text.split('/').length;
