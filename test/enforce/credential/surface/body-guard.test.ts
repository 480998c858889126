import { describe, expect, it } from 'vitest';

import { createPlaceholders } from '../../../../src/enforce/credential/placeholder/placeholders.ts';
import type { Found } from '../../../../src/enforce/credential/placeholder/placeholders.ts';
import { createBodyGuard, isFound } from '../../../../src/enforce/credential/surface/body-guard.ts';
import { seededRandom } from '../../../support/random.ts';
import { waysToWrite } from '../placeholder/written.ts';
import { cutAt, cutRandomly, everyByte } from '../../scan/chunks.ts';

const random = seededRandom(17);
const session = createPlaceholders((length) => random.bytes(length));
const OWN = session.issue('gh', 'github');
const FOREIGN = createPlaceholders((length) => random.bytes(length)).issue('gh', 'github');

function guard(chunks: Iterable<Uint8Array>): { out: Buffer; found: Found[] } {
  const one = createBodyGuard(session);
  const out: Buffer[] = [];
  for (const chunk of chunks) {
    const outcome = one.push(chunk);
    if (isFound(outcome)) return { out: Buffer.concat(out), found: outcome };
    out.push(...outcome);
  }
  return { out: Buffer.concat([...out, ...one.end()]), found: [] };
}

describe.each([
  ['own', OWN],
  ['foreign', FOREIGN],
])('one that is %s', (kind, text) => {
  const ways = waysToWrite(text, random).filter(
    ({ name }) => kind === 'own' || name !== 'any case',
  );

  it.each(ways)(
    'never leaves as $name, nor does its whole marker',
    ({ text: written, encoding }) => {
      const before = Buffer.from('{"title": "as before", "body": "');
      const body = Buffer.concat([before, Buffer.from(written, 'latin1'), Buffer.from('"}')]);
      const cuts = [[body], everyByte(body)];
      for (let at = 0; at < body.length; at += body.length > 400 ? 7 : 1)
        cuts.push(cutAt(body, at));
      for (let round = 0; round < 10; round++) cuts.push(cutRandomly(body, random, 30));
      for (const chunks of cuts) {
        const { out, found } = guard(chunks);
        expect(found).toContainEqual(expect.objectContaining({ kind }));
        expect(body.subarray(0, out.length)).toEqual(out);
        // Of the placeholder, no more than what stands before the end of its marker.
        const seen = session.examine(out);
        expect([seen.found, seen.isOpen]).toEqual([[], false]);
      }
      expect(guard([body]).found).toContainEqual(expect.objectContaining({ kind, encoding }));
    },
  );
});

it('lets everything else through, in order', () => {
  const near = [
    'asbx ',
    'asbx1',
    'asbxasbxasbxas-',
    `${OWN.slice(0, -1)}!`,
    '%61%73%62%78%',
    '\\u0061sbx\\u00',
    'YXNieA==',
  ];
  for (const text of near)
    for (const body of [text, `a ${text} b`, text.repeat(3)].map((one) => Buffer.from(one)))
      for (const chunks of [[body], everyByte(body), cutRandomly(body, random, 5)])
        expect(guard(chunks)).toEqual({ out: body, found: [] });
});

describe('what is kept back', () => {
  it('is nothing of a body that does not end within a marker that is whole', () => {
    for (const text of ['message', 'ends with a', 'with asb', 'with %61%73%62%7', 'asbx-']) {
      const one = createBodyGuard(session);
      expect(one.push(Buffer.from(text))).toEqual([Buffer.from(text)]);
      expect(one.isHolding()).toBe(false);
    }
  });

  it('is all of a short body that does, until it is known', () => {
    const one = createBodyGuard(session);
    expect(one.push(Buffer.from('to asbxab'))).toEqual([]);
    expect(one.isHolding()).toBe(true);
    expect(one.push(Buffer.from('c.'))).toEqual([Buffer.from('to asbxabc.')]);
    expect(one.isHolding()).toBe(false);
  });

  it('never grows, even when every chunk ends so', () => {
    const one = createBodyGuard(session);
    const chunk = Buffer.from(`${' '.repeat(1000)}asbxaaaa`);
    let sent = 0;
    for (let round = 1; round <= 100; round++) {
      const outcome = one.push(chunk);
      if (isFound(outcome)) throw new Error('found');
      for (const bytes of outcome) sent += bytes.length;
      expect(round * chunk.length - sent).toBeLessThan(2048);
    }
    expect(Buffer.concat(one.end()).length + sent).toBe(100 * chunk.length);
  });
});
