// Ends a credential at its vendor.

import { setTimeout as sleep } from 'node:timers/promises';

import type { HttpClient } from './http.ts';
import type { Revocation } from './provider.ts';

/** milliseconds before the second and the third try */
const PAUSES = [200, 1000];

/**
 * Never throws: what could not be ended is for the caller to keep. `signal`s of sessions do not reach here, since it is at their
 * end that credentials are revoked.
 */
export async function revoke(
  revocation: Revocation,
  http: HttpClient,
  pauses: readonly number[] = PAUSES,
): Promise<'revoked' | 'failed'> {
  for (const pause of [0, ...pauses]) {
    if (pause > 0) await sleep(pause);
    if (await attempt(revocation, http)) return 'revoked';
  }
  return 'failed';
}

async function attempt(revocation: Revocation, http: HttpClient): Promise<boolean> {
  const { method, url, headers, body, done } = revocation;
  try {
    const { status } = await http({ method, url, headers, ...(body !== undefined && { body }) });
    return done.includes(status);
  } catch {
    // Out of reach is not gone.
    return false;
  }
}
