// The file behind a machine's window: memory that the guest and the host both see.
// Invariants: each machine has a new file, all zero; no other user can open it, and it has no name once QEMU has it open.

import {
  chmodSync,
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { partialSuffix } from './store.ts';

/** bytes; what of it is where is known to the two ends that use it */
export const WINDOW_SIZE = 8 * 1024 * 1024;

const PREFIX = 'as-window';
const IN_MEMORY = '/dev/shm';
/** Containers give /dev/shm as little as 64 MiB, and QEMU dies where a page of the window finds no room. */
const LEAST_ROOM = 32 * 1024 * 1024;

export interface WindowFile {
  file: string;
  /** open for reading and writing */
  descriptor: number;
  /** Takes the name away; whoever has the file open keeps it. */
  hide: () => void;
  close: () => void;
}

/** A file of `size` bytes; undefined where the machine has no window (0). */
export function createWindowFile(size: number): WindowFile | undefined {
  if (size === 0) return undefined;
  const folder = join(chooseFolder(), `${PREFIX}.${partialSuffix()}`);
  const file = join(folder, 'window');
  const hide = (): void => rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o700 });
  try {
    const descriptor = openSync(file, 'wx+', 0o600);
    // The jailed QEMU may run as another user; the folder around is closed to everybody but us.
    chmodSync(file, 0o666);
    ftruncateSync(descriptor, size);
    const close = (): void => {
      hide();
      closeSync(descriptor);
    };
    return { file, descriptor, hide, close };
  } catch (error) {
    hide();
    throw error;
  }
}

/** Where such files may lie, and how their folders' names begin. */
export function windowPlaces(): { folders: string[]; prefix: string } {
  const folders = existsSync(IN_MEMORY) ? [IN_MEMORY, tmpdir()] : [tmpdir()];
  return { folders: [...new Set(folders)], prefix: `${PREFIX}.` };
}

/** On a disk, what passes through the window would be written there now and then. */
function chooseFolder(): string {
  if (!existsSync(IN_MEMORY)) return tmpdir();
  const { bavail, bsize } = statfsSync(IN_MEMORY);
  return bavail * bsize >= LEAST_ROOM ? IN_MEMORY : tmpdir();
}
