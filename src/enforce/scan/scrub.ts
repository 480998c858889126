// Takes secret values out of an answer as it streams by. Invariant: no form of a value that lived when its last byte came in
// goes out whole, however it was cut into chunks; all other bytes go out as they came, in order.

import type { Form } from './encodings.ts';
import type { Pattern, Patterns, Scanner } from './scanner.ts';

export interface ScrubHit {
  credential: string;
  form: Form;
  count: number;
}

/**
 * What overlaps is one hit to the reader: it is replaced once, by the placeholder of what begins first (of two that begin
 * together, the longer).
 */
export interface Scrubber {
  push(chunk: Uint8Array): Buffer[];
  /**
   * Nothing has come for a while: lets go of bytes that could be the beginning of a value as long as they are fewer than
   * `FEWEST_HELD`, so that no message waits for its last byte. Should the rest of the value follow, that is still replaced.
   */
  idle(): Buffer[];
  end(): Buffer[];
  /** what was found so far, by credential and form */
  hits(): ScrubHit[];
}

export const FEWEST_HELD = 4;

interface Occurrence extends Pattern {
  start: number;
  end: number;
}

/** What was read and not yet settled. */
interface Open {
  /** the end of what was read, from where a value may be beginning */
  text: Buffer;
  /** how many of its first bytes have gone out, or were replaced */
  covered: number;
  /** those bytes were the end of a hit: one that overlaps them belongs to it */
  isReplaced: boolean;
  /** in `text`, and overlapping what may be beginning */
  pending: Occurrence[];
}

const EMPTY = Buffer.alloc(0);
const NOTHING: Open = { text: EMPTY, covered: 0, isReplaced: false, pending: [] };

export function createScrubber(scanner: Pick<Scanner, 'patterns'>): Scrubber {
  const tally = createTally();
  let open = NOTHING;

  function settle(text: Buffer, found: Occurrence[], until: number): Buffer[] {
    const out: Buffer[] = [];
    let { covered: at, isReplaced } = open;
    const pending: Occurrence[] = [];
    for (const run of joinOverlapping(found)) {
      const isMore = isReplaced && run.start < open.covered;
      if (!isMore && run.start >= until) {
        pending.push(...run.members);
        continue;
      }
      if (!isMore) {
        if (run.start > at) out.push(text.subarray(at, run.start));
        out.push(run.first.replacement);
      }
      at = Math.max(at, run.end);
      isReplaced = at > until;
    }
    if (at <= until) {
      if (at < until) out.push(text.subarray(at, until));
      isReplaced = false;
      at = until;
    }
    open = {
      text: until === text.length ? EMPTY : Buffer.from(text.subarray(until)),
      covered: at - until,
      isReplaced,
      pending: pending.map((one) => moved(one, -until)),
    };
    return out;
  }

  return {
    push: (chunk) => {
      if (chunk.length === 0) return [];
      const patterns = scanner.patterns();
      const known = open.text.length;
      const text = known === 0 ? asBuffer(chunk) : Buffer.concat([open.text, chunk]);
      const found = occurrences(patterns, text, known);
      tally.add(found);
      return settle(text, [...open.pending, ...found], patterns.search.openFrom(text, 0));
    },
    idle: () => {
      if (open.text.length >= FEWEST_HELD || open.covered >= open.text.length) return [];
      const out = [open.text.subarray(open.covered)];
      open = { ...open, covered: open.text.length, isReplaced: false };
      return out;
    },
    end: () => settle(open.text, open.pending, open.text.length),
    hits: () => tally.read(),
  };
}

/** For header values and reason phrases: texts of which each character is a byte, as HTTP has them. */
export function scrubText(
  scanner: Pick<Scanner, 'patterns'>,
  text: string,
): { text: string; hits: ScrubHit[] } {
  const scrubber = createScrubber(scanner);
  const out = [...scrubber.push(Buffer.from(text, 'latin1')), ...scrubber.end()];
  const hits = scrubber.hits();
  return { text: hits.length === 0 ? text : Buffer.concat(out).toString('latin1'), hits };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function occurrences({ search, owners }: Patterns, text: Buffer, from: number): Occurrence[] {
  const found: Occurrence[] = [];
  search.scan(text, from, (index, end) => {
    const owner = owners[index] as Pattern;
    found.push({ ...owner, start: end - search.lengthOf(index), end });
  });
  return found;
}

interface Run {
  start: number;
  end: number;
  first: Occurrence;
  members: Occurrence[];
}

function joinOverlapping(found: Occurrence[]): Run[] {
  const runs: Run[] = [];
  found.sort((a, b) => a.start - b.start || b.end - a.end);
  for (const one of found) {
    const last = runs.at(-1);
    if (last === undefined || one.start >= last.end)
      runs.push({ start: one.start, end: one.end, first: one, members: [one] });
    else {
      last.end = Math.max(last.end, one.end);
      last.members.push(one);
    }
  }
  return runs;
}

function moved(one: Occurrence, by: number): Occurrence {
  return { ...one, start: one.start + by, end: one.end + by };
}

function createTally(): { add(found: Occurrence[]): void; read(): ScrubHit[] } {
  const hits = new Map<string, ScrubHit>();
  return {
    add: (found) => {
      for (const { credential, form } of found) {
        const hit = hits.get(`${form} ${credential}`);
        if (hit === undefined) hits.set(`${form} ${credential}`, { credential, form, count: 1 });
        else hit.count++;
      }
    },
    read: () => [...hits.values()].map((hit) => ({ ...hit })),
  };
}
