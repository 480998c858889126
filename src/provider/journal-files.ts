// Files that nobody but this user can read, on the disk when they are said to be.

import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';

import { SandboxError, messageOf } from '../model/error.ts';

const LONGEST = 1024 * 1024;

/** Makes the directory where it is missing, and refuses one that others may enter or own. */
export function openDirectory(directory: string): void {
  let reason: string | undefined;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const found = lstatSync(directory);
    if (!found.isDirectory()) reason = 'it is no directory';
    else if (!isOwn(found.uid)) reason = 'it belongs to another user';
    else if ((found.mode & 0o077) !== 0) chmodSync(directory, 0o700);
  } catch (error) {
    reason = messageOf(error);
  }
  if (reason === undefined) return;
  throw new SandboxError({
    kind: 'environment',
    code: 'PROVIDER_JOURNAL',
    message: `expected a directory of one's own at ${directory} for credentials to revoke: ${reason}`,
  });
}

/** A file that was not there before, with all of `text` on the disk; nothing is left where that fails. */
export function writeNew(file: string, text: string): void {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  try {
    const descriptor = openSync(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } catch (error) {
      unlinkSync(file);
      throw error;
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw new SandboxError({
      kind: 'environment',
      code: 'PROVIDER_JOURNAL',
      message: `cannot keep what revokes a credential: ${messageOf(error)}`,
      hint: 'without it a killed process would leave a credential alive: free some space',
      cause: error,
    });
  }
}

/** That a name is in a directory is on the disk when the directory is. */
export function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The text of a regular file of this user's; undefined for anything else. */
export function readOwn(file: string): string | undefined {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const found = fstatSync(descriptor);
    const isGood = found.isFile() && isOwn(found.uid) && found.size <= LONGEST;
    return isGood ? readFileSync(descriptor, 'utf8') : undefined;
  } catch {
    return undefined; // A link, a socket, someone else's: set aside by the caller.
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function isOwn(uid: number): boolean {
  return process.getuid === undefined || uid === process.getuid();
}
