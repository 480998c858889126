// The scrubber as it would be written without streams or speed: every form searched for in the whole text.
import { encodingsOf } from '../../../src/enforce/scan/encodings.ts';

export interface Live {
  value: string;
  replacement: string;
}

export function scrubNaively(text: Buffer, values: readonly Live[]): Buffer {
  const found: { start: number; end: number; replacement: string }[] = [];
  for (const { value, replacement } of values)
    for (const { bytes } of encodingsOf(value))
      for (let at = text.indexOf(bytes); at >= 0; at = text.indexOf(bytes, at + 1))
        found.push({ start: at, end: at + bytes.length, replacement });
  found.sort((a, b) => a.start - b.start || b.end - a.end);
  const out: Buffer[] = [];
  let at = 0;
  for (const { start, end, replacement } of found) {
    if (start >= at) out.push(text.subarray(at, start), Buffer.from(replacement));
    at = Math.max(at, end);
  }
  return Buffer.concat([...out, text.subarray(at)]);
}
