// The errors of an identity. Invariant: none holds a token or a byte of an answer.

import { SandboxError } from '../model/error.ts';

export type IdentityFault = 'IDENTITY_AUDIENCE' | 'IDENTITY_ISSUER' | 'IDENTITY_INVALID';

export function identityFault(code: IdentityFault, message: string, hint?: string): SandboxError {
  return new SandboxError({
    kind: code === 'IDENTITY_INVALID' ? 'upstream' : 'environment',
    code,
    message,
    ...(hint !== undefined && { hint }),
  });
}

/** A token that does not prove what it should. */
export function invalid(reason: string, hint?: string): SandboxError {
  return identityFault('IDENTITY_INVALID', `no identity: ${reason}`, hint);
}
