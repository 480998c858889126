import { gzipSync } from 'node:zlib';

import { expect, it } from 'vitest';

import { fold } from '../../src/enforce/mcp/content/fold.ts';
import { isSuspect } from '../../src/enforce/mcp/content/text.ts';
import { unitsOf } from '../../src/enforce/mcp/content/units.ts';
import type { Json } from '../../src/model/credential.ts';
import { rig } from '../enforce/mcp/content/support.ts';
import { createRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';

const WORDS = [
  'the',
  'file',
  'was',
  'read',
  'and',
  'written',
  'server',
  'Ω',
  'naïve',
  '日本語',
  'src/index.ts',
  'a=b',
  '{"k":1}',
  '0x1f',
  '100%',
  'https://example.test/a?b=c',
  '👩‍👩‍👧',
  '2026-11-22T10:11:12Z',
  'const x = y ?? z;',
  '-----',
  '==',
  'fold',
  'v1.2.3-rc.4',
  '\n',
] as const;

function prose(random: Random, most: number): string {
  return Array.from({ length: random.below(most) }, () => random.pick(WORDS)).join(' ');
}

type Form = (value: string, random: Random) => string;
const inText = (value: string, random: Random): string =>
  'abcdefgh'.slice(0, random.below(4)) + value + 'abcdefgh'.slice(0, random.below(4));
const FORMS: readonly [Form, ...Form[]] = [
  (value) => value,
  (value) => value.toUpperCase(),
  (value) => [...value].reverse().join(''),
  (value, random) => Buffer.from(inText(value, random)).toString('base64'),
  (value, random) => Buffer.from(inText(value, random)).toString('base64url'),
  (value) => Buffer.from(value).toString('hex'),
  (value) => Buffer.from(value, 'utf16le').toString('base64'),
  (value) => gzipSync(`{"a":"${value}"}`).toString('base64'),
  (value) =>
    [...Buffer.from(value)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  (value) => encodeURIComponent(encodeURIComponent(value)),
  (value) => [...value].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
  (value, random) =>
    [...value].map((c) => c + random.pick(['', ' ', '\u200b', '\n', '.'])).join(''),
];

function valueOf(random: Random): string {
  const prefix = random.pick(['ghs_', 'sk-live-', '', 'vault:v1:']);
  return (
    prefix +
    random.bytes(18 + random.below(30)).toString(random.pick(['base64url', 'base64', 'hex']))
  );
}

/** The planted text, cut at random places over the leaves of a message. */
function scatter(random: Random, text: string): Json {
  const cuts = Array.from({ length: random.below(3) }, () => random.below(text.length + 1)).sort(
    (a, b) => a - b,
  );
  const parts = [0, ...cuts].map((start, index) => text.slice(start, cuts[index] ?? text.length));
  return parts.length === 1 || random.chance(0.5)
    ? { content: parts.map((part) => ({ type: 'text', text: part })) }
    : { content: [], structuredContent: { parts } };
}

it('finds a live value in any form at any place, and leaves no other piece of it than the edges', () => {
  const random = createRandom('mcp secrets');
  for (let round = 0; round < 400; round++) {
    const values = [valueOf(random), valueOf(random)];
    const value = values[random.below(2)] ?? '';
    const { content } = rig({}, values);
    const form = random.pick(FORMS)(value, random);
    // What is compressed is found whole only.
    const message =
      form.startsWith('H4sI') || random.chance(0.7)
        ? ({
            content: [
              { type: 'text', text: `${prose(random, 200)} ${form} ${prose(random, 200)}` },
            ],
          } as Json)
        : scatter(random, form);
    const reading = content.incoming('s', message, {});
    if (reading.action !== 'pass') throw new Error(reading.reason);
    const shown = JSON.stringify({ form, message }).slice(0, 2000);
    expect([shown, reading.findings.map(({ detector }) => detector)]).toEqual([
      shown,
      expect.arrayContaining(['known-secret']),
    ]);
    // Looked at again, nothing is left of it.
    const again = rig({}, values).content.incoming('s', reading.value, {});
    expect([shown, again.findings.filter(({ detector }) => detector === 'known-secret')]).toEqual([
      shown,
      [],
    ]);
    expect(content.outgoing('s', { arguments: message }).action).toBe('block');
  }
});

it('finds nothing in texts that mean no harm', () => {
  const random = createRandom('mcp benign');
  const { content } = rig({}, [valueOf(random), valueOf(random), 'correcthorse']);
  for (let round = 0; round < 300; round++) {
    const message: Json = {
      content: [{ type: 'text', text: prose(random, 1500) }],
      structuredContent: { a: [prose(random, 50)] },
    };
    const reading = content.incoming('s', message, {});
    expect([JSON.stringify(message).slice(0, 500), reading]).toEqual([
      JSON.stringify(message).slice(0, 500),
      { action: 'pass', value: message, findings: [] },
    ]);
    expect(content.outgoing('s', { arguments: message })).toMatchObject({
      action: 'pass',
      findings: [],
    });
  }
  // Digests and identifiers are no secrets.
  for (let round = 0; round < 200; round++) {
    const text = `${random.bytes(20).toString('hex')} sha512-${random.bytes(64).toString('base64')} ${random.bytes(16).toString('base64url')}`;
    expect(content.incoming('s', { content: [{ type: 'text', text }] }, {}).findings).toEqual([]);
  }
});

it('tells suspect texts by the fast way as by the exact one', () => {
  const random = createRandom('mcp suspect');
  const odd = [
    '\u200b',
    '\ud83d\ude00',
    '\ud800',
    '\udc00',
    '\u0301',
    '\u0301'.repeat(17),
    '\u{e0041}',
    '\u0085',
    'é',
    '\ufe0f',
    '\u202e',
  ] as const;
  for (let round = 0; round < 5000; round++) {
    const text = Array.from({ length: random.below(6) }, () =>
      random.chance(0.3) ? random.pick(odd) : 'ab ',
    ).join('');
    expect([JSON.stringify(text), isSuspect(text, unitsOf(text))]).toEqual([
      JSON.stringify(text),
      isSuspect(text),
    ]);
    expect(fold(text).length).toBeLessThanOrEqual(text.length);
  }
});
