// The errors of providers. Invariant: none holds a byte of a vendor's answer but its status, and none holds a secret.

import { SandboxError } from '../model/error.ts';
import type { Revocation } from './provider.ts';

export type ProviderFault =
  /** the server cannot be reached, redirects, or says too much */
  | 'PROVIDER_UNREACHABLE'
  /** the server answers with a status that means no */
  | 'PROVIDER_REFUSED'
  /** the answer is not what the protocol says */
  | 'PROVIDER_ANSWER'
  /** more was granted than was asked for */
  | 'PROVIDER_SURPLUS'
  /** the credential is over already, or lasts beyond belief */
  | 'PROVIDER_EXPIRY';

/** `what`: the server and what it did, in the form `the token endpoint answered with 400`. */
export function upstreamFault(code: ProviderFault, message: string, hint?: string): SandboxError {
  return new SandboxError({
    kind: 'upstream',
    code,
    message,
    ...(hint !== undefined && { hint }),
  });
}

/** The `request` asks for nothing, or for what cannot be. */
export function requestFault(message: string, hint?: string): SandboxError {
  return new SandboxError({
    kind: 'policy',
    code: 'PROVIDER_REQUEST',
    message,
    ...(hint !== undefined && { hint }),
  });
}

/** A secret of the host that is not there, or is none. */
export function sourceFault(message: string, hint?: string): SandboxError {
  return new SandboxError({
    kind: 'environment',
    code: 'PROVIDER_SOURCE',
    message,
    ...(hint !== undefined && { hint }),
  });
}

/**
 * Before a request that creates something: once it is sent its answer is waited for, since what it created can only be
 * revoked by who has read it.
 */
export function assertWanted(signal: AbortSignal): void {
  if (signal.aborted)
    throw upstreamFault('PROVIDER_UNREACHABLE', 'nothing is minted: the session is over');
}

/** A credential had to be ended at once and could not be: who catches this keeps the revocations in the journal. */
export class UnrevokedError extends SandboxError {
  // Hidden, since an inspected error shows its fields, and these hold the secret.
  readonly #revocations: readonly Revocation[];

  constructor(cause: SandboxError, revocations: readonly Revocation[]) {
    super({
      kind: 'upstream',
      code: 'PROVIDER_UNREVOKED',
      message: `${cause.message}; what was granted could not be revoked`,
      cause,
    });
    this.#revocations = revocations;
  }

  revocations(): readonly Revocation[] {
    return this.#revocations;
  }
}
