// The live values of the session, compiled for folded texts. Compiled anew only when a value was added or removed.

import type { Pattern, Patterns, Scanner } from '../../scan/scanner.ts';
import { createSearch } from '../../scan/search.ts';
import type { Search } from '../../scan/search.ts';
import { createGrams } from './grams.ts';
import type { Grams } from './grams.ts';
import { foldedForms, piecedForms } from './known-forms.ts';
import type { KnownValue } from './known-value.ts';

export type KnownValues = Pick<Scanner, 'patterns'>;

export interface KnownIndex {
  /** folded forms, and for each the value it is a form of */
  search: Search;
  owners: readonly KnownValue[];
  /** for pieces of them */
  grams: Grams;
  /** for values that say too little once folded: as the network looks for them, by the index in `exactOwners` */
  exact: Search | undefined;
  exactOwners: readonly (KnownValue | undefined)[];
}

/** As of now: ask again for every message. */
export function createKnown(known: KnownValues): () => KnownIndex {
  let last: { patterns: Patterns; index: KnownIndex } | undefined;
  return () => {
    const patterns = known.patterns();
    if (last?.patterns !== patterns) last = { patterns, index: compile(patterns) };
    return last.index;
  };
}

function compile(patterns: Patterns): KnownIndex {
  const owners: KnownValue[] = [];
  const forms: Uint8Array[] = [];
  const pieced: { owner: KnownValue; bytes: Uint8Array }[] = [];
  const exactOf = new Set<string>();
  const values = new Map<string, KnownValue>();
  for (const { form, credential, bytes } of patterns.owners) {
    if (form !== 'raw') continue;
    const owner = { credential, value: bytes };
    values.set(credential, owner);
    const folded = foldedForms(bytes);
    if (folded.length === 0) exactOf.add(credential);
    pieced.push(...piecedForms(bytes).map((one) => ({ owner, bytes: one })));
    for (const one of folded) {
      owners.push(owner);
      forms.push(one);
    }
  }
  const exactOwners = patterns.owners.map(({ credential }: Pattern) =>
    exactOf.has(credential) ? values.get(credential) : undefined,
  );
  return {
    search: createSearch(forms),
    owners,
    grams: createGrams(pieced),
    exact: exactOf.size > 0 ? patterns.search : undefined,
    exactOwners,
  };
}
