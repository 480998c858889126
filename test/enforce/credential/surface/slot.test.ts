import { describe, expect, it } from 'vitest';

import { createPlaceholders } from '../../../../src/enforce/credential/placeholder/placeholders.ts';
import { readValue } from '../../../../src/enforce/credential/surface/slot.ts';
import { Secret } from '../../../../src/model/secret.ts';
import { seededRandom } from '../../../support/random.ts';
import { percentAll } from '../placeholder/written.ts';

const random = seededRandom(13);
const session = createPlaceholders((length) => random.bytes(length));
const OWN = session.issue('gh', 'github');
const SECOND = session.issue('npm', 'npm');
const FOREIGN = createPlaceholders((length) => random.bytes(length)).issue('gh', 'github');
const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;

function fill(value: string, secret: string): string | undefined {
  const read = readValue(value, session);
  if (read.kind !== 'slot') throw new Error(`${value} has no slot`);
  return read.fill(new Secret(secret));
}

it.each([
  ['bare', OWN, 'REAL'],
  ['bearer', `Bearer ${OWN}`, 'Bearer REAL'],
  ['bearer', `bearer ${OWN}`, 'bearer REAL'],
  ['token', `token ${OWN}`, 'token REAL'],
  ['basic-password', basic(`x-access-token:${OWN}`), basic('x-access-token:REAL')],
  ['basic-password', basic(`:${OWN}`), basic(':REAL')],
  ['basic-user', basic(`${OWN}:x-oauth-basic`), basic('REAL:x-oauth-basic')],
  ['basic-user', basic(`${OWN}:`), basic('REAL:')],
])('puts the secret in its place: %s', (form, value, expected) => {
  expect(readValue(value, session)).toMatchObject({
    kind: 'slot',
    form,
    credential: 'gh',
    part: 'token',
  });
  expect(fill(value, 'REAL')).toBe(expected);
});

it.each([
  ['misplaced', 'glued', `Bearer ${OWN}x`],
  ['misplaced', 'glued in front', `Bearer x${OWN}`],
  ['misplaced', 'two spaces', `Bearer  ${OWN}`],
  ['misplaced', 'a space behind', `Bearer ${OWN} `],
  ['misplaced', 'twice', `Bearer ${OWN} ${OWN}`],
  ['misplaced', 'another scheme', `Digest ${OWN}`],
  ['misplaced', 'a parameter', `AWS4-HMAC-SHA256 Credential=${OWN}/2026`],
  ['misplaced', 'without its prefix', `Bearer ${OWN.slice(4)}`],
  ['misplaced', 'in another case', `Bearer ${OWN.toUpperCase()}`],
  ['misplaced', 'percent-encoded', percentAll(OWN)],
  ['misplaced', 'base64 without a pair', `Bearer ${Buffer.from(OWN).toString('base64')}`],
  ['misplaced', 'Basic, glued', basic(`u:${OWN}x`)],
  ['misplaced', 'Basic, in both', basic(`${OWN}:${OWN}`)],
  ['misplaced', 'Basic, without a colon', basic(OWN)],
  ['misplaced', 'Basic, behind a colon of the password', basic(`u:p:${OWN}`)],
  ['misplaced', 'Basic without its padding', basic(`ux:${OWN}`).replace(/=+$/, '')],
  ['misplaced', 'Basic with two spaces', basic(`u:${OWN}`).replace(' ', '  ')],
  ['misplaced', 'Basic with a line break in it', basic(`u\n:${OWN}`)],
  [
    'misplaced',
    'Basic that is no UTF-8',
    `Basic ${Buffer.from(`\xff:${OWN}`, 'latin1').toString('base64')}`,
  ],
  ['misplaced', 'Basic, percent-encoded', basic(`u:${percentAll(OWN)}`)],
  ['several', 'two', `Bearer ${OWN} ${SECOND}`],
  ['several', 'Basic of two', basic(`${OWN}:${SECOND}`)],
  ['foreign', 'of another session', `Bearer ${FOREIGN}`],
  ['foreign', 'one of another session beside', basic(`${FOREIGN}:${OWN}`)],
])('refuses what is %s: %s', (reason, _, value) => {
  const read = readValue(value, session);
  expect(read).toMatchObject({ kind: 'refused', reason });
  if (read.kind === 'refused' && !value.includes(FOREIGN)) expect(read.credentials).toContain('gh');
});

it.each(['', 'Bearer stolen', basic('u:p'), 'Basic %%%', 'asbx'])(
  'has nothing to say of %j',
  (value) => {
    expect(readValue(value, session)).toEqual({ kind: 'none' });
  },
);

describe('a secret that does not fit', () => {
  it.each(['', 'a\r\nb', 'a\nb', 'a\0b', ' a', 'a ', 'a\x7f', '\u20ac'])(
    'is not put into a header: %j',
    (secret) => {
      expect(fill(`Bearer ${OWN}`, secret)).toBeUndefined();
    },
  );

  it('is not put into a pair where it would move the colon, or with control characters', () => {
    expect(fill(basic(`${OWN}:p`), 'a:b')).toBeUndefined();
    expect(fill(basic(`u:${OWN}`), 'a:b')).toBe(basic('u:a:b'));
    expect(fill(basic(`u:${OWN}`), 'a\nb')).toBeUndefined();
    expect(fill(basic(`u:${OWN}`), 'p\u00e4ss')).toBe(basic('u:p\u00e4ss'));
  });
});
