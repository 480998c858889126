// Reads one policy file. Absent, unreadable and invalid are three different things, and none of them is an empty policy.
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  type Stats,
} from 'node:fs';
import { errnoOf, messageOf } from '../model/error.ts';
import { MAX_BYTES } from '../policy/yaml-text.ts';

export type FileText =
  | { status: 'read'; text: string }
  | { status: 'absent' }
  | { status: 'unreadable'; message: string };

export function readPolicyFile(path: string): FileText {
  let descriptor: number;
  try {
    // A pipe in place of the file would otherwise hold the start for ever.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = errnoOf(error);
    const isLink = lstatOf(path)?.isSymbolicLink() === true;
    if (isLink && code === 'ENOENT')
      return { status: 'unreadable', message: 'a link that leads nowhere' };
    if (code === 'ENOENT' || code === 'ENOTDIR') return { status: 'absent' };
    return { status: 'unreadable', message: messageOf(error) };
  }
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) return { status: 'unreadable', message: 'not a regular file' };
    const bytes = readUpTo(descriptor, MAX_BYTES + 1);
    // What is over the limit is cut, and still over the limit: the parser says so.
    return decode(bytes, bytes.length > MAX_BYTES);
  } catch (error) {
    return { status: 'unreadable', message: messageOf(error) };
  } finally {
    closeSync(descriptor);
  }
}

function readUpTo(descriptor: number, limit: number): Buffer {
  const buffer = Buffer.alloc(limit);
  let length = 0;
  for (;;) {
    const count = readSync(descriptor, buffer, length, limit - length, null);
    length += count;
    if (count === 0 || length === limit) return buffer.subarray(0, length);
  }
}

function decode(bytes: Buffer, isCut: boolean): FileText {
  if (isCut) return { status: 'read', text: bytes.toString('latin1') };
  try {
    return {
      status: 'read',
      text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes),
    };
  } catch {
    return { status: 'unreadable', message: 'not UTF-8' };
  }
}

function lstatOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // a file stands where a directory should
  }
}
