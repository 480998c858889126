// Keeps two builders from doing the same work. Only a courtesy: what is built is renamed into place whole, so a lock that
// is lost or broken costs time and never a wrong result.

import { randomBytes } from 'node:crypto';
import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoOf } from '../model/error.ts';
import { lifeOf, ownMark } from './process.ts';

const POLL = 50;
/** Milliseconds a holder in another PID namespace is believed in; more than the longest work under a lock takes. */
const UNSEEN = 15 * 60 * 1000;

/** Waits until no living process holds `file`, then runs `work` as its holder. */
export async function withLock<T>(
  file: string,
  onWait: () => void,
  work: () => Promise<T>,
): Promise<T> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  let told = false;
  for (;;) {
    if (take(file)) break;
    const holder = holderOf(file);
    if (holder === undefined) continue; // released this moment
    if (!isLive(holder, file)) {
      removeStale(file, holder);
      continue;
    }
    if (!told) onWait();
    told = true;
    await delay(POLL);
  }
  try {
    return await work();
  } finally {
    release(file);
  }
}

function take(file: string): boolean {
  // Written whole under another name first, so that nobody ever reads a lock without its owner.
  const own = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(own, mark(), { mode: 0o600 });
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  } finally {
    rmSync(own, { force: true });
  }
  return false;
}

/** Another may have replaced the lock since it was read: what was moved aside by mistake is put back. */
function removeStale(file: string, holder: string): void {
  const aside = `${file}.stale.${randomBytes(4).toString('hex')}`;
  try {
    renameSync(file, aside);
    if (readFileSync(aside, 'utf8') !== holder) linkSync(aside, file);
  } catch (error) {
    const code = errnoOf(error);
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function release(file: string): void {
  try {
    if (readFileSync(file, 'utf8') === mark()) rmSync(file, { force: true });
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

function mark(): string {
  return `${ownMark()}\n`;
}

function holderOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function isLive(holder: string, file: string): boolean {
  const life = lifeOf(holder.replace(/\n$/, ''));
  if (life !== 'elsewhere') return life === 'alive';
  const taken = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
  return Date.now() - taken < UNSEEN;
}
