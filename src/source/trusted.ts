// The policies of workspaces that the user of this machine has accepted, by digest: a file that comes with a repository may
// not ask for the user's secrets before.
// Invariant: a list that cannot be read trusts nothing.

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { errnoOf, SandboxError } from '../model/error.ts';

export interface TrustedPolicy {
  /** absolute path of the policy file */
  path: string;
  /** `sha256:` of its text, with those it extends */
  digest: string;
}

const MAX_ENTRIES = 1000;

export function readTrusted(file: string): TrustedPolicy[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw unreadable(file);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unreadable(file);
  }
  const { version, policies } = (value ?? {}) as { version?: unknown; policies?: unknown };
  if (version !== 1 || !Array.isArray(policies) || !policies.every(isEntry)) throw unreadable(file);
  return policies;
}

export function isTrusted(file: string, { path, digest }: TrustedPolicy): boolean {
  return readTrusted(file).some((one) => one.path === path && one.digest === digest);
}

/** What was accepted before for the same file no longer is. */
export function addTrusted(file: string, policy: TrustedPolicy): void {
  const others = readTrusted(file).filter(({ path }) => path !== policy.path);
  const policies = [...others, policy].slice(-MAX_ENTRIES);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const part = `${file}.${process.pid}`;
  writeFileSync(part, `${JSON.stringify({ version: 1, policies }, null, 2)}\n`, { mode: 0o600 });
  renameSync(part, file);
}

function isEntry(value: unknown): value is TrustedPolicy {
  const entry = value as Partial<TrustedPolicy> | null;
  return typeof entry?.path === 'string' && typeof entry.digest === 'string';
}

function unreadable(file: string): SandboxError {
  return new SandboxError({
    kind: 'environment',
    code: 'SOURCE_TRUSTED_UNREADABLE',
    message: `expected the list of accepted policies in ${file}, and it cannot be read`,
    hint: 'remove the file and accept again with `agent-sandbox trust`',
  });
}
