// Puts a mark in the place of what was found. Invariant: no character of a hit stays, in whatever texts the hit lies.

import type { Json } from '../../../model/credential.ts';
import { rewrite } from './leaves.ts';
import type { Leaves } from './leaves.ts';
import { textAt } from './leaves.ts';
import type { SecretHit } from './secrets.ts';

interface Range {
  start: number;
  end: number;
  mark: string;
}

/** Undefined where two keys would become one. `markOf`: e.g. `[REDACTED:github-token:1f2e3d4c]`. */
export function redact(
  message: Json,
  leaves: Leaves,
  hits: readonly SecretHit[],
  markOf: (hit: SecretHit) => string,
): Json | undefined {
  const ranges = new Map<number, Range[]>();
  for (const hit of hits) {
    const { starts, leaves: indices, joined } = leaves[hit.in];
    for (let at = textAt(leaves[hit.in], hit.start); at < starts.length; at++) {
      const from = starts[at] as number;
      if (from >= hit.end) break;
      const length = (starts[at + 1] ?? joined.length + 1) - 1 - from;
      const start = Math.max(0, hit.start - from);
      const end = Math.min(length, hit.end - from);
      if (start >= end) continue;
      const leaf = indices[at] as number;
      const list = ranges.get(leaf);
      const range = { start, end, mark: markOf(hit) };
      if (list === undefined) ranges.set(leaf, [range]);
      else list.push(range);
    }
  }
  return rewrite(message, (leaf, text) => {
    const list = ranges.get(leaf);
    return list === undefined ? text : replaceRanges(text, list);
  });
}

/** What overlaps or touches becomes one mark, that of what begins first. */
function replaceRanges(text: string, ranges: Range[]): string {
  ranges.sort((a, b) => a.start - b.start || b.end - a.end);
  let out = '';
  let at = 0;
  for (const { start, end, mark } of ranges) {
    if (start > at || (start === 0 && at === 0)) out += text.slice(at, start) + mark;
    at = Math.max(at, end);
  }
  return out + text.slice(at);
}
