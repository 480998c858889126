// Names on their way to the record. Whoever calls a tool may spell a secret in the name of one: the call is judged as it is, and kept without.

import { readLeaves } from './leaves.ts';
import type { KnownIndex } from './known.ts';
import { redact } from './redact.ts';
import { findSecrets, type SecretHit } from './secrets.ts';
import { createWindow } from './window.ts';

export interface NameReader {
  known: () => KnownIndex;
  allowed: ReadonlySet<string>;
  now: () => number;
  markOf: (hit: SecretHit) => string;
}

/** Of a name that is no more than a secret, or that nobody can tell. */
const HIDDEN = '[REDACTED]';
/** Most names are asked for again and again. */
const MOST_KNOWN = 512;
const LONGEST_KNOWN = 256;

export function createNameReader({ known, allowed, now, markOf }: NameReader) {
  const read = new Map<string, string>();
  let readWith: KnownIndex | undefined;
  return (text: string): string => {
    const values = known();
    if (values !== readWith) read.clear();
    readWith = values;
    const before = read.get(text);
    if (before !== undefined) return before;
    const shown = readName(text, values);
    if (read.size >= MOST_KNOWN) read.clear();
    if (text.length <= LONGEST_KNOWN) read.set(text, shown);
    return shown;
  };

  function readName(text: string, values: KnownIndex): string {
    const leaves = readLeaves([text]);
    const search = { known: values, window: createWindow(now), allowed };
    const { hits, isCut } = findSecrets(leaves, search);
    const certain = hits.filter(({ isCertain }) => isCertain);
    if (certain.length === 0 && !isCut) return text;
    const redacted = isCut ? undefined : redact([text], leaves, certain, markOf);
    const shown = Array.isArray(redacted) ? redacted[0] : undefined;
    return typeof shown === 'string' ? shown : HIDDEN;
  }
}
