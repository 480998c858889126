// What became of each credential: how often it was minted, put in, refused and ended, as the log has it.

import type { LogRecord } from '../log/record.ts';
import { createBoundedMap, visible } from './bounded.ts';

const MAX_CREDENTIALS = 200;
const MAX_REASONS = 5;

export interface CredentialFate {
  id: string;
  provider: string;
  minted: number;
  /** requests it was put into */
  injected: number;
  refused: number;
  /** why, each reason once, the first five */
  refusals: string[];
  revoked: number;
  /** those that have no revocation and end by themselves */
  expires: number;
  /** those that could not be ended: the next start tries again */
  revocationFailed: number;
  /** how often its value came back in an answer, and was taken out */
  reflected: number;
  /** ISO 8601, of the last one minted */
  notAfter?: string;
}

export interface CredentialCollector {
  add(record: LogRecord): void;
  finish(): { credentials: CredentialFate[]; omitted: number };
}

export function createCredentialCollector(): CredentialCollector {
  const fates = createBoundedMap<CredentialFate>(MAX_CREDENTIALS);
  return {
    add(record) {
      if (!record.type.startsWith('credential.')) return;
      const id = visible(record.fields['credential'], 100);
      const fate = fates.get(id, () => emptyFate(id));
      if (fate === undefined) return;
      fate.provider ||= visible(record.fields['provider'], 40);
      count(fate, record);
    },
    finish: () => ({ credentials: fates.values(), omitted: fates.omitted }),
  };
}

function count(fate: CredentialFate, record: LogRecord): void {
  const { type, fields } = record;
  switch (type) {
    case 'credential.mint':
      fate.minted += 1;
      if (typeof fields['notAfter'] === 'string') fate.notAfter = visible(fields['notAfter'], 40);
      return;
    case 'credential.inject':
      fate.injected += 1;
      return;
    case 'credential.refuse':
      fate.refused += 1;
      addReason(fate.refusals, visible(fields['detail'] ?? record.reason, 300));
      return;
    case 'credential.reflected':
      fate.reflected += record.count ?? 1;
      return;
    case 'credential.revoke':
      if (fields['result'] === 'revoked') fate.revoked += 1;
      else if (fields['result'] === 'expires') fate.expires += 1;
      else fate.revocationFailed += 1;
  }
}

function addReason(reasons: string[], reason: string): void {
  if (reason !== '' && reasons.length < MAX_REASONS && !reasons.includes(reason))
    reasons.push(reason);
}

function emptyFate(id: string): CredentialFate {
  return {
    id,
    provider: '',
    minted: 0,
    injected: 0,
    refused: 0,
    refusals: [],
    revoked: 0,
    expires: 0,
    revocationFailed: 0,
    reflected: 0,
  };
}
