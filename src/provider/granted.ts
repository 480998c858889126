// Compares what was granted with what was asked for, and ends what is more.

import type { SandboxError } from '../model/error.ts';
import { UnrevokedError, upstreamFault } from './fault.ts';
import type { HttpClient } from './http.ts';
import type { Revocation } from './provider.ts';
import { revoke } from './revoke.ts';

const LEVELS: readonly unknown[] = ['read', 'write', 'admin'];

/** Names of permissions granted beyond `asked`; a level that nobody knows counts as beyond. */
export function surplusPermissions(
  asked: Readonly<Record<string, unknown>>,
  granted: Readonly<Record<string, unknown>>,
): string[] {
  return Object.entries(granted).flatMap(([name, level]) => {
    const most = Object.hasOwn(asked, name) ? LEVELS.indexOf(asked[name]) : -1;
    const got = LEVELS.indexOf(level);
    return got < 0 || got > most ? [name] : [];
  });
}

/** Members of `granted` that are not in `asked`. */
export function surplusOf(asked: readonly string[], granted: readonly string[]): string[] {
  const known = new Set(asked);
  return granted.filter((item) => !known.has(item));
}

export function surplusFault(from: string, what: string): SandboxError {
  return upstreamFault(
    'PROVIDER_SURPLUS',
    `${from} granted more than was asked for: ${what}`,
    'nothing of it was used; ask its administrator why it grants more',
  );
}

/** Runs `check` on what exists already: if it throws, the credential is ended before anyone hears of it. */
export async function orRevoke<T>(
  revocations: Revocation | readonly Revocation[],
  http: HttpClient,
  check: () => T,
): Promise<T> {
  try {
    return check();
  } catch (error) {
    const left: Revocation[] = [];
    for (const revocation of [revocations].flat())
      if ((await revoke(revocation, http)) === 'failed') left.push(revocation);
    if (left.length === 0) throw error;
    throw new UnrevokedError(error as SandboxError, left);
  }
}
