// Credentials that live, on disk: so that the next start ends what a killed process could not. One file for each:
//
//   {mark}.{32 hex}.json            held by the process `mark`; whole, since it was renamed into place
//   {mark}.{32 hex}.part            being written: its credential was never used
//   {mark}.{32 hex}.json.{mark2}    of a dead process, being swept by `mark2`
//   {mark}.{32 hex}.garbled         unreadable, set aside for a person to look at
//
// Invariant: the file is on the disk before its credential is first used; it goes when the credential is revoked, and not before.

import { randomBytes } from 'node:crypto';
import { readdirSync, renameSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

import { SandboxError, errnoOf } from '../model/error.ts';
import { type Entry, formatEntry, parseEntry } from './journal-entry.ts';
import { openDirectory, readOwn, syncDirectory, writeNew } from './journal-files.ts';
import type { Revocation } from './provider.ts';

export type { Entry } from './journal-entry.ts';

export interface JournalOptions {
  /** of this user alone; made where it is missing */
  directory: string;
  /** names this process, as `[A-Za-z0-9_-]+` */
  mark: string;
  /** hears of files that had to be set aside, and of what could not be ended */
  onNotice: (message: string) => void;
  /** milliseconds since the epoch */
  now: () => number;
}

export interface Journal {
  /** Writes and syncs, at once: the credential may be used when this returns. Throws where it cannot. */
  add(entry: Entry): { remove(): void };
  /**
   * Revokes what processes left behind for which `isAlive` says no. What fails is kept for the next sweep, until a day after its
   * end. Several processes may sweep at once.
   */
  sweep(
    isAlive: (mark: string) => boolean,
    revoke: (revocation: Revocation) => Promise<'revoked' | 'failed'>,
  ): Promise<Swept>;
}

export interface Swept {
  revoked: number;
  /** kept for the next time */
  failed: number;
  /** past their end by a day */
  dropped: number;
}

const MARK = '[A-Za-z0-9_-]{1,100}';
const NAME = new RegExp(`^(?<owner>${MARK})\\.[0-9a-f]{32}\\.(?<kind>json|part)$`);
const CLAIMED = new RegExp(`^(?<name>${MARK}\\.[0-9a-f]{32}\\.json)\\.(?<sweeper>${MARK})$`);
const MOST_FILES = 10_000;
/** A `ttl` ends a credential before its vendor would, so that it is not over when its time here is. */
const GRACE_MS = 24 * 3_600_000;

export function openJournal(options: JournalOptions): Journal {
  const { directory, mark } = options;
  if (!new RegExp(`^${MARK}$`).test(mark)) throw unfit('a process mark');
  openDirectory(directory);
  return {
    add(entry) {
      const stem = join(directory, `${mark}.${randomBytes(16).toString('hex')}`);
      const file = `${stem}.json`;
      const text = formatEntry(entry);
      if (parseEntry(text) === undefined) throw unfit('an entry that a sweep can read');
      writeNew(`${stem}.part`, text);
      renameSync(`${stem}.part`, file);
      syncDirectory(directory);
      return { remove: () => removeFile(file) };
    },
    async sweep(isAlive, revoke) {
      const swept: Swept = { revoked: 0, failed: 0, dropped: 0 };
      for (const claim of claims(options, isAlive)) {
        const outcome = await sweepOne(claim, options, revoke);
        if (outcome !== 'garbled') swept[outcome] += 1;
      }
      return swept;
    },
  };
}

interface Claim {
  /** where the file is now */
  file: string;
  /** where it goes back to if it cannot be revoked */
  origin: string;
}

/** What dead processes left, one after the other, each taken from all other sweepers. */
function* claims(
  { directory, mark }: JournalOptions,
  isAlive: (mark: string) => boolean,
): Generator<Claim> {
  for (const found of readdirSync(directory).slice(0, MOST_FILES)) {
    const own = NAME.exec(found)?.groups;
    const claimed = CLAIMED.exec(found)?.groups;
    const holder = own?.['owner'] ?? claimed?.['sweeper'];
    if (holder === undefined || holder === mark || isAlive(holder)) continue;
    if (own?.['kind'] === 'part') {
      removeFile(join(directory, found));
      continue;
    }
    const origin = join(directory, claimed?.['name'] ?? found);
    const file = `${origin}.${mark}`;
    // Renaming is atomic: of several sweepers one gets the file, the others get ENOENT.
    if (tryRename(join(directory, found), file)) yield { file, origin };
  }
}

async function sweepOne(
  { file, origin }: Claim,
  { now, onNotice }: JournalOptions,
  revoke: (revocation: Revocation) => Promise<'revoked' | 'failed'>,
): Promise<keyof Swept | 'garbled'> {
  const text = readOwn(file);
  const entry = text === undefined ? undefined : parseEntry(text);
  if (entry === undefined) {
    const aside = origin.replace(/json$/, 'garbled');
    tryRename(file, aside);
    onNotice(`${aside}: expected a credential to revoke; set aside, remove it by hand`);
    return 'garbled';
  }
  const outcomes: string[] = [];
  for (const revocation of entry.revocations) outcomes.push(await revoke(revocation));
  if (!outcomes.includes('failed')) {
    removeFile(file);
    return 'revoked';
  }
  if (entry.notAfter !== undefined && now() > entry.notAfter + GRACE_MS) {
    removeFile(file);
    return 'dropped';
  }
  onNotice(
    `credential '${entry.id}' of an earlier session could not be revoked: tried again later`,
  );
  tryRename(file, origin);
  return 'failed';
}

function unfit(expected: string): SandboxError {
  return new SandboxError({
    kind: 'internal',
    code: 'PROVIDER_JOURNAL',
    message: `expected ${expected} for the journal of credentials`,
  });
}

function tryRename(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

function removeFile(file: string): void {
  try {
    unlinkSync(file);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
