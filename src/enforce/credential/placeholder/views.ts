// The ways to read bytes in which something may be written twice over: as they are, and with escapes undone up to two times.

export type Escape = 'percent' | 'json';

export interface View {
  bytes: Uint8Array;
  /** what was undone, in order */
  escapes: readonly Escape[];
}

/** Undone at most so often: a URL in a URL, JSON in JSON. */
const DEPTH = 2;
/** A byte of a view may have taken this many: `\u005c\u0075\u0030\u0030\u0036\u0031`. */
export const LONGEST_ESCAPED = 36;

const PERCENT = 0x25;
const BACKSLASH = 0x5c;
const SIGNS: readonly [Escape, number][] = [
  ['percent', PERCENT],
  ['json', BACKSLASH],
];

/**
 * Linear: at most seven views, none longer than the bytes. Damaged escapes stay as they are; one that the bytes end within is
 * left out, since more bytes may make it a part of what stands before it.
 */
export function viewsOf(bytes: Uint8Array): View[] {
  const views: View[] = [{ bytes, escapes: [] }];
  for (const view of views) {
    if (view.escapes.length === DEPTH) continue;
    for (const [escape, sign] of SIGNS) {
      const first = view.bytes.indexOf(sign);
      if (first >= 0)
        views.push({
          bytes:
            escape === 'percent' ? undoPercent(view.bytes, first) : undoJson(view.bytes, first),
          escapes: [...view.escapes, escape],
        });
    }
  }
  return views;
}

export function hasEscapes(bytes: Uint8Array): boolean {
  return bytes.includes(PERCENT) || bytes.includes(BACKSLASH);
}

/** RFC 3986 §2.1 */
function undoPercent(bytes: Uint8Array, first: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  out.set(bytes.subarray(0, first));
  let length = first;
  for (let at = first; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    const value = byte === PERCENT ? hexAt(bytes, at + 1, 2) : -1;
    if (value === CUT_OFF) break;
    if (value >= 0) at += 2;
    out[length++] = value >= 0 ? value : byte;
  }
  return out.subarray(0, length);
}

/** The escapes of strings (RFC 8259 §7). What stands for no ASCII character becomes a byte that is in no placeholder. */
function undoJson(bytes: Uint8Array, first: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  out.set(bytes.subarray(0, first));
  let length = first;
  for (let at = first; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte !== BACKSLASH) {
      out[length++] = byte;
      continue;
    }
    if (at + 1 === bytes.length) break;
    const next = bytes[at + 1];
    const unit = next === 0x75 ? hexAt(bytes, at + 2, 4) : -1;
    if (unit === CUT_OFF) break;
    if (unit >= 0) {
      out[length++] = unit < 0x80 ? unit : 0xff;
      at += 5;
    } else if (next === BACKSLASH || next === 0x2f || next === 0x22) {
      out[length++] = next;
      at++;
    } else out[length++] = byte;
  }
  return out.subarray(0, length);
}

/** The bytes end where digits were to come. */
const CUT_OFF = -2;

/** -1 when there are not as many hexadecimal digits, or `CUT_OFF` */
function hexAt(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    if (i >= bytes.length) return CUT_OFF;
    const digit = hexDigit(bytes[i] as number);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
