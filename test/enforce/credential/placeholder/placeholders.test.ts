import { describe, expect, it } from 'vitest';

import { createPlaceholders } from '../../../../src/enforce/credential/placeholder/placeholders.ts';
import type { Placeholders } from '../../../../src/enforce/credential/placeholder/placeholders.ts';
import { SHAPES } from '../../../../src/enforce/credential/placeholder/shape.ts';
import { seededRandom } from '../../../support/random.ts';

function sessionOf(seed: number): Placeholders {
  const random = seededRandom(seed);
  return createPlaceholders((length) => random.bytes(length));
}

/** What clients and scanners of tokens look at before they send one. */
const CLIENTS: Record<(typeof SHAPES)[number], RegExp> = {
  github: /^ghs_[A-Za-z0-9._]{36,}$/, // GitHub's advice for its own tokens
  'anthropic-key': /^sk-ant-api03-[\w-]+$/,
  'anthropic-oauth': /^sk-ant-oat01-[\w-]+$/,
  openai: /^sk-proj-[\w-]{20,}$/,
  npm: /^npm_[A-Za-z0-9]{36}$/,
  'aws-access-key-id': /^(?=.{16,128}$)ASIA[A-Z2-7]+$/, // API_Credentials: [\w]*, 16 to 128
  'aws-secret': /^[A-Za-z0-9/+=]{40}$/,
  'aws-session-token': /^[A-Za-z0-9/+=]+$/,
  google: /^ya29\.[\w-]+$/,
  jwt: /^[\w-]+\.[\w-]+\.[\w-]+$/,
  plain: /^[a-z0-9]+$/,
};

describe.each(SHAPES)('shape %s', (shape) => {
  const session = sessionOf(1);
  const text = session.issue('gh', shape);

  it('is what its clients take, one for each credential, with the marker in it', () => {
    expect(text).toMatch(CLIENTS[shape]);
    expect(text).toMatch(/asbx[a-z2-7]{32}|ASBX[A-Z2-7]{32}/);
    expect(session.issue('gh', shape)).toBe(text);
    expect(session.issue('other', shape)).not.toBe(text);
    expect(session.issue('gh', shape, 'password')).not.toBe(text);
  });

  it('is its own to this session and foreign to another', () => {
    const own = { kind: 'own', credential: 'gh', text };
    expect(session.classify(text)).toMatchObject(own);
    expect(session.find(`a ${text}.`)).toEqual([expect.objectContaining({ ...own, encoding: [] })]);
    expect(sessionOf(2).classify(text)).toEqual({ kind: 'foreign' });
    expect(sessionOf(2).find(text)).toEqual([{ kind: 'foreign', encoding: [] }]);
  });

  it('is none when anything was taken from it, put to it, or changed', () => {
    const swapped = text === text.toUpperCase() ? text.toLowerCase() : text.toUpperCase();
    for (const other of [text.slice(1), `${text}x`, `x${text}`, swapped])
      expect(session.classify(other)).toEqual({ kind: 'none' });
  });
});

it('each part of a pair or of AWS credentials is told apart', () => {
  const session = sessionOf(1);
  const parts = SHAPES.map((shape) => [shape, session.classify(session.issue('a', shape))]);
  expect(Object.fromEntries(parts)).toMatchObject({
    'aws-access-key-id': { part: 'accessKeyId' },
    'aws-secret': { part: 'secretAccessKey' },
    'aws-session-token': { part: 'sessionToken' },
    github: { part: 'token' },
  });
  expect(session.classify(session.issue('a', 'plain', 'password'))).toMatchObject({
    part: 'password',
  });
});

it('a token of JWT form parses and ends far away', () => {
  const [head, payload] = sessionOf(1).issue('az', 'jwt').split('.');
  const read = (part = ''): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());
  expect(read(head)).toEqual({ alg: 'RS256', typ: 'JWT' });
  expect((read(payload) as { exp: number }).exp).toBeGreaterThan(Date.UTC(2090, 0) / 1000);
});

it('holds all bits of its randomness', () => {
  const texts = new Set<string>();
  for (let bit = 0; bit < 160; bit++) {
    const bytes = Buffer.alloc(20);
    bytes[bit >> 3] = 1 << (bit & 7);
    texts.add(createPlaceholders(() => bytes).issue('a', 'plain'));
  }
  expect(texts.size).toBe(160);
  expect(() => createPlaceholders(() => Buffer.alloc(19)).issue('a', 'plain')).toThrow(RangeError);
});

it.each([
  '',
  'asbx',
  'ghs_',
  'asbx1111111111111111111111111111111111',
  'ghs_16C7e42F292c6912E7710c838347Ae178B4a',
])('a text like %j is none', (text) => {
  expect(sessionOf(1).classify(text)).toEqual({ kind: 'none' });
  expect(sessionOf(1).find(text)).toEqual([]);
});
