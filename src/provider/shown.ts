// How what was minted shows itself: the requests that end a credential hold it, and are plain data for the journal.
// Invariant: printed, they say where they go and no more.

import type { Minted, Revocation } from './provider.ts';

/** https://nodejs.org/api/util.html#utilinspectcustom */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** The same, with headers and bodies that no dump shows; JSON, which the journal needs, stays whole. */
export function withoutShow(minted: Minted): Minted {
  const { revocation, alsoRevoke } = minted;
  return {
    ...minted,
    ...(revocation && { revocation: hide(revocation) }),
    ...(alsoRevoke && { alsoRevoke: alsoRevoke.map(hide) }),
  };
}

function hide(revocation: Revocation): Revocation {
  const { method, url } = revocation;
  const shown = `${method} ${new URL(url).origin}`;
  return Object.defineProperty({ ...revocation }, INSPECT, { value: () => shown });
}
