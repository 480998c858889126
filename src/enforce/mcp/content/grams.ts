// Pieces of live values: runs of a few folded characters, looked for in any order and with anything between. A rolling hash and a
// table of what it may be make it one pass. Invariant: linear in the text, whatever the text is.

import type { KnownValue } from './known-value.ts';

export const GRAM = 6;
/** In a long text a piece of hexadecimal turns up by chance: there it takes so many characters. */
const GRAM_OF_LONG = 8;
/** folded characters */
const LONG_TEXT = 16_384;
/** Longer forms are watched by their beginning. */
const LONGEST = 512;
/** A shorter form, in such pieces, could be put together of pieces that mean something else. */
const SHORTEST = 16;
/** Places of a form that have the same piece, at most. */
const MOST_ALIKE = 64;
const BITS = 18;
const BASE = 0x01000193;

export interface WatchedForm {
  owner: KnownValue;
  /** folded */
  bytes: Uint8Array;
  /** tells it from others as long as it lives, whatever else is added */
  key: string;
}

export interface Grams {
  forms: readonly WatchedForm[];
  /** Every piece: which form, where in it, and where it ends in the text (exclusive). */
  scan(text: Uint8Array, onPiece: (form: number, at: number, end: number) => void): void;
}

export function createGrams(
  candidates: readonly { owner: KnownValue; bytes: Uint8Array }[],
): Grams {
  const forms: WatchedForm[] = [];
  for (const { owner, bytes: whole } of candidates) {
    const bytes = whole.subarray(0, LONGEST);
    if (bytes.length < SHORTEST) continue;
    const key = `${owner.credential}\n${Buffer.from(bytes).toString('latin1')}`;
    forms.push({ owner, bytes, key });
  }
  const { filter, places } = buildTables(forms);
  return {
    forms,
    scan: (text, onPiece) => {
      if (forms.length === 0) return;
      const more = text.length > LONG_TEXT ? GRAM_OF_LONG - GRAM : 0;
      const { length } = text;
      let hash = 0;
      for (let at = 0; at < length; at++) {
        hash = (Math.imul(hash, BASE) + (text[at] as number)) | 0;
        if (at >= GRAM) hash = (hash - (LEAVING[text[at - GRAM] as number] as number)) | 0;
        if (filter[hash >>> (32 - BITS)] === 0 || at < GRAM - 1) continue;
        for (const { form, start } of places.get(hash) ?? [])
          if (isAt(text, at + 1 - GRAM, (forms[form] as WatchedForm).bytes, start, more))
            onPiece(form, start, at + 1);
      }
    },
  };
}

/** By the byte that leaves the window: what it was multiplied by, once the hash has moved on. */
const LEAVING = Int32Array.from({ length: 256 }, (_, byte) =>
  Array.from({ length: GRAM }).reduce<number>((product) => Math.imul(product, BASE), byte),
);

/** The high bits: the low ones of a product hardly depend on the earlier bytes. */
function indexOf(hash: number): number {
  return hash >>> (32 - BITS);
}

interface Place {
  form: number;
  start: number;
}

function buildTables(forms: readonly WatchedForm[]): {
  filter: Uint8Array;
  places: Map<number, Place[]>;
} {
  const filter = new Uint8Array(1 << BITS);
  const places = new Map<number, Place[]>();
  forms.forEach(({ bytes }, form) => {
    for (let start = 0; start + GRAM <= bytes.length; start++) {
      let hash = 0;
      for (let at = start; at < start + GRAM; at++)
        hash = (Math.imul(hash, BASE) + (bytes[at] as number)) | 0;
      filter[indexOf(hash)] = 1;
      const list = places.get(hash);
      if (list === undefined) places.set(hash, [{ form, start }]);
      else if (list.length < MOST_ALIKE) list.push({ form, start });
    }
  });
  return { filter, places };
}

/** Whether the piece is there, and goes on for `more` characters to its sides. */
function isAt(
  text: Uint8Array,
  from: number,
  form: Uint8Array,
  start: number,
  more: number,
): boolean {
  for (let i = 0; i < GRAM; i++) if (text[from + i] !== form[start + i]) return false;
  let beyond = 0;
  for (let i = 1; i <= more && start >= i && text[from - i] === form[start - i]; i++) beyond++;
  for (let i = GRAM; i < GRAM + more; i++) {
    if (start + i >= form.length || text[from + i] !== form[start + i]) break;
    beyond++;
  }
  return beyond >= more;
}
