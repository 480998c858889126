import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  canonicalName,
  containsHost,
  formatHostPattern,
  type HostPattern,
  matchesHost,
  parseHostPattern,
} from '../../src/match/host.ts';

function pattern(text: string): HostPattern {
  const parsed = parseHostPattern(text);
  if (parsed === undefined) throw new Error(`no pattern: ${text}`);
  return parsed;
}

describe('canonical names', () => {
  test.each([
    ['Example.COM', 'example.com'],
    ['example.com.', 'example.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['ａllowed。test', 'allowed.test'],
    ['_dmarc.example.com', '_dmarc.example.com'],
    ['localhost', 'localhost'],
  ])('%s is %s', (text, name) => expect(canonicalName(text)).toBe(name));

  test.each([
    '',
    '.',
    '..',
    'a..b',
    '.a',
    'a.b..',
    'a b',
    'a/b',
    'a:80',
    'user@a.b',
    'a%2eb',
    'a\u0000.b',
    'a\r\nb',
    'a\tb',
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0177.0.0.1',
    'a.1',
    '::1',
    '[::1]',
    '*.a.b',
    `${'a'.repeat(64)}.test`,
    `${'a.'.repeat(130)}test`,
    'xn--\u0000.test',
  ])('%j is no name', (text) => expect(canonicalName(text)).toBeUndefined());

  test('look-alike letters stay different names', () => {
    expect(canonicalName('аllowed.test')).not.toBe('allowed.test'); // Cyrillic а
    expect(canonicalName('аllowed.test')).toMatch(/^xn--/);
  });

  test('a canonical name is canonical', () => {
    fc.assert(
      fc.property(fc.domain(), (text) => {
        const name = canonicalName(text);
        if (name !== undefined) expect(canonicalName(name)).toBe(name);
      }),
    );
  });
});

describe('patterns', () => {
  test.each([
    ['x.dev', 'x.dev', true],
    ['x.dev', 'a.x.dev', false],
    ['x.dev', 'evilx.dev', false],
    ['x.dev', 'x.dev.evil.test', false],
    ['*.x.dev', 'a.x.dev', true],
    ['*.x.dev', 'x.dev', false],
    ['*.x.dev', 'a.b.x.dev', false],
    ['*.x.dev', 'evilx.dev', false],
    ['**.x.dev', 'a.x.dev', true],
    ['**.x.dev', 'a.b.c.x.dev', true],
    ['**.x.dev', 'x.dev', false],
    ['**.x.dev', 'evilx.dev', false],
    ['**', 'anything.test', true],
    ['**', 'localhost', true],
  ])('%s matches %s: %s', (text, name, expected) =>
    expect(matchesHost(pattern(text), name)).toBe(expected),
  );

  test.each([
    '*',
    'a.*.b',
    'a*.b',
    '**x.dev',
    '*.',
    '**.',
    '*.*.x',
    '10.0.0.1',
    '*.10.0.0.1',
    'a..b',
    'https://a.b',
  ])('%s is no pattern', (text) => expect(parseHostPattern(text)).toBeUndefined());

  test('a pattern can be written out and read again', () => {
    for (const text of ['x.dev', '*.x.dev', '**.x.dev', '**'])
      expect(formatHostPattern(pattern(text))).toBe(text);
  });

  test('containment is what a try of every short name says', () => {
    const labels = ['a', 'b', 'x'];
    const names: string[] = [];
    const grow = (name: string, depth: number): void => {
      names.push(name);
      if (depth < 5) for (const label of labels) grow(`${label}.${name}`, depth + 1);
    };
    for (const label of labels) grow(label, 1);
    const bases = ['a', 'b.a', 'x.b.a', 'b'];
    const texts = [
      '**',
      ...bases,
      ...bases.map((base) => `*.${base}`),
      ...bases.map((base) => `**.${base}`),
    ];
    for (const outer of texts)
      for (const inner of texts) {
        const tried = names.every(
          (name) => !matchesHost(pattern(inner), name) || matchesHost(pattern(outer), name),
        );
        expect(containsHost(pattern(outer), pattern(inner)), `${outer} contains ${inner}`).toBe(
          tried,
        );
      }
  });
});
