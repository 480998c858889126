// The scrubber of answers, against one without streams, and against what a reader could find in what it lets out.
import { expect, it } from 'vitest';

import { encodingsOf } from '../../src/enforce/scan/encodings.ts';
import { createScanner } from '../../src/enforce/scan/scanner.ts';
import { createScrubber } from '../../src/enforce/scan/scrub.ts';
import { Secret } from '../../src/model/secret.ts';
import { cutRandomly } from '../enforce/scan/chunks.ts';
import { scrubNaively } from '../enforce/scan/reference.ts';
import type { Live } from '../enforce/scan/reference.ts';
import { createRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';

const ROUNDS = 1500;

/** Few letters, and parts of one another: beginnings and ends that meet. */
function valuesOf(random: Random): Live[] {
  const values: Live[] = [];
  const letters = random.chance(0.5) ? 'ab' : 'aB/+"0~=';
  for (let index = 0; index < 1 + random.below(5); index++) {
    const earlier = values[random.below(values.length)]?.value;
    let value = earlier !== undefined && random.chance(0.4) ? earlier.slice(random.below(4)) : '';
    const length = 8 + random.below(12);
    while (value.length < length) value += letters[random.below(letters.length)];
    values.push({ value, replacement: `<${index}>` });
  }
  return values;
}

function compose(random: Random, values: readonly Live[]): Buffer {
  const parts: Buffer[] = [];
  for (let count = random.below(15); count > 0; count--) {
    const { value } = values[random.below(values.length)] ?? { value: '' };
    const forms = encodingsOf(value);
    const bytes = forms[random.below(forms.length)]?.bytes ?? Buffer.alloc(0);
    const kind = random.below(5);
    if (kind === 0) parts.push(random.bytes(random.below(6)));
    else if (kind === 1) parts.push(bytes.subarray(0, random.below(bytes.length)));
    else if (kind === 2) parts.push(bytes.subarray(random.below(bytes.length)));
    else if (kind === 3) parts.push(Buffer.from(`${value}:${value}`.slice(random.below(4))));
    else parts.push(bytes);
  }
  return Buffer.concat(parts);
}

it('what comes out is what came in with every form replaced, however it was cut', () => {
  const random = createRandom('credential-scrub');
  let hits = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const values = valuesOf(random);
    const scanner = createScanner();
    for (const { value, replacement } of values)
      scanner.add({ credential: value, secret: new Secret(value), replacement });
    const live = [...new Map(values.toReversed().map((one) => [one.value, one])).values()];
    const text = compose(random, values);
    const scrubber = createScrubber(scanner);
    const out: Buffer[] = [];
    for (const chunk of cutRandomly(text, random, random.chance(0.5) ? 2 : 60))
      out.push(...scrubber.push(chunk));
    out.push(...scrubber.end());
    const scrubbed = Buffer.concat(out);
    expect(normal(scrubbed, values)).toEqual(normal(scrubNaively(text, live), values));
    hits += scrubber.hits().length;
  }
  expect(hits).toBeGreaterThan(ROUNDS);
});

it('no form of a value comes out, whenever the sender pauses', () => {
  const random = createRandom('credential-scrub-idle');
  for (let round = 0; round < ROUNDS; round++) {
    const value = random.bytes(9).toString('base64');
    const scanner = createScanner();
    scanner.add({ credential: 'a', secret: new Secret(value), replacement: '<a>' });
    const text = compose(random, [{ value, replacement: '<a>' }]);
    const scrubber = createScrubber(scanner);
    const out: Buffer[] = [];
    for (const chunk of cutRandomly(text, random, 4)) {
      out.push(...scrubber.push(chunk));
      if (random.chance(0.5)) out.push(...scrubber.idle());
    }
    out.push(...scrubber.end());
    const scrubbed = Buffer.concat(out);
    for (const { bytes } of encodingsOf(value)) expect(scrubbed.includes(bytes)).toBe(false);
  }
});

/** Of two values that share a form, either may lend its placeholder. */
function normal(text: Buffer, values: readonly Live[]): string {
  return values.reduce(
    (one, { replacement }) => one.replaceAll(replacement, '<>'),
    text.toString('latin1'),
  );
}
