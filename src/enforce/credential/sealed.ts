// Tokens that a server hands out to whoever shows a credential (a registry's, LFS's): the guest gets a placeholder for each,
// which goes where the credential itself may go.
// Invariant: what cannot be read as the JSON it says it is does not pass, since nobody knows what it holds.

import { Secret } from '../../model/secret.ts';
import type { Placeholders } from './placeholder/placeholders.ts';
import type { Scanner } from '../scan/scanner.ts';

/** bytes of an answer that holds a token */
export const MAX_SEALED_ANSWER = 256 * 1024;
/** tokens of one session, and their bytes: each is looked for in all its forms */
const MAX_SEALED = 200;
const MAX_SEALED_BYTES = 256 * 1024;
/** Fields of token endpoints: https://distribution.github.io/distribution/spec/auth/token/, RFC 6749 §5.1. */
const FIELDS = ['token', 'access_token', 'refresh_token', 'id_token'];

interface Sealed {
  owner: string;
  secret: Secret;
}

export interface Seals {
  /** The credential whose answer a placeholder came from, and the value. */
  find(id: string): Sealed | undefined;
  /** The answer with placeholders in it; undefined where it may not pass. */
  seal(owner: string, body: Buffer): Buffer | undefined;
}

export function createSeals(placeholders: Placeholders, scanner: Scanner): Seals {
  const sealed = new Map<string, Sealed>();
  const known = new Map<string, string>();
  let bytes = 0;

  function placeholderOf(owner: string, value: string): string | undefined {
    const before = known.get(value);
    if (before !== undefined) return before;
    if (sealed.size >= MAX_SEALED || bytes + value.length > MAX_SEALED_BYTES) return undefined;
    bytes += value.length;
    const id = `${owner}/${sealed.size}`;
    const placeholder = placeholders.issue(id, 'plain');
    const secret = new Secret(value);
    scanner.add({ credential: owner, secret, replacement: placeholder });
    sealed.set(id, { owner, secret });
    known.set(value, placeholder);
    return placeholder;
  }

  return {
    find: (id) => sealed.get(id),
    seal(owner, body) {
      let answer: unknown;
      try {
        answer = JSON.parse(body.toString('utf8'));
      } catch {
        return undefined;
      }
      if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) return undefined;
      const changed: Record<string, unknown> = Object.assign(Object.create(null), answer) as Record<
        string,
        unknown
      >;
      for (const field of FIELDS) {
        const value = changed[field];
        if (value === undefined) continue;
        if (typeof value !== 'string' || !/^[\x21-\x7e]{8,16384}$/.test(value)) return undefined;
        const placeholder = placeholderOf(owner, value);
        if (placeholder === undefined) return undefined;
        changed[field] = placeholder;
      }
      return Buffer.from(JSON.stringify(changed));
    },
  };
}
