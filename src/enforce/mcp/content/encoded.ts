// Texts within a text: what base64, hexadecimal and percent-encoding hide, one level deep, and gzip in base64.

import { gunzipSync, inflateSync } from 'node:zlib';

import { unitsOf } from './units.ts';

/** Shorter ones decode to fewer characters than any secret or instruction has. */
const SHORTEST_RUN = 24;
/** by UTF-16 unit: what runs of base64 and hexadecimal are made of */
const IN_BASE64 = tableOf('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-');
const IN_PERCENT = tableOf(
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.~%+*!()_-',
);
const PERCENT = 0x25;
/** by UTF-16 unit: what it is as a hexadecimal digit, or -1 */
const DIGITS = new Int8Array(0x10000).fill(-1);
[...'0123456789abcdef'].forEach((digit, value) => {
  DIGITS[digit.charCodeAt(0)] = value;
  DIGITS[digit.toUpperCase().charCodeAt(0)] = value;
});
const HEX = /^(?:[0-9A-Fa-f]{2}){20,}$/;
/** What base64 of a text has, and a path or a word does not. */
const CASES = [/[A-Z]/, /[a-z]/];
/** `1f 8b 08` and the zlib headers, in base64. */
const COMPRESSED = /^(?:H4sI|eJ[wyz]|eNo|eNq|eAE)/;
/** bytes that all compressed texts of one message may come to */
const MOST_INFLATED = 1024 * 1024;
const MOST_COMPRESSED = 16;
/** characters of a percent-encoded run to either side */
const LONGEST_RUN = 65_536;

export interface EncodedText {
  /** in the text it was found in */
  start: number;
  end: number;
  /** by bytes: each character is one */
  text: string;
  coding: 'base64' | 'hex' | 'percent' | 'compressed';
}

export function encodedTexts(text: string, units: Uint16Array = unitsOf(text)): EncodedText[] {
  const found: EncodedText[] = [];
  let inflated = 0;
  let tries = 0;
  for (const { start, end } of runsOf(units, IN_BASE64, SHORTEST_RUN)) {
    const run = text.slice(start, end);
    if (HEX.test(run)) {
      found.push({ start, end, text: Buffer.from(run, 'hex').toString('latin1'), coding: 'hex' });
      continue;
    }
    if (!CASES.every((letters) => letters.test(run))) continue;
    const bytes = Buffer.from(run, 'base64');
    found.push({ start, end, text: bytes.toString('latin1'), coding: 'base64' });
    if (COMPRESSED.test(run) && tries < MOST_COMPRESSED && inflated < MOST_INFLATED) {
      tries += 1;
      const plain = inflate(bytes, MOST_INFLATED - inflated);
      if (plain !== undefined) {
        inflated += plain.length;
        found.push({ start, end, text: plain.toString('latin1'), coding: 'compressed' });
      }
    }
  }
  return found.concat(percentTexts(text, units));
}

/** Runs of at least `shortest` units of `table`; looks at every so many-th until one could be within a run. */
export function runsOf(
  units: Uint16Array,
  table: Uint8Array,
  shortest: number,
): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  let start = 0;
  while (start + shortest <= units.length) {
    let last = start + shortest - 1;
    while (last >= start && table[units[last] as number] === 1) last--;
    if (last >= start) {
      start = last + 1;
      continue;
    }
    let end = start + shortest;
    while (end < units.length && table[units[end] as number] === 1) end++;
    found.push({ start, end });
    start = end + 1;
  }
  return found;
}

/** By UTF-16 unit: 1 for these characters. */
export function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(0x10000);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}

function inflate(bytes: Buffer, maxOutputLength: number): Buffer | undefined {
  try {
    return bytes[0] === 0x1f
      ? gunzipSync(bytes, { maxOutputLength })
      : inflateSync(bytes, { maxOutputLength });
  } catch {
    return undefined; // not compressed after all, damaged, or longer than may be looked at
  }
}

function percentTexts(text: string, units: Uint16Array): EncodedText[] {
  const found: EncodedText[] = [];
  let done = 0;
  for (let at = text.indexOf('%'); at >= 0; at = text.indexOf('%', Math.max(at + 1, done))) {
    if (byteAt(units, at) < 0) continue;
    let start = at;
    while (start > done && at - start < LONGEST_RUN && IN_PERCENT[units[start - 1] as number] === 1)
      start--;
    let end = at + 3;
    while (end < units.length && end - at < LONGEST_RUN && IN_PERCENT[units[end] as number] === 1)
      end++;
    found.push({ start, end, text: percentDecoded(units, start, end), coding: 'percent' });
    done = end;
  }
  return found;
}

/** By bytes; runs hold nothing but ASCII. */
function percentDecoded(units: Uint16Array, start: number, end: number): string {
  const bytes = Buffer.allocUnsafe(end - start);
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = at + 2 < end ? byteAt(units, at) : -1;
    bytes[length++] = byte < 0 ? (units[at] as number) : byte;
    if (byte >= 0) at += 2;
  }
  return bytes.toString('latin1', 0, length);
}

/** What `%XY` at this place says; -1 where there is none. */
function byteAt(units: Uint16Array, at: number): number {
  if (units[at] !== PERCENT || at + 2 >= units.length) return -1;
  const high = DIGITS[units[at + 1] as number] as number;
  const low = DIGITS[units[at + 2] as number] as number;
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}
