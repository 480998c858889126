// Secrets in the texts of one message: live values first, in all their forms and in pieces, then what looks like a secret.
// Invariant: a live value is never let off, whatever is allow-listed.

import { createHash } from 'node:crypto';

import { fold, foldedPlaces } from './fold.ts';
import type { KnownIndex } from './known.ts';
import type { KnownValue } from './known-value.ts';
import { indexAt, textAt } from './leaves.ts';
import type { Hidden, Leaves, Texts } from './leaves.ts';
import { EXAMPLES, SECRET_PATTERNS } from './secret-patterns.ts';
import type { Window } from './window.ts';

export interface SecretHit {
  detector: string;
  in: 'values' | 'others';
  /** in the joined text */
  start: number;
  end: number;
  /** what its fingerprint is of */
  value: string | Buffer;
  isCertain: boolean;
}

export interface SecretSearch {
  known: KnownIndex;
  window: Window;
  /** `sha256:` and 64 hex digits of what looks like a secret and is none */
  allowed: ReadonlySet<string>;
}

export interface FoundSecrets {
  hits: SecretHit[];
  /** more pieces of a live value than are followed: nothing of the message may pass */
  isCut: boolean;
}

export function findSecrets(leaves: Leaves, search: SecretSearch): FoundSecrets {
  const found = {
    values: findIn(leaves.values, 'values', search),
    others: findIn(leaves.others, 'others', search),
  };
  return {
    hits: [...found.values.hits, ...found.others.hits, ...joinedFields(leaves, search)],
    isCut: found.values.isCut || found.others.isCut,
  };
}

function findIn(texts: Texts, which: SecretHit['in'], search: SecretSearch): FoundSecrets {
  const { joined } = texts;
  const { known, window } = search;
  const hits: SecretHit[] = [];
  let isCut = false;
  const addKnown = (owner: KnownValue, start: number, end: number): void => {
    const { value } = owner;
    hits.push({ detector: 'known-secret', in: which, start, end, value, isCertain: true });
  };
  if (known.owners.length > 0) {
    const spans = knownSpans(known, window, texts.folded());
    isCut = spans.isCut;
    const places = spans.found.length > 0 ? foldedPlaces(joined) : undefined;
    for (const { owner, start, end } of spans.found)
      addKnown(owner, places?.[start] ?? 0, (places?.[end - 1] ?? 0) + 1);
  }
  for (const { owner, start, end } of exactSpans(known, joined)) addKnown(owner, start, end);
  const hidden = hiddenHits(texts.encoded(), which, search);
  return { hits: hits.concat(hidden, patternHits(joined, which, search.allowed)), isCut };
}

/** One level of encoding: the hits are the whole of what is encoded. */
function hiddenHits(hidden: Hidden, which: SecretHit['in'], search: SecretSearch): SecretHit[] {
  const { parts, starts, joined } = hidden;
  if (parts.length === 0) return [];
  const partAt = (at: number): { start: number; end: number } => {
    const { start, end } = parts[indexAt(starts, at)] as { start: number; end: number };
    return { start, end };
  };
  const hits = patternHits(joined, which, search.allowed).map((hit) => ({
    ...hit,
    ...partAt(hit.start),
  }));
  const { known } = search;
  if (known.owners.length === 0) return hits;
  let places: Uint32Array | undefined;
  known.search.scan(fold(joined), 0, (form, end) => {
    places ??= foldedPlaces(joined);
    const { value } = known.owners[form] as KnownValue;
    const span = partAt(places[end - 1] ?? 0);
    hits.push({ detector: 'known-secret', in: which, ...span, value, isCertain: true });
  });
  return hits;
}

interface Span {
  owner: KnownValue;
  start: number;
  end: number;
}

function knownSpans(
  known: KnownIndex,
  window: Window,
  folded: Uint8Array,
): { found: Span[]; isCut: boolean } {
  const found: Span[] = [];
  known.search.scan(folded, 0, (form, end) => {
    const start = end - known.search.lengthOf(form);
    found.push({ owner: known.owners[form] as KnownValue, start, end });
  });
  const { pieces, isCut } = window.pieces(known, folded);
  return { found: [...found, ...pieces], isCut };
}

/** Values that a folded text cannot tell from words: as they are written, byte for byte. */
function exactSpans(known: KnownIndex, joined: string): Span[] {
  const { exact, exactOwners } = known;
  if (exact === undefined) return [];
  const found: Span[] = [];
  const bytes = Buffer.from(joined, 'utf8');
  exact.scan(bytes, 0, (index, end) => {
    const owner = exactOwners[index];
    if (owner === undefined) return;
    const start = end - exact.lengthOf(index);
    const before = bytes.subarray(0, start).toString('utf8').length;
    const length = bytes.subarray(start, end).toString('utf8').length;
    found.push({ owner, start: before, end: before + length });
  });
  return found;
}

/** Pieces shorter than `window.pieces` follows, where a field of one message goes on in the same field of the next. */
function joinedFields(leaves: Leaves, { known, window }: SecretSearch): SecretHit[] {
  if (known.owners.length === 0) return [];
  const { joined, starts, leaves: indices } = leaves.values;
  const fields = indices.slice(0, 64).map((leaf, index) => ({
    place: leaves.place(leaf),
    text: joined.slice(starts[index], (starts[index + 1] ?? joined.length + 1) - 1),
  }));
  return window.joins(known, fields).map(({ field, owner }) => ({
    detector: 'known-secret',
    in: 'values',
    start: starts[field] ?? 0,
    end: (starts[field] ?? 0) + (fields[field]?.text.length ?? 0),
    value: owner.value,
    isCertain: true,
  }));
}

function patternHits(
  text: string,
  which: SecretHit['in'],
  allowed: ReadonlySet<string>,
): SecretHit[] {
  const hits: SecretHit[] = [];
  for (const { detector, pattern, isCertain } of SECRET_PATTERNS) {
    // A key's end is looked for once for all that begins before it.
    let covered = 0;
    pattern.lastIndex = 0;
    // Not `matchAll`, which makes a pattern anew for each text.
    for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
      if (match.index < covered) continue;
      const [value] = match;
      const end = match.index + value.length;
      const whole = detector === 'private-key' ? privateKeyEnd(text, end) : end;
      covered = whole;
      const whose = text.slice(match.index, whole);
      if (EXAMPLES.some((example) => example.test(value)) || isAllowed(whose, allowed)) continue;
      hits.push({ detector, in: which, start: match.index, end: whole, value: whose, isCertain });
    }
  }
  return hits;
}

function isAllowed(value: string, allowed: ReadonlySet<string>): boolean {
  if (allowed.size === 0) return false;
  return allowed.has(`sha256:${createHash('sha256').update(value).digest('hex')}`);
}

/** A key without its end runs to the end of the text. */
function privateKeyEnd(text: string, from: number): number {
  const tail = /-----END [A-Z0-9 ]{0,64}-----/g;
  tail.lastIndex = from;
  const match = tail.exec(text);
  return match === null ? text.length : match.index + match[0].length;
}

/** The leaf that holds a hit's first character. */
export function leafOf(leaves: Leaves, hit: SecretHit): number {
  const texts = leaves[hit.in];
  return texts.leaves[textAt(texts, hit.start)] ?? 0;
}
