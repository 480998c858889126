// A provider of credentials: one exchange with one vendor, on the host, for one entry of `credentials`.
// Invariant: what is granted lies within what was requested, or it is revoked and the mint fails.

import type { JsonObject, Material, ProviderName } from '../model/credential.ts';
import type { Secret } from '../model/secret.ts';
import type { HttpClient } from './http.ts';

/** What the minted credential may do, in the vendor's words; fit for records: names and numbers, no secret. */
export type Scope = JsonObject;

/**
 * The request that ends a credential, as data: it is kept on the host's disk while the credential lives, so that the next
 * start can send what a killed process could not.
 */
export interface Revocation {
  method: 'DELETE' | 'POST' | 'PUT';
  url: string;
  /** with the secret in it */
  headers: Record<string, string>;
  body?: string;
  /** statuses that mean it is gone: as done now, or gone already */
  done: number[];
}

export interface Minted {
  material: Material;
  /** what it is, for people: `installation token` */
  kind: string;
  /** milliseconds since the epoch, from the provider's answer; absent when it does not end by itself */
  notAfter?: number;
  requested: Scope;
  granted: Scope;
  /** absent where the vendor has no way to end one early */
  revocation?: Revocation;
  /** further credentials that came about on the way (the login behind a child token), to be ended with it */
  alsoRevoke?: Revocation[];
  /** what finds the credential in the vendor's own log, e.g. `{tokenSha256: BASE64}`; no secret */
  correlation?: Record<string, string>;
}

/** A verified token of the workload for one audience; throws `IDENTITY_*` where there is none. */
export type IdToken = (audience: string) => Promise<Secret>;

export interface MintContext {
  /** the entry's `request`, already read by `policy/provider-request.ts`, with `self` replaced */
  request: JsonObject;
  /** milliseconds that the credential may live at most */
  ttl?: number;
  idToken: IdToken;
  http: HttpClient;
  /** the host's variables */
  environment: Readonly<Record<string, string | undefined>>;
  /** home directory of the host's user */
  home: string;
  /** what names this use at the vendor: session id, run id and actor, at most 64 characters of `[A-Za-z0-9=,.@-]` */
  sessionName: string;
  /** milliseconds since the epoch */
  now: () => number;
  signal: AbortSignal;
}

export interface Provider {
  name: ProviderName;
  /**
   * Mints anew at every call; the caller keeps and refreshes. May still answer after `signal`: what was being created by then
   * is handed out, to be revoked. Throws a `SandboxError` of kind `upstream` or `environment`
   * whose message never holds a byte of the vendor's answer but its status.
   */
  mint(context: MintContext): Promise<Minted>;
}
