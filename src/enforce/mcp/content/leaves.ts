// The texts of a message: every string and every key in it, in one order, joined so that each search runs once over all of them.
// Invariant: `rewrite` reads in the order in which `readLeaves` numbered.

import type { Json, JsonObject } from '../../../model/credential.ts';
import { encodedTexts } from './encoded.ts';
import type { EncodedText } from './encoded.ts';
import { foldUnits } from './fold.ts';
import { isSuspect } from './text.ts';
import { unitsOf } from './units.ts';

/** The strict reader of messages allows less; this holds for callers that have read in another way. */
const MAX_DEPTH = 128;
/** Values of these keys are words of the protocol: they would stand between the pieces of a text that was cut up. */
const PROTOCOL_KEYS = new Set(['type', 'role', 'mimeType']);

/** Texts of one message, one behind the other with a line feed between. */
export interface Texts {
  joined: string;
  /** where each begins in `joined` */
  starts: readonly number[];
  /** index among all leaves of the message */
  leaves: readonly number[];
  /** of `joined`, as all that follow; made at the first call */
  units(): Uint16Array;
  folded(): Uint8Array;
  encoded(): Hidden;
  isSuspect(): boolean;
}

/** The texts that encodings hide, joined like the texts themselves. */
export interface Hidden {
  parts: readonly EncodedText[];
  joined: string;
  /** where each part begins in `joined` */
  starts: readonly number[];
}

export interface Leaves {
  /** strings that are values */
  values: Texts;
  /** keys, and the protocol's own words */
  others: Texts;
  /** JSON path of a leaf, e.g. `arguments.body`, `content[0].text`; a key's is that of its object with the key in braces */
  place(leaf: number): string;
  count: number;
  isTooDeep: boolean;
}

/** The ways from the message to all that is in it: hostile messages have a million of them. */
interface Steps {
  /** index of the step before, -1 for none */
  parents: number[];
  keys: (string | number)[];
}

export function readLeaves(value: Json): Leaves {
  const steps: Steps = { parents: [], keys: [] };
  const stepOf: number[] = [];
  const isKey: boolean[] = [];
  const values = createTexts();
  const others = createTexts();
  let count = 0;
  let isTooDeep = false;
  const step = (parent: number, key: string | number): number => {
    steps.keys.push(key);
    return steps.parents.push(parent) - 1;
  };
  const walk = (node: Json, at: number, depth: number, key: string | number): void => {
    if (typeof node === 'string') {
      stepOf.push(at);
      isKey.push(false);
      const isWord = typeof key === 'string' && PROTOCOL_KEYS.has(key) && node.length <= 64;
      (isWord ? others : values).add(node, count++);
    } else if (node !== null && typeof node === 'object') {
      if (depth > MAX_DEPTH) {
        isTooDeep = true;
        return;
      }
      if (Array.isArray(node))
        for (let index = 0; index < node.length; index++) {
          const item = node[index] as Json;
          if (holdsText(item)) walk(item, step(at, index), depth + 1, index);
        }
      else
        for (const name of Object.keys(node)) {
          stepOf.push(at);
          isKey.push(true);
          others.add(name, count++);
          const field = node[name] as Json;
          if (holdsText(field)) walk(field, step(at, name), depth + 1, name);
        }
    }
  };
  walk(value, -1, 0, '');
  const ends = { values: values.end(), others: others.end() };
  return {
    ...ends,
    count,
    isTooDeep,
    place: (leaf) => {
      const path = pathOf(steps, stepOf[leaf] ?? -1);
      return isKey[leaf] === true ? `${path}{key}` : path;
    },
  };
}

function holdsText(value: Json): boolean {
  return typeof value === 'string' || (typeof value === 'object' && value !== null);
}

function createTexts(): { add(text: string, leaf: number): void; end(): Texts } {
  const texts: string[] = [];
  const starts: number[] = [];
  const leaves: number[] = [];
  let length = 0;
  return {
    add: (text, leaf) => {
      texts.push(text);
      starts.push(length);
      leaves.push(leaf);
      length += text.length + 1;
    },
    end: () => {
      const joined = texts.length === 1 ? (texts[0] as string) : texts.join('\n');
      let units: Uint16Array | undefined;
      let folded: Uint8Array | undefined;
      let encoded: Hidden | undefined;
      const read = (): Uint16Array => (units ??= unitsOf(joined));
      return {
        joined,
        starts,
        leaves,
        units: read,
        folded: () => (folded ??= foldUnits(read())),
        encoded: () => (encoded ??= hiddenIn(encodedTexts(joined, read()))),
        isSuspect: () => isSuspect(joined, read()),
      };
    },
  };
}

function hiddenIn(parts: readonly EncodedText[]): Hidden {
  let length = 0;
  const starts = parts.map(({ text }) => {
    const start = length;
    length += text.length + 1;
    return start;
  });
  return { parts, starts, joined: parts.map(({ text }) => text).join('\n') };
}

/** Index of the last of `starts` that is not behind `at`. */
export function indexAt(starts: readonly number[], at: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] as number) <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}

function pathOf({ parents, keys }: Steps, step: number): string {
  const parts: string[] = [];
  for (let at = step; at >= 0; at = parents[at] as number) {
    const key = keys[at] as string | number;
    parts.push(typeof key === 'number' ? `[${key}]` : `.${key.slice(0, 64)}`);
  }
  return parts.reverse().join('').replace(/^\./, '');
}

/** Index within `texts` of the one that holds this place of `joined`. */
export function textAt(texts: Texts, at: number): number {
  return indexAt(texts.starts, at);
}

/** Every text with another in its place where `change` gives one. Keys that become alike: undefined, since one would be lost. */
export function rewrite(
  value: Json,
  change: (leaf: number, text: string) => string,
): Json | undefined {
  let count = 0;
  let isLossy = false;
  const walk = (node: Json): Json => {
    if (typeof node === 'string') return change(count++, node);
    if (node === null || typeof node !== 'object') return node;
    if (Array.isArray(node)) return node.map(walk);
    const copy: JsonObject = {};
    for (const key of Object.keys(node)) {
      const name = change(count++, key);
      const field = walk(node[key] as Json);
      if (Object.hasOwn(copy, name) || name === '__proto__') isLossy = true;
      else copy[name] = field;
    }
    return copy;
  };
  const changed = walk(value);
  return isLossy ? undefined : changed;
}
