// Instructions to the model in what a server sent. A finding and no more: nobody can tell every such text from a text about it.

import { createSearch } from '../../scan/search.ts';
import type { Search } from '../../scan/search.ts';
import { fold } from './fold.ts';
import type { Texts } from './leaves.ts';
import { AUTHORITY_TAGS, DEFINITION_PHRASES, PHRASES } from './phrases.ts';

/** Searches are made at their first use. */
function lazily(make: () => Search): () => Search {
  let made: Search | undefined;
  return () => (made ??= make());
}

const inResults = lazily(() => searchOf(PHRASES, (text) => text));
const inDefinitions = lazily(() => searchOf(DEFINITION_PHRASES, (text) => text));
const rotated = lazily(() => searchOf(DEFINITION_PHRASES, rot13));

function searchOf(phrases: readonly string[], spelled: (phrase: string) => string): Search {
  const distinct = new Set(phrases.map((phrase) => Buffer.from(fold(spelled(phrase))).toString()));
  return createSearch([...distinct].map((phrase) => Buffer.from(phrase)));
}

export function rot13(text: string): string {
  return text.replace(/[a-z]/gi, (letter) => {
    const base = letter <= 'Z' ? 65 : 97;
    return String.fromCharCode(((letter.charCodeAt(0) - base + 13) % 26) + base);
  });
}

/** Where in the joined texts it is; undefined when there is none. */
export function findInjection(texts: Texts): { at: number; isEncoded: boolean } | undefined {
  const plain = firstEnd(inResults(), texts.folded());
  // Where it is to a letter takes a second pass, and only the field is told.
  if (plain !== undefined) return { at: placeOf(texts, plain), isEncoded: false };
  const tag = AUTHORITY_TAGS.exec(texts.joined);
  if (tag !== null) return { at: tag.index, isEncoded: false };
  for (const { text, start } of texts.encoded())
    if (firstEnd(inResults(), fold(text)) !== undefined) return { at: start, isEncoded: true };
  return undefined;
}

/** The same for one text of a definition, where less is enough. */
export function hasInstruction(text: string): boolean {
  return firstEnd(inDefinitions(), fold(text)) !== undefined || AUTHORITY_TAGS.test(text);
}

export function hasRotatedInstruction(text: string): boolean {
  return firstEnd(rotated(), fold(text)) !== undefined;
}

const LEET: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
};

export function hasLeetInstruction(text: string): boolean {
  const plain = text.replace(/[013457@$!]/g, (digit) => LEET[digit] ?? digit);
  return plain !== text && firstEnd(inDefinitions(), fold(plain)) !== undefined;
}

function firstEnd(search: Search, folded: Uint8Array): number | undefined {
  let first: number | undefined;
  search.scan(folded, 0, (_pattern, end) => {
    first ??= end;
  });
  return first;
}

function placeOf(texts: Texts, end: number): number {
  let low = 0;
  let high = texts.joined.length;
  // The prefix of the joined text that folds to `end` bytes, by halves.
  while (low < high) {
    const middle = (low + high) >> 1;
    if (fold(texts.joined.slice(0, middle)).length < end) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}
