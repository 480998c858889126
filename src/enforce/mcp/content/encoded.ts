// Texts within a text: what base64, hexadecimal and percent-encoding hide, one level deep, and gzip in base64.

import { gunzipSync, inflateSync } from 'node:zlib';

/** Decodes to fewer characters than any secret or instruction has. */
const BASE64_RUN = /[A-Za-z0-9+/_-]{24,}={0,2}/g;
const HEX = /^(?:[0-9A-Fa-f]{2}){20,}$/;
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

export function encodedTexts(text: string): EncodedText[] {
  const found: EncodedText[] = [];
  let inflated = 0;
  let tries = 0;
  for (const match of text.matchAll(BASE64_RUN)) {
    const [run] = match;
    const span = { start: match.index, end: match.index + run.length };
    if (HEX.test(run))
      found.push({ ...span, text: Buffer.from(run, 'hex').toString('latin1'), coding: 'hex' });
    const bytes = Buffer.from(run, 'base64');
    found.push({ ...span, text: bytes.toString('latin1'), coding: 'base64' });
    if (COMPRESSED.test(run) && tries < MOST_COMPRESSED && inflated < MOST_INFLATED) {
      tries += 1;
      const plain = inflate(bytes, MOST_INFLATED - inflated);
      if (plain !== undefined) {
        inflated += plain.length;
        found.push({ ...span, text: plain.toString('latin1'), coding: 'compressed' });
      }
    }
  }
  found.push(...percentTexts(text));
  return found;
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

const IN_RUN = /[\w.~%+*!()-]/;

function percentTexts(text: string): EncodedText[] {
  const found: EncodedText[] = [];
  let done = 0;
  for (let at = text.indexOf('%'); at >= 0; at = text.indexOf('%', Math.max(at + 1, done))) {
    if (!/^%[0-9A-Fa-f]{2}/.test(text.slice(at, at + 3))) continue;
    let start = at;
    while (start > done && at - start < LONGEST_RUN && IN_RUN.test(text[start - 1] as string))
      start--;
    let end = at + 3;
    while (end < text.length && end - at < LONGEST_RUN && IN_RUN.test(text[end] as string)) end++;
    const plain = text
      .slice(start, end)
      .replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
    found.push({ start, end, text: plain, coding: 'percent' });
    done = end;
  }
  return found;
}
