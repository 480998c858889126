// Tells cheaply whether a file is still the one whose content was hashed.
// Invariant: a file whose fingerprint differs from the recorded one is read and hashed again before it is trusted.
// The change time is part of it: it moves with every write, rename, chmod and utimes, and no program can set it back
// short of turning the system clock, so an edit that keeps size and modification time is seen as well.

import { createHash } from 'node:crypto';
import { closeSync, lstatSync, openSync, readSync } from 'node:fs';
import { setImmediate as yieldToLoop } from 'node:timers/promises';

export interface Fingerprint {
  size: string;
  inode: string;
  modified: string;
  changed: string;
}

/** A file with the SHA-256 of its content and the fingerprint it had when that was computed. */
export interface Sealed {
  sha256: string;
  fingerprint: Fingerprint;
}

const CHUNK = 1024 * 1024;

/** Undefined when there is no regular file of that name. */
export function fingerprintOf(file: string): Fingerprint | undefined {
  const stat = lstatSync(file, { bigint: true, throwIfNoEntry: false });
  if (!stat?.isFile()) return undefined;
  return {
    size: stat.size.toString(),
    inode: stat.ino.toString(),
    modified: stat.mtimeNs.toString(),
    changed: stat.ctimeNs.toString(),
  };
}

export function isSame(a: Fingerprint | undefined, b: Fingerprint | undefined): boolean {
  return (
    a !== undefined &&
    b !== undefined &&
    a.size === b.size &&
    a.inode === b.inode &&
    a.modified === b.modified &&
    a.changed === b.changed
  );
}

/**
 * SHA-256 over a file that is mostly holes: place and content of each chunk that holds anything, then the size.
 * Empty chunks are only compared, which makes four gigabytes of guest memory a matter of a second.
 */
export async function hashSparse(file: string): Promise<string> {
  const hash = createHash('sha256');
  const empty = Buffer.alloc(CHUNK);
  const chunk = Buffer.alloc(CHUNK);
  const descriptor = openSync(file, 'r');
  try {
    let offset = 0;
    for (;;) {
      const length = readSync(descriptor, chunk, 0, CHUNK, offset);
      if (length === 0) break;
      const part = chunk.subarray(0, length);
      if (!part.equals(empty.subarray(0, length)))
        hash.update(`${offset}:${length}\n`).update(part);
      offset += length;
      if (offset % (64 * CHUNK) === 0) await yieldToLoop();
    }
    return hash.update(`end:${offset}\n`).digest('hex');
  } finally {
    closeSync(descriptor);
  }
}

export function hashBytes(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Seals a file as it is now. */
export async function sealFile(file: string): Promise<Sealed> {
  const fingerprint = fingerprintOf(file);
  if (!fingerprint) throw new Error(`${file} is not a regular file`);
  return { sha256: await hashSparse(file), fingerprint };
}

/**
 * The seal itself where the file is untouched since; a new one where only the fingerprint differs (restored from a
 * backup, copied); undefined where the content is another, or gone.
 */
export async function checkSeal(file: string, sealed: Sealed): Promise<Sealed | undefined> {
  const fingerprint = fingerprintOf(file);
  if (!fingerprint || fingerprint.size !== sealed.fingerprint.size) return undefined;
  if (isSame(fingerprint, sealed.fingerprint)) return sealed;
  return (await hashSparse(file)) === sealed.sha256
    ? { sha256: sealed.sha256, fingerprint }
    : undefined;
}
