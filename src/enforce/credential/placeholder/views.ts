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
/** in no placeholder, and no part of an escape */
const SEPARATOR = 0xff;
/** Copied byte by byte: a call takes longer. */
const SHORT = 32;

const NO_ESCAPE = -1;
const CUT_OFF = -2;
/** The byte that an escape stands for, and from bit 8 on how long it is; `NO_ESCAPE`, or `CUT_OFF` when the bytes end within it. */
type ReadEscape = (bytes: Uint8Array, at: number) => number;

const SIGNS: readonly [Escape, number, ReadEscape][] = [
  ['percent', PERCENT, readPercent],
  ['json', BACKSLASH, readJson],
];

/**
 * Linear: at most seven views, none longer than the bytes. A view has only what lies within `reach` of an
 * escape that was undone, with a byte between that is in no placeholder: everything else is in the view before it. Damaged
 * escapes stay as they are; one that the bytes end within is left out, since more bytes may make it a part of what stands
 * before it.
 */
export function viewsOf(bytes: Uint8Array, reach: number): View[] {
  const views: View[] = [{ bytes, escapes: [] }];
  for (const view of views) {
    if (view.escapes.length === DEPTH) continue;
    for (const [escape, sign, read] of SIGNS) {
      const undone = undo(view.bytes, { sign, read, reach });
      if (undone !== undefined) views.push({ bytes: undone, escapes: [...view.escapes, escape] });
    }
  }
  return views;
}

export function hasEscapes(bytes: Uint8Array): boolean {
  return bytes.includes(PERCENT) || bytes.includes(BACKSLASH);
}

interface Undo {
  sign: number;
  read: ReadEscape;
  reach: number;
}

/** undefined: there is nothing to undo. */
function undo(bytes: Uint8Array, { sign, read, reach }: Undo): Uint8Array | undefined {
  const { length } = bytes;
  let out: Uint8Array | undefined;
  let [at, filled] = [0, 0];
  const copy = (from: number, to: number): void => {
    if (out === undefined || from >= to) return;
    if (to - from > SHORT) out.set(bytes.subarray(from, to), filled);
    else for (let i = from; i < to; i++) out[filled + i - from] = bytes[i] as number;
    filled += to - from;
  };
  const copyNear = (to: number, isEnd: boolean): void => {
    const isFirst = filled === 0;
    const near = (isFirst ? 0 : reach) + (isEnd ? 0 : reach);
    if (out === undefined || to - at <= near) return copy(at, to);
    if (!isFirst) copy(at, at + reach);
    out[filled++] = SEPARATOR;
    if (!isEnd) copy(to - reach, to);
  };
  for (let next = bytes.indexOf(sign); next >= 0;) {
    const value = read(bytes, next);
    if (value === NO_ESCAPE) {
      next = bytes.indexOf(sign, next + 1);
      continue;
    }
    // Never more: an escape becomes one byte, and a separator stands for one at least.
    out ??= new Uint8Array(length);
    copyNear(next, false);
    if (value === CUT_OFF) return out.subarray(0, filled);
    out[filled++] = value & 0xff;
    at = next + (value >> 8);
    next = bytes.indexOf(sign, at);
  }
  if (out === undefined) return undefined;
  copyNear(length, true);
  return out.subarray(0, filled);
}

/** RFC 3986 §2.1 */
function readPercent(bytes: Uint8Array, at: number): number {
  const value = hexAt(bytes, at + 1, 2);
  return value < 0 ? value : (3 << 8) | value;
}

/** Of the escapes in strings (RFC 8259 §7) those that can be part of a placeholder, or of another escape. */
function readJson(bytes: Uint8Array, at: number): number {
  if (at + 1 === bytes.length) return CUT_OFF;
  if (bytes[at + 1] === BACKSLASH) return (2 << 8) | BACKSLASH;
  if (bytes[at + 1] !== 0x75) return NO_ESCAPE;
  const unit = hexAt(bytes, at + 2, 4);
  return unit < 0 ? unit : (6 << 8) | (unit < 0x80 ? unit : 0xff);
}

/** `NO_ESCAPE` when there are not as many hexadecimal digits, `CUT_OFF` when the bytes end before */
function hexAt(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    if (i >= bytes.length) return CUT_OFF;
    const digit = hexDigit(bytes[i] as number);
    if (digit < 0) return NO_ESCAPE;
    value = value * 16 + digit;
  }
  return value;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
