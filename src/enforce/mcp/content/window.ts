// What one way between the agent and one server has carried of live values lately: which characters of each were seen, and how
// each field of the messages ended. Bounded: by the values, and by a number of fields.

import type { KnownIndex } from './known.ts';
import type { KnownValue } from './known-value.ts';
import { GRAM } from './grams.ts';
import type { WatchedForm } from './grams.ts';
import { fold } from './fold.ts';

/** milliseconds: the EX4 and RS5 cases */
const WINDOW = 10 * 60 * 1000;
/** Of a value's characters, so many hundredths in one window are the value. */
const ENOUGH = 90;
const MOST_FIELDS = 256;
/** Pieces of one message. */
const MOST_PIECES = 16_384;
const FIELDS_OF_MESSAGE = 64;
/** bytes kept of the end of a field */
const LONGEST_TAIL = 2048;

export interface Field {
  place: string;
  text: string;
}

/** Where in the folded text a piece lies that completes a value, or belongs to one that is complete. */
export interface Piece {
  owner: KnownValue;
  start: number;
  end: number;
}

export interface Window {
  /** Notes the pieces that a message holds; those of values that are complete with it. `isCut`: there were more of them. */
  pieces(known: KnownIndex, folded: Uint8Array): { pieces: Piece[]; isCut: boolean };
  /** Values that begin at the end of what a field held before and end in it now; by the index of the field. */
  joins(known: KnownIndex, fields: readonly Field[]): { field: number; owner: KnownValue }[];
}

export function createWindow(now: () => number): Window {
  const seen = new Map<string, Float64Array>();
  const tails = new Map<string, { bytes: Uint8Array; time: number }>();
  let forms: KnownIndex | undefined;

  /** Forgets the forms of values that live no longer. */
  function follow(known: KnownIndex): void {
    if (forms === known) return;
    forms = known;
    const live = new Set(known.grams.forms.map((form) => form.key));
    for (const key of seen.keys()) if (!live.has(key)) seen.delete(key);
  }

  return {
    pieces: (known, folded) => {
      follow(known);
      const time = now();
      const found = new Map<number, number[]>();
      let count = 0;
      known.grams.scan(folded, (form, at, end) => {
        const watched = known.grams.forms[form] as WatchedForm;
        let times = seen.get(watched.key);
        if (times === undefined) {
          times = new Float64Array(watched.bytes.length).fill(-Infinity);
          seen.set(watched.key, times);
        }
        for (let index = at; index < at + GRAM; index++) times[index] = time;
        if (++count > MOST_PIECES) return;
        const ends = found.get(form);
        if (ends === undefined) found.set(form, [end]);
        else ends.push(end);
      });
      const pieces = [...found].flatMap(([form, ends]) => {
        const { key, owner } = known.grams.forms[form] as WatchedForm;
        const times = seen.get(key) as Float64Array;
        const fresh = times.reduce((sum, at) => sum + (time - at <= WINDOW ? 1 : 0), 0);
        if (fresh * 100 < times.length * ENOUGH) return [];
        return ends.map((end) => ({ owner, start: end - GRAM, end }));
      });
      return { pieces, isCut: count > MOST_PIECES };
    },
    joins: (known, fields) => {
      const longest = Math.min(known.search.longest, LONGEST_TAIL);
      if (longest === 0) return [];
      const time = now();
      return fields.slice(0, FIELDS_OF_MESSAGE).flatMap(({ place, text }, field) => {
        const before = tails.get(place);
        tails.delete(place);
        const tail =
          before === undefined || time - before.time > WINDOW ? new Uint8Array() : before.bytes;
        const head = fold(text.slice(0, LONGEST_TAIL));
        const joined = Buffer.concat([tail, head]);
        const found = tail.length === 0 ? [] : crossing(known, joined, tail.length);
        const end =
          text.length <= LONGEST_TAIL ? joined : fold(text.slice(text.length - LONGEST_TAIL));
        tails.set(place, { bytes: end.slice(-longest), time });
        const [oldest] = tails.keys();
        if (tails.size > MOST_FIELDS && oldest !== undefined) tails.delete(oldest);
        return found.map((owner) => ({ field, owner }));
      });
    },
  };
}

function crossing(known: KnownIndex, joined: Uint8Array, border: number): KnownValue[] {
  const found = new Set<KnownValue>();
  known.search.scan(joined, border, (form, end) => {
    if (end - known.search.lengthOf(form) < border) found.add(known.owners[form] as KnownValue);
  });
  return [...found];
}
