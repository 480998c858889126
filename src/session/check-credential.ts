// Mints one credential outside of any session, only to end it again.

import { randomBytes } from 'node:crypto';

import type { ProxySettings } from '../enforce/egress/upstream-proxy/setting.ts';
import type { Actor, Run } from '../model/identity.ts';
import type { GrantedCredential } from '../model/policy.ts';
import type { Scope } from '../provider/provider.ts';
import { createMinter } from './minter.ts';
import type { MayWrite } from './out-of-reach.ts';

export interface CheckOptions {
  credential: GrantedCredential;
  environment: Readonly<Record<string, string | undefined>>;
  home: string;
  /** whether a guest may write there */
  mayWrite: MayWrite;
  actor: Actor;
  run: Run | undefined;
  proxies: ProxySettings;
  /** certificates in PEM, believed besides the host's */
  ca: readonly string[];
  journalDirectory: string;
  onNotice: (line: string) => void;
}

export interface CheckResult {
  kind: string;
  requested: Scope;
  granted: Scope;
  notAfter?: string;
  end: 'revoked' | 'expires' | 'failed';
}

export async function checkCredential(options: CheckOptions): Promise<CheckResult> {
  const minter = createMinter({ ...options, id: `check-${randomBytes(4).toString('hex')}` });
  const minted = await minter.mint(options.credential);
  const entry = minter.remember(options.credential, minted);
  const revocations = [minted.revocation, ...(minted.alsoRevoke ?? [])].filter(
    (one) => one !== undefined,
  );
  const results = await Promise.all(revocations.map(minter.revoke));
  const isGone = results.every((result) => result === 'revoked');
  if (isGone) entry.remove();
  const { kind, requested, granted, notAfter } = minted;
  return {
    kind,
    requested,
    granted,
    ...(notAfter !== undefined && { notAfter: new Date(notAfter).toISOString() }),
    end: revocations.length === 0 ? 'expires' : isGone ? 'revoked' : 'failed',
  };
}
