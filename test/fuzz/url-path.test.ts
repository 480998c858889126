import { expect, it } from 'vitest';

import { canonicalUrlPath, readUrlPattern, splitUrlPath } from '../../src/match/url-path.ts';
import { createRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';

const ROUNDS = 20_000;
const PARTS = [
  ...['/', '/', '/', 'a', 'B', '0', '.', '..', '~', '@a', '*', ':', ';', '\\', '?', '#', '%', '%2'],
  ...['%2e', '%2E', '%2f', '%2F', '%5c', '%25', '%252e', '%3b', '%3A', '%41', '%00', '%0d', '%20'],
  ...['%c3%a9', '%C0%AE', '%ff', '[', '"', '{', '|', ' ', '\u0000', '\u00e9', '\ud800', '/@a%2fb'],
] as [string, ...string[]];

function path(random: Random): string {
  let text = random.chance(0.95) ? '/' : '';
  for (let count = random.below(12); count > 0; count--)
    text += random.chance(0.9) ? random.pick(PARTS) : String.fromCharCode(random.below(300));
  return text;
}

it('any text has one canonical path, which every parser reads as it stands, or none', () => {
  const random = createRandom('url-path');
  let found = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const raw = path(random);
    const canonical = canonicalUrlPath(raw);
    expect(() => readUrlPattern(raw)).not.toThrow();
    if (canonical === undefined) continue;
    found++;
    expect(canonicalUrlPath(canonical)).toBe(canonical);
    expect(new URL(`https://a.test${canonical}`).pathname).toBe(canonical);
    expect(decodeURIComponent(canonical)).toBe(
      decodeURIComponent(raw.replace(/\/(?:\.\/)+/g, '/')),
    );
    for (const reading of splitUrlPath(canonical).readings)
      expect(reading).not.toContainEqual(expect.stringMatching(/^\.{0,2}$/));
  }
  expect(found).toBeGreaterThan(ROUNDS / 20);
});
