// Messages of HTTP bent at random, for fuzz tests.
import type { Random } from './random.ts';

type Choices = readonly [string, ...string[]];

/** A few of the seeds, one behind the other, with pieces put in, bytes changed, taken out or cut off. */
export function mutate(random: Random, seeds: Choices, pieces: Choices): Buffer {
  let bytes = Array.from({ length: 1 + random.below(3) }, () => random.pick(seeds)).join('');
  for (let count = random.below(4); count > 0; count--) {
    const at = random.below(bytes.length + 1);
    const kind = random.below(5);
    if (kind === 0) bytes = bytes.slice(0, at) + random.pick(pieces) + bytes.slice(at);
    else if (kind === 1) bytes = bytes.slice(0, at) + bytes.slice(at + 1 + random.below(6));
    else if (kind === 2)
      bytes = bytes.slice(0, at) + String.fromCharCode(random.below(256)) + bytes.slice(at + 1);
    else if (kind === 3) {
      // At the start of a line, where fields begin.
      const line = bytes.indexOf('\r\n', at);
      if (line >= 0) bytes = bytes.slice(0, line + 2) + random.pick(pieces) + bytes.slice(line + 2);
    } else bytes = bytes.slice(0, at);
  }
  return Buffer.from(bytes, 'latin1');
}
