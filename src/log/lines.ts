// Reads a log file line by line in bounded memory. The file may be anything: it is split at newlines and nothing else.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

import { messageOf, SandboxError } from '../model/error.ts';
import { MAX_LINE } from './chain.ts';

const CHUNK = 1 << 16;

export interface Line {
  /** from 1 */
  number: number;
  /** without the newline; valid until the next line is taken */
  bytes: Buffer;
  /** false for a last line without a newline */
  isComplete: boolean;
  /** longer than any record: `bytes` holds its beginning and nothing follows */
  isTooLong: boolean;
}

/** Where a reader of a growing file goes on. */
export interface Position {
  offset: number;
  lines: number;
}

/** The lines of a file from `start`, which is moved behind each complete line. */
export function* readLines(
  file: string,
  start: Position = { offset: 0, lines: 0 },
): Generator<Line, void, void> {
  const fd = openRegular(file);
  try {
    const chunk = Buffer.allocUnsafe(CHUNK);
    let rest: Buffer = Buffer.alloc(0);
    let offset = start.offset;
    for (;;) {
      const read = readSync(fd, chunk, 0, CHUNK, offset);
      if (read === 0) break;
      offset += read;
      let from = 0;
      for (;;) {
        const at = chunk.subarray(0, read).indexOf(0x0a, from);
        if (at < 0) break;
        const part = chunk.subarray(from, at);
        const bytes = rest.length > 0 ? Buffer.concat([rest, part]) : part;
        rest = Buffer.alloc(0);
        from = at + 1;
        start.lines += 1;
        start.offset += bytes.length + 1;
        const isTooLong = bytes.length >= MAX_LINE;
        yield { number: start.lines, bytes, isComplete: true, isTooLong };
        if (isTooLong) return;
      }
      if (from < read) rest = Buffer.concat([rest, chunk.subarray(from, read)]);
      if (rest.length >= MAX_LINE) {
        yield { number: start.lines + 1, bytes: rest, isComplete: false, isTooLong: true };
        return;
      }
    }
    if (rest.length > 0)
      yield { number: start.lines + 1, bytes: rest, isComplete: false, isTooLong: false };
  } catch (error) {
    if (error instanceof SandboxError) throw error;
    throw unreadable(file, messageOf(error), error);
  } finally {
    closeSync(fd);
  }
}

function openRegular(file: string): number {
  let fd: number;
  try {
    // Without O_NONBLOCK, opening a fifo would wait for a writer for ever.
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw unreadable(file, messageOf(error), error);
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw unreadable(file, 'it is not a regular file');
}

function unreadable(file: string, reason: string, cause?: unknown): SandboxError {
  return new SandboxError({
    kind: 'usage',
    code: 'LOG_UNREADABLE',
    message: `cannot read the decision log "${file}": ${reason}`,
    hint: 'name a session, its directory or its decisions.jsonl',
    cause,
  });
}
