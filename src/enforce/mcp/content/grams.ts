// Pieces of live values: runs of a few folded characters, looked for in any order and with anything between. A hash of each and a
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
      const isLong = text.length > LONG_TEXT;
      const more = isLong ? GRAM_OF_LONG - GRAM : 0;
      const last = text.length - GRAM;
      const look = (from: number, hash: number): void => {
        for (const { form, start } of places.get(hash) ?? [])
          if (isAt(text, from, (forms[form] as WatchedForm).bytes, start, more))
            onPiece(form, start, from + GRAM);
      };
      if (!isLong) {
        for (let from = 0; from <= last; from++) {
          const hash = hashAt(text, from);
          if (filter[hash >>> (32 - BITS)] !== 0) look(from, hash);
        }
        return;
      }
      // A piece that counts in a long text is part of a run with at least so many pieces one behind the other: where every one of
      // them would be passed over, there is none.
      const stride = more + 1;
      let done = 0;
      for (let from = 0; from <= last; from += stride) {
        if (filter[hashAt(text, from) >>> (32 - BITS)] === 0) continue;
        const end = Math.min(last, from + more);
        for (let at = Math.max(done, from - more); at <= end; at++) look(at, hashAt(text, at));
        done = end + 1;
      }
    },
  };
}

const [B2, B3, B4, B5] = [2, 3, 4, 5].map((power) =>
  Array.from({ length: power }).reduce<number>((product) => Math.imul(product, BASE), 1),
) as [number, number, number, number];

/** Of the piece that begins there, which must lie in the text. */
function hashAt(text: Uint8Array, at: number): number {
  return (
    (Math.imul(text[at] as number, B5) +
      Math.imul(text[at + 1] as number, B4) +
      Math.imul(text[at + 2] as number, B3) +
      Math.imul(text[at + 3] as number, B2) +
      Math.imul(text[at + 4] as number, BASE) +
      (text[at + 5] as number)) |
    0
  );
}

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
      const hash = hashAt(bytes, start);
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
