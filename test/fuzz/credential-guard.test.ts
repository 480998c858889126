// The guard of bodies and the search for placeholders, against one that undoes everything and then looks.
import { expect, it } from 'vitest';

import { createPlaceholders } from '../../src/enforce/credential/placeholder/placeholders.ts';
import { SHAPES } from '../../src/enforce/credential/placeholder/shape.ts';
import { createBodyGuard, isFound } from '../../src/enforce/credential/surface/body-guard.ts';
import { cutRandomly } from '../enforce/scan/chunks.ts';
import { waysToWrite } from '../enforce/credential/placeholder/written.ts';
import { createRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';

const ROUNDS = 1200;
const PIECES = [
  ...[
    'asbx',
    'ASBX',
    'asb',
    'aSbX',
    '%61',
    '%73%62',
    '\\u0061',
    '\\u00',
    '%',
    '%2',
    '%25',
    '\\',
    '\\\\',
    'YXNie',
  ],
  ...[
    'Fzyn',
    'hc2J4',
    'abcd2345',
    'ABCD2345',
    '"',
    ':',
    '=',
    ' ',
    '\n',
    '\xff',
    '\u0000',
    'ghs_',
    '/+-_',
  ],
  ...[' '.repeat(400), 'z'.repeat(700), `${'%2e'.repeat(30)}${'+'.repeat(650)}`],
] as [string, ...string[]];

function undoPercent(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
}

function undoJson(text: string): string {
  return text.replace(
    /\\(?:u([0-9a-f]{4})|([\\/"]))/gi,
    (_, hex: string | undefined, plain: string) => {
      const unit = hex === undefined ? 0 : parseInt(hex, 16);
      return hex === undefined ? plain : String.fromCharCode(unit < 0x80 ? unit : 0xff);
    },
  );
}

/** The lower-case bodies of placeholders that a reader could find by undoing two escapes and base64. */
function lookNaively(bytes: Buffer, own: ReadonlySet<string>): Set<string> {
  const one = bytes.toString('latin1');
  const two = [one, undoPercent(one), undoJson(one)];
  const texts = new Set([...two, ...two.map(undoPercent), ...two.map(undoJson)]);
  for (const text of [...texts])
    for (const run of text.match(/[A-Za-z0-9+/_-]{48,}/g) ?? [])
      for (let from = 0; from < 4; from++)
        texts.add(Buffer.from(run.slice(from), 'base64').toString('latin1'));
  const bodies = new Set<string>();
  for (const text of texts)
    for (const [, body = ''] of text.matchAll(/(?=(asbx[a-z2-7]{32}))/gi)) {
      const random = body.slice(4);
      // Those of other sessions are known by their form alone: in one case.
      const isUniform = random === random.toLowerCase() || random === random.toUpperCase();
      if (isUniform || own.has(body.toLowerCase())) bodies.add(body.toLowerCase());
    }
  return bodies;
}

function compose(random: Random, placeholders: readonly [string, ...string[]]): Buffer {
  let text = '';
  for (let count = random.below(20); count > 0; count--) {
    const kind = random.below(10);
    if (kind < 6) text += random.pick(PIECES);
    else if (kind < 8) text += random.bytes(random.below(20)).toString('latin1');
    else {
      const ways = waysToWrite(random.pick(placeholders), random);
      let { text: written } = random.pick([...ways] as [(typeof ways)[0], ...typeof ways]);
      if (random.chance(0.3)) written = written.slice(0, random.below(written.length));
      text += written;
    }
  }
  return Buffer.from(text, 'latin1');
}

it('no placeholder leaves that a reader could find, and nothing else is kept or changed', () => {
  const random = createRandom('credential-guard');
  const session = createPlaceholders((length) => random.bytes(length));
  const others = createPlaceholders((length) => random.bytes(length));
  const own = SHAPES.map((shape) => session.issue('own', shape));
  const foreign = SHAPES.map((shape) => others.issue('foreign', shape));
  const bodyOf = (text: string): string =>
    /asbx[a-z2-7]{32}/i.exec(text)?.[0].toLowerCase() ?? expect.unreachable();
  const ownBodies = new Set(own.map(bodyOf));
  const bodies = new Set([...own, ...foreign].map(bodyOf));
  let [hits, clean] = [0, 0];
  for (let round = 0; round < ROUNDS; round++) {
    const body = compose(random, [...own, ...foreign] as [string, ...string[]]);
    const readable = lookNaively(body, ownBodies);
    const guard = createBodyGuard(session);
    const out: Buffer[] = [];
    let isStopped = false;
    for (const chunk of cutRandomly(body, random, random.chance(0.5) ? 3 : 200)) {
      const outcome = guard.push(chunk);
      if ((isStopped = isFound(outcome))) break;
      out.push(...outcome);
    }
    if (!isStopped) out.push(...guard.end());
    const sent = Buffer.concat(out);
    expect(sent.equals(body.subarray(0, sent.length))).toBe(true);
    for (const one of lookNaively(sent, ownBodies)) expect(bodies.has(one), one).toBe(false);
    if ([...readable].some((one) => bodies.has(one))) {
      expect(isStopped).toBe(true);
      hits++;
    }
    if (isStopped) expect(session.find(body)).not.toEqual([]);
    else {
      expect(sent.length).toBe(body.length);
      clean++;
    }
    // A whole body is judged as its chunks are.
    expect(session.find(body).length > 0).toBe(isStopped);
  }
  expect(hits).toBeGreaterThan(ROUNDS / 20);
  expect(clean).toBeGreaterThan(ROUNDS / 20);
});
