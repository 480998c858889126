import { describe, expect, it } from 'vitest';

import { MOST_SIGHTINGS, detect } from '../../../../src/enforce/credential/placeholder/detect.ts';
import { createPlaceholders } from '../../../../src/enforce/credential/placeholder/placeholders.ts';
import { seededRandom } from '../../../support/random.ts';
import { jsonAll, percentAll, waysToWrite } from './written.ts';

const random = seededRandom(5);
const session = createPlaceholders((length) => random.bytes(length));
const others = createPlaceholders((length) => random.bytes(length));
const OWN = session.issue('gh', 'github');
const KEY = session.issue('aws', 'aws-access-key-id');

describe.each([OWN, KEY])('%s', (text) => {
  it.each(waysToWrite(text, random))('is found as $name', (written) => {
    for (const around of ['', ' ', '=', 'A', '"', '\\', '%', '\xff']) {
      const bytes = Buffer.from(`${around}${written.text}${around}`, 'latin1');
      // What base64 is glued to is part of it.
      if (around === 'A' && written.name.includes('base64')) continue;
      const found = session.find(bytes);
      expect(found, around).toContainEqual(
        expect.objectContaining({ kind: 'own', text, encoding: written.encoding }),
      );
    }
  });
});

it.each(
  waysToWrite(others.issue('gh', 'github'), random).filter(({ name }) => name !== 'any case'),
)('one of another session is foreign as $name', (written) => {
  expect(session.find(written.text)).toEqual([{ kind: 'foreign', encoding: written.encoding }]);
});

it('finds several, each once, as it takes least to read it', () => {
  const found = session.find(`${percentAll(OWN)} ${OWN} ${OWN} ${percentAll(KEY)}`);
  expect(found.map((one) => [one.kind === 'own' && one.text, ...one.encoding])).toEqual([
    [OWN],
    [KEY, 'percent'],
  ]);
});

it('one of another session is found beside its like in mixed case', () => {
  const text = others.issue('x', 'plain');
  const mixed = text.replace(/[a-z]/g, (c, at: number) => (at % 2 === 0 ? c.toUpperCase() : c));
  expect(session.find(mixed)).toEqual([]);
  expect(session.find(`${mixed} ${text}`)).toEqual([{ kind: 'foreign', encoding: [] }]);
});

it('tells of so many and no more', () => {
  const many = Array.from({ length: 40 }, (_, index) => others.issue(`c${index}`, 'plain')).join(
    ' ',
  );
  expect(detect(Buffer.from(many)).sightings).toHaveLength(MOST_SIGHTINGS);
});

describe('bytes that end within one', () => {
  const body = OWN.slice(4);
  it.each([
    ['as it is', body, 4],
    ['in percent-encoding', percentAll(body), 12],
    ['in JSON', jsonAll(body), 24],
    ['in base64', Buffer.from(body).toString('base64'), 5],
    ['in base64 behind a byte', Buffer.from(`:${body}`).toString('base64'), 6],
    ['in base64 behind two', Buffer.from(`::${body}`).toString('base64'), 8],
  ])('are open from the marker on, %s', (_, text, marker) => {
    const whole = Math.ceil(Buffer.from(text).length);
    for (let end = 0; end < whole; end++) {
      const { isOpen, sightings } = detect(Buffer.from(text.slice(0, end)));
      if (sightings.length > 0) expect(end).toBeGreaterThan(whole - 5);
      else expect(isOpen, `${end} of ${whole}`).toBe(end >= marker);
    }
    expect(detect(Buffer.from(text)).sightings).toHaveLength(1);
  });

  it('are not once anything else follows', () => {
    expect(detect(Buffer.from('asbxabc def')).isOpen).toBe(false);
    expect(detect(Buffer.from('asbx1')).isOpen).toBe(false);
    expect(detect(Buffer.from('ends with asb')).isOpen).toBe(false);
  });
});

it('finds none in 50 MB of noise', () => {
  const noise = random.bytes(2_000_000);
  const texts = [noise, Buffer.from(noise.toString('base64')), Buffer.from(noise.toString('hex'))];
  let scanned = 0;
  for (let round = 0; scanned < 50e6; round++) {
    const text = texts[round % 3] ?? noise;
    scanned += text.length;
    // Moved and turned by one each time.
    const bytes = Buffer.from(text.map((byte) => (byte ^ (round >> 2)) & 0xff));
    expect(session.find(bytes)).toEqual([]);
  }
});
