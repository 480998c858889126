// What the journal holds of a credential, as one JSON object. It has the secret in it: the revocation needs it.

import { isRecord } from './answer.ts';
import type { Revocation } from './provider.ts';

export interface Entry {
  /** of the policy's credential, for notices */
  id: string;
  /** milliseconds since the epoch; absent when the credential does not end by itself */
  notAfter?: number;
  /** at least one */
  revocations: readonly Revocation[];
}

const VERSION = 1;
const METHODS: readonly unknown[] = ['DELETE', 'POST', 'PUT'];
const MOST_REVOCATIONS = 16;

export function formatEntry(entry: Entry): string {
  return JSON.stringify({ version: VERSION, ...entry });
}

/** Undefined for anything that `formatEntry` would not have written. */
export function parseEntry(text: string): Entry | undefined {
  const value = parseJson(text);
  if (!isRecord(value) || value['version'] !== VERSION) return undefined;
  const { id, notAfter, revocations } = value;
  if (typeof id !== 'string' || !/^[\x20-\x7e]{1,200}$/.test(id)) return undefined;
  if (notAfter !== undefined && !Number.isFinite(notAfter)) return undefined;
  if (!Array.isArray(revocations) || revocations.length === 0) return undefined;
  if (revocations.length > MOST_REVOCATIONS) return undefined;
  if (!revocations.every(isRevocation)) return undefined;
  return { id, ...(typeof notAfter === 'number' && { notAfter }), revocations };
}

function isRevocation(value: unknown): value is Revocation {
  if (!isRecord(value)) return false;
  const { method, url, headers, body, done } = value;
  return (
    METHODS.includes(method) &&
    typeof url === 'string' &&
    /^https?:\/\//.test(url) &&
    isRecord(headers) &&
    Object.values(headers).every((header) => typeof header === 'string') &&
    (body === undefined || typeof body === 'string') &&
    Array.isArray(done) &&
    done.every((status) => Number.isInteger(status))
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // The caller sets the file aside; the message would quote a secret.
  }
}
