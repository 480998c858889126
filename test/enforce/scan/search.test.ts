import { describe, expect, it } from 'vitest';

import { createSearch } from '../../../src/enforce/scan/search.ts';
import { createRandom } from '../../support/random.ts';

const bytesOf = (texts: string[]): Buffer[] => texts.map((text) => Buffer.from(text));

function scan(patterns: string[], text: string, from = 0): string[] {
  const found: string[] = [];
  createSearch(bytesOf(patterns)).scan(Buffer.from(text), from, (index, end) =>
    found.push(`${patterns[index]}@${end}`),
  );
  return found;
}

describe('search', () => {
  it('finds patterns at the start, at the end, side by side and within one another', () => {
    const patterns = ['abcdefgh', 'cdefgh', 'ghabcdefgh'];
    expect(scan(patterns, 'abcdefghabcdefgh')).toEqual([
      'abcdefgh@8',
      'cdefgh@8',
      'abcdefgh@16',
      'cdefgh@16',
      'ghabcdefgh@16',
    ]);
  });

  it('tells only of what ends behind the place it was told of', () => {
    expect(scan(['abcdefgh'], 'abcdefgh', 7)).toEqual(['abcdefgh@8']);
    expect(scan(['abcdefgh'], 'abcdefgh', 8)).toEqual([]);
  });

  it('finds nothing without patterns, and takes none that are too short', () => {
    const search = createSearch([]);
    search.scan(Buffer.from('text'), 0, () => expect.unreachable());
    expect(search.openFrom(Buffer.from('text'), 0)).toBe(4);
    expect(() => createSearch(bytesOf(['a']))).toThrow(RangeError);
  });

  it.each([
    ['nothing that begins', 'xyz', 3],
    ['one byte that begins', 'xyza', 3],
    ['three bytes', 'xyzabc', 3],
    ['all but one', 'xyzabcdefg', 3],
    ['all: that is no beginning any more', 'xyzabcdefgh', 11],
    ['the longest of two beginnings', 'abcabc', 0],
    ['the one that is not refuted', 'abcxabc', 4],
    ['nothing', '', 0],
  ])('knows where a pattern may be beginning: %s', (_, text, from) => {
    const search = createSearch(bytesOf(['abcdefgh', 'abcabcabc']));
    expect(search.openFrom(Buffer.from(text), 0)).toBe(from);
  });

  it.each([4, 9])('finds what indexOf finds, in few letters, from %i bytes on', (shortest) => {
    const random = createRandom('search');
    const word = (length: number): Buffer =>
      Buffer.from(random.bytes(length).map((b) => 97 + (b & 1)));
    for (let round = 0; round < 300; round++) {
      const patterns = Array.from({ length: 6 }, () => word(shortest + random.below(8)));
      const text = word(200);
      const found = new Set<string>();
      createSearch(patterns).scan(text, 0, (index, end) => found.add(`${index}@${end}`));
      const expected = new Set<string>();
      patterns.forEach((pattern, index) => {
        for (let at = text.indexOf(pattern); at >= 0; at = text.indexOf(pattern, at + 1))
          expected.add(`${index}@${at + pattern.length}`);
      });
      expect(found).toEqual(expected);
    }
  });
});
