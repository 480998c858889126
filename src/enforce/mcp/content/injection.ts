// Instructions to the model in what a server sent. A finding and no more: nobody can tell every such text from a text about it.

import { createSearch } from '../../scan/search.ts';
import type { Search } from '../../scan/search.ts';
import { fold, foldedPlaces } from './fold.ts';
import { indexAt } from './leaves.ts';
import type { Texts } from './leaves.ts';
import { AUTHORITY_TAGS, DEFINITION_PHRASES, PHRASES } from './phrases.ts';
import type { Phrase } from './phrases.ts';

/** Of words whose beginning does not fit, so many are looked at: a text may hold no more of them. */
const MOST_TRIES = 2048;
/** Folded characters before the words. */
const BEFORE = 64;

type Find = (folded: Uint8Array) => number | undefined;

const inResult = lazily(PHRASES, (words) => words);
const inDefinition = lazily(DEFINITION_PHRASES, (words) => words);
const inRotated = lazily(DEFINITION_PHRASES, rot13);

/** Where the first phrase ends; the search is made at its first use. */
function lazily(phrases: readonly Phrase[], spelled: (words: string) => string): Find {
  let made: Search | undefined;
  const decode = (text: string): string => (spelled === rot13 ? rot13(text) : text);
  return (folded) => {
    made ??= createSearch(phrases.map(({ words }) => fold(spelled(words))));
    let first: number | undefined;
    let tries = 0;
    made.scan(folded, 0, (index, end) => {
      if (first !== undefined || ++tries > MOST_TRIES) return;
      const { words, before } = phrases[index] as Phrase;
      const start = end - fold(words).length;
      const lead = Buffer.from(folded.subarray(Math.max(0, start - BEFORE), start));
      if (before === undefined || before.test(decode(lead.toString('latin1')))) first = end;
    });
    return first;
  };
}

export function rot13(text: string): string {
  return text.replace(/[a-z]/gi, (letter) => {
    const base = letter <= 'Z' ? 65 : 97;
    return String.fromCharCode(((letter.charCodeAt(0) - base + 13) % 26) + base);
  });
}

/** Where in the joined texts it is; undefined when there is none. */
export function findInjection(texts: Texts): number | undefined {
  const plain = inResult(texts.folded());
  if (plain !== undefined) return foldedPlaces(texts.joined)[plain - 1];
  const tag = AUTHORITY_TAGS.exec(texts.joined);
  if (tag !== null) return tag.index;
  const { joined, starts, parts } = texts.encoded();
  if (parts.length === 0) return undefined;
  const hidden = inResult(fold(joined));
  if (hidden === undefined) return undefined;
  return parts[indexAt(starts, foldedPlaces(joined)[hidden - 1] ?? 0)]?.start;
}

/** The same for one text of a definition, where less is enough. */
export function hasInstruction(text: string): boolean {
  return inDefinition(fold(text)) !== undefined || AUTHORITY_TAGS.test(text);
}

export function hasRotatedInstruction(text: string): boolean {
  return inRotated(fold(text)) !== undefined;
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
  return plain !== text && inDefinition(fold(plain)) !== undefined;
}
