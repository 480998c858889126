// The secret values that live, in all their forms. Invariant: what is added is found from the next chunk on, in every answer
// that is under way, until it is removed.

import { SandboxError } from '../../model/error.ts';
import type { Secret } from '../../model/secret.ts';
import { encodingsOf } from './encodings.ts';
import type { Encoded, Form } from './encodings.ts';
import { createSearch } from './search.ts';
import type { Search } from './search.ts';

/** Shorter ones would be found where they are not: whoever mints refuses them, and so does `add`. */
export const SHORTEST_VALUE = 8;
/** No credential is longer; a scrubber holds at most six times as much. */
export const LONGEST_VALUE = 16 * 1024;

export interface LiveValue {
  credential: string;
  secret: Secret;
  /** what stands in its place: the credential's placeholder, printable ASCII */
  replacement: string;
}

export interface Pattern {
  credential: string;
  form: Form;
  /** what is looked for: a secret */
  bytes: Buffer;
  replacement: Buffer;
}

export interface Patterns {
  search: Search;
  /** by the index that `search` names */
  owners: readonly Pattern[];
}

export interface Scanner {
  /** Throws `CREDENTIAL_VALUE_LENGTH` and `CREDENTIAL_REPLACEMENT`: a value that cannot be looked for may not be used. */
  add(value: LiveValue): void;
  /** Takes back one `add`: a credential minted anew may have the value it had. */
  remove(credential: string, secret: Secret): void;
  /** as of now: ask again for every chunk */
  patterns(): Patterns;
}

interface Held {
  credential: string;
  value: string;
  /** how often it was added and not yet removed */
  uses: number;
  forms: readonly Encoded[];
  replacement: Buffer;
}

export function createScanner(): Scanner {
  let held: Held[] = [];
  let compiled: Patterns | undefined;
  const isOf =
    (credential: string, value: string) =>
    (one: Held): boolean =>
      one.credential === credential && one.value === value;
  return {
    add: ({ credential, secret, replacement }) => {
      const value = secret.reveal();
      const length = Buffer.byteLength(value);
      if (length < SHORTEST_VALUE || length > LONGEST_VALUE)
        throw new SandboxError({
          kind: 'upstream',
          code: 'CREDENTIAL_VALUE_LENGTH',
          message: `credential ${credential}: expected a value of ${SHORTEST_VALUE} to ${LONGEST_VALUE} bytes, got ${length}: it could not be looked for in answers`,
        });
      if (!/^[\x21-\x7e]+$/.test(replacement))
        throw new SandboxError({
          kind: 'internal',
          code: 'CREDENTIAL_REPLACEMENT',
          message: `credential ${credential}: expected a placeholder of printable ASCII`,
        });
      const known = held.find(isOf(credential, value));
      compiled = undefined;
      if (known !== undefined) {
        known.uses += 1;
        known.replacement = Buffer.from(replacement);
        return;
      }
      const forms = encodingsOf(value);
      held.push({ credential, value, uses: 1, forms, replacement: Buffer.from(replacement) });
    },
    remove: (credential, secret) => {
      const known = held.find(isOf(credential, secret.reveal()));
      if (known === undefined) return;
      known.uses -= 1;
      if (known.uses > 0) return;
      held = held.filter((one) => one !== known);
      compiled = undefined;
    },
    patterns: () => (compiled ??= compile(held)),
  };
}

/** Bytes that are forms of two values are called by the one that came first. */
function compile(held: readonly Held[]): Patterns {
  const seen = new Set<string>();
  const owners: Pattern[] = [];
  const bytes: Buffer[] = [];
  for (const { credential, forms, replacement } of held)
    for (const encoded of forms) {
      const key = encoded.bytes.toString('latin1');
      if (seen.has(key)) continue;
      seen.add(key);
      owners.push({ credential, form: encoded.form, bytes: encoded.bytes, replacement });
      bytes.push(encoded.bytes);
    }
  return { search: createSearch(bytes), owners };
}
