// Removes what killed processes of ours left: temporary folders, half-built folders of the cache, locks, old snapshots.
// Invariant: only names this program makes are touched, and only when the process they name is gone.

import { lstatSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errnoOf } from '../model/error.ts';
import { killOrphans } from './orphans.ts';
import { MARK, lifeOf } from './process.ts';
import { MANIFEST, discardFolder, partialSuffix } from './store.ts';
import { windowPlaces } from './window.ts';

const TEMPORARY = 'as-boot';
const PARTIAL = new RegExp(`\\.part-(${MARK.source})-[0-9a-f]{8}$`);
const DAY = 24 * 60 * 60 * 1000;

/** Of the snapshots these many newest stay, and no other outlives a week without use. */
const KEPT_SNAPSHOTS = 3;
const MOST_SNAPSHOTS = 12;
const UNUSED = 7 * DAY;

/** A folder for sockets that names its owner; short, since the path of a socket has at most 107 bytes. */
export function createTemporaryFolder(): string {
  const folder = join(tmpdir(), `${TEMPORARY}.${partialSuffix()}`);
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}

/** Where those folders are, as a pattern. */
export const temporaryFolders = (): string => join(tmpdir(), `${TEMPORARY}.*`);

/** Cheap enough for each start: it reads a few short folders. Returns the paths of what was removed. */
export function sweepStale(cache: string, now = new Date()): string[] {
  const windows = windowPlaces();
  const removed = [
    ...sweepPartial(tmpdir(), (name) => name.startsWith(`${TEMPORARY}.`)),
    ...windows.folders.flatMap((folder) =>
      sweepPartial(folder, (name) => name.startsWith(windows.prefix)),
    ),
    ...['kernels', 'compiled', 'images', 'snapshots'].flatMap((name) =>
      sweepPartial(join(cache, name)),
    ),
    ...pruneSnapshots(join(cache, 'snapshots'), now),
  ];
  // Whoever died without tidying its folders may have left its machine too.
  if (removed.length > 0) killOrphans();
  return removed;
}

function sweepPartial(folder: string, isOurs = (_name: string): boolean => true): string[] {
  const removed: string[] = [];
  for (const name of list(folder)) {
    const mark = PARTIAL.exec(name)?.[1];
    if (mark === undefined || !isOurs(name)) continue;
    const path = join(folder, name);
    if (isOwn(path) && isAbandoned(path, mark) && remove(path)) removed.push(path);
  }
  return removed;
}

/** In a shared folder anybody can take such a name, and swap what is below it for a link while root removes it. */
function isOwn(path: string): boolean {
  const own = process.getuid?.();
  return own === undefined || lstatSync(path, { throwIfNoEntry: false })?.uid === own;
}

function isAbandoned(path: string, mark: string): boolean {
  const life = lifeOf(mark);
  if (life !== 'elsewhere') return life === 'gone';
  const used = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
  return Date.now() - used > DAY;
}

/** A session that runs keeps the memory it mapped, also when its file is gone. */
function pruneSnapshots(folder: string, now: Date): string[] {
  const used = list(folder)
    .filter((name) => /^[0-9a-f]{24}$/.test(name))
    .map((name) => ({ path: join(folder, name), time: lastUse(join(folder, name)) }))
    .sort((a, b) => b.time - a.time);
  const old = used.filter(
    ({ time }, rank) =>
      rank >= MOST_SNAPSHOTS || (rank >= KEPT_SNAPSHOTS && now.getTime() - time > UNUSED),
  );
  for (const { path } of old) discardFolder(path);
  return old.map(({ path }) => path);
}

/** Each start touches the manifest. */
function lastUse(folder: string): number {
  try {
    return statSync(join(folder, MANIFEST)).mtimeMs;
  } catch {
    return 0; // no manifest: never usable
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function remove(path: string): boolean {
  try {
    rmSync(path, { recursive: true, force: true });
    return true;
  } catch {
    return false; // another user's, in a shared temporary folder
  }
}
