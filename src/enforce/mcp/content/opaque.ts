// Texts of a call that nobody can read: what an encryption or a compression leaves, in base64 or hexadecimal.

import type { Leaves } from './leaves.ts';
import { textAt } from './leaves.ts';
import { runsOf, tableOf } from './encoded.ts';
import type { Findings } from './findings.ts';

const SHORTEST = 1024;
const IN_RUN = tableOf('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_=-');
/** Bits for each character that base64 of random bytes comes near to, and no text of words does. */
const DENSE = 4.5;
const DENSE_HEX = 3.7;

/** Adds a finding for each; the length of the longest. */
export function noteOpaque(leaves: Leaves, findings: Findings): number {
  let longest = 0;
  const { joined } = leaves.values;
  for (const { start: index, end } of runsOf(leaves.values.units(), IN_RUN, SHORTEST)) {
    const run = joined.slice(index, end);
    if (!isDense(run)) continue;
    longest = Math.max(longest, run.length);
    const leaf = leaves.values.leaves[textAt(leaves.values, index)] ?? 0;
    findings.add({ detector: 'opaque', place: leaves.place(leaf) });
  }
  return longest;
}

function isDense(run: string): boolean {
  const counts = new Uint32Array(128);
  for (let at = 0; at < run.length; at++) {
    const code = run.charCodeAt(at);
    counts[code] = (counts[code] as number) + 1;
  }
  let bits = 0;
  for (const count of counts)
    if (count > 0) bits -= (count / run.length) * Math.log2(count / run.length);
  return bits >= (/^[0-9A-Fa-f]+$/.test(run) ? DENSE_HEX : DENSE);
}
