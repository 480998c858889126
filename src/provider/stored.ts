// What the host keeps, as a credential: as wide as it was made, and not ended with the session.

import { notAfter } from './expiry.ts';
import type { MintContext, Minted } from './provider.ts';
import type { Sourced } from './source.ts';
import { hostSecret } from './usable.ts';

export function stored({ value, place }: Sourced, context: MintContext): Minted {
  return {
    material: { kind: 'token', token: hostSecret(value, place) },
    kind: 'secret of the host',
    ...notAfter(context, context.now()),
    requested: { from: place },
    granted: { unbounded: true },
  };
}
