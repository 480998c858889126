// Removes what killed processes of ours left: temporary folders, half-built folders of the cache, locks, old snapshots.
// Invariant: only names this program makes are touched, and only when the process they name is gone.

import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errnoOf } from '../model/error.ts';
import { isSameProcess } from './process.ts';
import { MANIFEST, discardFolder, partialSuffix } from './store.ts';

const TEMPORARY = 'as-boot';
const PARTIAL = /\.part-(\d+)-(\d+)-[0-9a-f]{8}$/;
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

/** Cheap enough for each start: it reads a few short folders. Returns what was removed. */
export function sweepStale(cache: string, now = new Date()): string[] {
  const removed = [
    ...sweepPartial(tmpdir(), (name) => name.startsWith(`${TEMPORARY}.`)),
    ...['kernels', 'compiled', 'images', 'snapshots'].flatMap((name) =>
      sweepPartial(join(cache, name)),
    ),
    ...pruneSnapshots(join(cache, 'snapshots'), now),
  ];
  return removed;
}

function sweepPartial(folder: string, isOurs = (_name: string): boolean => true): string[] {
  const removed: string[] = [];
  for (const name of list(folder)) {
    const match = PARTIAL.exec(name);
    if (!match || !isOurs(name) || isSameProcess(Number(match[1]), Number(match[2]))) continue;
    if (remove(join(folder, name))) removed.push(join(folder, name));
  }
  return removed;
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
