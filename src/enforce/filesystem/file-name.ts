// File names are bytes, kept as strings of one character per byte ("byte names"). The policy reads text: UTF-8 where it is
// UTF-8, and a lone surrogate U+DC80..U+DCFF for each byte that is not, so that two names never look alike.

const BEYOND_ASCII = /[^\0-\x7f]/;
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function isAscii(name: string): boolean {
  return !BEYOND_ASCII.test(name);
}

/** The text of a byte name or byte path, as requests carry it. */
export function toText(name: string): string {
  if (isAscii(name)) return name;
  const bytes = Buffer.from(name, 'latin1');
  try {
    return strict.decode(bytes);
  } catch {
    return decodeLoosely(bytes);
  }
}

/** The byte name of a text path, the inverse of `toText`. */
export function toBytes(text: string): string {
  if (isAscii(text)) return text;
  return text
    .split(/([\udc80-\udcff])/)
    .map((part, index) =>
      index % 2 === 1
        ? String.fromCharCode(part.charCodeAt(0) - 0xdc00)
        : Buffer.from(part, 'utf8').toString('latin1'),
    )
    .join('');
}

/** What Node's file functions take for a byte path. */
export function toPath(path: string): string | Buffer {
  return isAscii(path) ? path : Buffer.from(path, 'latin1');
}

function decodeLoosely(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes[at] ?? 0);
    const part = bytes.subarray(at, at + length);
    const isGood = length > 0 && part.length === length && isUtf8(part);
    text += isGood ? strict.decode(part) : String.fromCharCode(0xdc00 + (bytes[at] ?? 0));
    at += isGood ? length : 1;
  }
  return text;
}

function sequenceLength(first: number): number {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

function isUtf8(bytes: Buffer): boolean {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
