// Texts of the longest messages: what is found in short ones is found in them, at every place, and none is too much.
import { describe, expect, it } from 'vitest';

import { cleanText } from '../../../../src/enforce/mcp/content/text.ts';
import { createGrams, GRAM } from '../../../../src/enforce/mcp/content/grams.ts';
import { fold } from '../../../../src/enforce/mcp/content/fold.ts';
import { CANARY, rig, textResult } from './support.ts';

/** folded characters from which on a piece takes eight, and the shortest that counts there */
const LONG = 20_000;
const PIECE = 8;

const owner = { credential: 'c', value: Buffer.from(CANARY) };
const bytes = fold(CANARY);

function piecesIn(text: string): number[] {
  const found: number[] = [];
  createGrams([{ owner, bytes }]).scan(fold(text), (_form, at, end) => found.push(at, end));
  return found;
}

describe('long texts', () => {
  it('finds a piece of a live value wherever it begins, and every part of it', () => {
    for (let start = 0; start + PIECE <= bytes.length; start++)
      for (let before = LONG; before < LONG + 6; before++) {
        const piece = Buffer.from(bytes.subarray(start, start + PIECE)).toString();
        const expected = [0, 1, 2].flatMap((index) => [start + index, before + index + GRAM]);
        expect(piecesIn(`${'z'.repeat(before)}${piece}${'z'.repeat(start)}`)).toEqual(expected);
      }
  });

  it('finds it at the very beginning and at the very end', () => {
    const text = `${CANARY.slice(0, 9)}${'z'.repeat(LONG)}${CANARY.slice(-10)}`;
    expect(piecesIn(text).filter((_, index) => index % 2 === 1)).toContain(GRAM);
    expect(piecesIn(text).at(-1)).toBe(fold(text).length);
  });

  it('passes over a piece that a long text has by chance', () => {
    const short = Buffer.from(bytes.subarray(3, 3 + PIECE - 1)).toString();
    expect(piecesIn(`${'z'.repeat(LONG)}${short}${'z'.repeat(LONG)}`)).toEqual([]);
    expect(piecesIn(`zz${short}zz`)).toHaveLength(4);
  });

  it.each([
    ['percent-encoded letters', '%41 '],
    ['percent signs', '%'],
    ['short runs of base64', 'QWxhZGRpbjpvcGVuIHNlc2FtZQ '],
    ['tokens', `ghp_${'Ab1'.repeat(12)} `],
  ])('reads a message that is nothing but %s', (_name, unit) => {
    const text = unit.repeat(1_000_000 / unit.length);
    const { content } = rig();
    expect(content.outgoing('gh', { name: 'a', arguments: { text } }).findings).toBeDefined();
    expect(content.incoming('gh', textResult(text), {}).action).toBe('pass');
  });

  it('finds a live value behind a quarter of a million encoded letters', () => {
    const spelled = [...CANARY].map((one) => `%${one.charCodeAt(0).toString(16)}`).join(' ');
    const text = `${'%41 '.repeat(250_000)}${spelled}`;
    expect(rig().content.outgoing('gh', { name: 'a', arguments: { text } }).action).toBe('block');
  });

  it('tells where a token stands that is repeated without end, once', () => {
    const token = `ghp_${'Ab1'.repeat(12)}`;
    const reading = rig().content.incoming('gh', textResult(`${token} `.repeat(20_000)), {});
    expect(reading.findings).toHaveLength(1);
    expect(JSON.stringify(reading)).not.toContain(token);
  });

  it('keeps sixteen marks of a run of a hundred thousand', () => {
    expect(cleanText(`e${'\u0301'.repeat(100_000)}`).text).toBe(`e${'\u0301'.repeat(16)}`);
    const wide = cleanText(`e${'\u{1d165}'.repeat(100_000)}`).text;
    expect(Array.from(wide)).toHaveLength(17);
  });
});
