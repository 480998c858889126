import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  createBudget,
  neutralizeCommands,
  toJson,
  toMessage,
  toVisible,
} from '../../src/log/redact.ts';

const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\u{e0000}-\u{e007f}]/u;

describe('text that is made visible', () => {
  it.each([
    ['a newline', 'a\nb', 'a\\u{a}b'],
    ['an escape sequence', '\u001b[31m', '\\u{1b}[31m'],
    ['a right-to-left override', 'a\u202eb', 'a\\u{202e}b'],
    ['a tag character', `a\u{e0041}b`, 'a\\u{e0041}b'],
    ['a lone surrogate', 'a\udc80b', 'a\\u{dc80}b'],
    ['a line separator', 'a\u2028b', 'a\\u{2028}b'],
    ['a C1 control', 'a\u009bb', 'a\\u{9b}b'],
  ])('shows %s', (_name, text, expected) => {
    expect(toVisible(text)).toEqual({ text: expected, truncated: false });
  });

  it('leaves letters of all languages and paired surrogates alone', () => {
    const text = 'Grüße, 世界, Привет, 🙂';
    expect(toVisible(text)).toEqual({ text, truncated: false });
  });

  it('cuts a long text and says so, never inside an escape or a pair', () => {
    expect(toVisible('x'.repeat(20), 10)).toEqual({ text: 'x'.repeat(10), truncated: true });
    expect(toVisible(`xxxx\u001b\u001b`, 8)).toEqual({ text: 'xxxx', truncated: true });
    expect(toVisible('xxxx🙂🙂', 7)).toEqual({ text: 'xxxx🙂', truncated: true });
  });

  it('never lets an unsafe character or more than the cap through', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 60 }),
        fc.integer({ min: 0, max: 80 }),
        (text, max) => {
          const visible = toVisible(text, max);
          expect(visible.text.length).toBeLessThanOrEqual(max);
          expect(visible.text).not.toMatch(UNSAFE);
          expect(visible.text).not.toMatch(/\p{Cs}/u);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('a message', () => {
  // How the runner finds a command: at the start of a trimmed line, or `##[` anywhere in it.
  const isCommand = (line: string): boolean =>
    /^\s*::[a-z][\w-]*[^\n]*?::/i.test(line) || /##(?:\[|vso\[)/i.test(line);

  it.each([
    '::add-mask::a',
    '::error file=src/x.ts,line=1::forged',
    '  ::set-output name=verdict::pass',
    '::stop-commands::x',
    '##[error]x',
    '###[add-mask]x',
    '##vso[task.setvariable variable=P]x',
    '::ADD-PATH::/tmp',
  ])('holds no workflow command: %s', (text) => {
    expect(isCommand(text)).toBe(true);
    expect(isCommand(toMessage(text))).toBe(false);
  });

  it('keeps IPv6 addresses as they are', () => {
    for (const text of [
      'connect [2001:db8::1]:443',
      'connect [::ffff:10.0.0.1]:80',
      'connect [fd00:ec2::254]:80',
      'connect [::1]:22',
      'connect [fe80::dead:beef]:22',
    ])
      expect(toMessage(text)).toBe(text);
  });

  it('holds no workflow command, whatever it is made from', () => {
    const parts = fc.array(
      fc.constantFrom(
        ':',
        '::',
        '#',
        '##',
        '[',
        'error',
        'vso[',
        ' ',
        'add-mask',
        '\n',
        'fe80',
        ']',
        'x',
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(parts, (list) => {
        const text = neutralizeCommands(list.join(''));
        expect(
          text
            .split('\n')
            .some(
              (line) =>
                /^\s*::(?:error|add-mask)\b[^\n]*?::/i.test(line) || /##(?:\[|vso\[)/i.test(line),
            ),
        ).toBe(false);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('a value in a record', () => {
  it('is the same JSON when it is small and plain', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3, stringUnit: 'grapheme-ascii' }), (value) => {
        const budget = createBudget();
        expect(JSON.parse(toJson(value, budget) ?? 'undefined')).toEqual(
          JSON.parse(JSON.stringify(value)),
        );
        expect(budget.truncated).toBe(false);
      }),
    );
  });

  it('is cut where it is deep, wide or long, and says so', () => {
    let deep: unknown = 'x';
    for (let i = 0; i < 100; i += 1) deep = [deep];
    for (const value of [
      deep,
      Array(1000).fill(1),
      Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, i])),
      Array(200).fill('x'.repeat(8000)),
    ]) {
      const budget = createBudget();
      const text = toJson(value, budget) ?? '';
      expect(budget.truncated).toBe(true);
      expect(text.length).toBeLessThan(64 * 1024);
      expect(() => void JSON.parse(text)).not.toThrow();
    }
  });

  it('leaves out what JSON cannot hold and writes numbers it cannot hold as text', () => {
    expect(toJson({ a: undefined, b: () => 1, c: Number.NaN, d: 10n }, createBudget())).toBe(
      '{"c":"NaN","d":"10"}',
    );
  });
});
