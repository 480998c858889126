// The state that all threads of a session share, so that they append to one chain: a mutex, the next seq, the digest of
// the last line, and whether the log has failed or ended. Invariant: a line is on its way to the file only under the
// mutex, and after the first failure no thread ever appends again.
//
//   0 lock i32 | 4 failed i32 | 8 ended i32 | 12 - | 16 seq i64 | 24 head 32 bytes

import { randomUUID } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';

import { messageOf, SandboxError } from '../model/error.ts';
import type { EventLog, LogEvent, SessionContext } from '../model/event.ts';
import { buildLine, digestOf, toContextText, type ContextText } from './chain.ts';

const LOCK = 0;
const FAILED = 1;
const ENDED = 2;
const SEQ_OFFSET = 16;
const HEAD_OFFSET = 24;
const HEAD_BYTES = 32;
const STATE_BYTES = HEAD_OFFSET + HEAD_BYTES;
const DIGEST_PREFIX = 'sha256:';

const FREE = 0;
const HELD = 1;
const AWAITED = 2;

/** A thread that holds the mutex this long is dead, or its disk is. */
const LOCK_TIMEOUT_MS = 10_000;

/** What another thread needs to append to the same log. Structured-cloneable. */
export interface SharedLog {
  file: string;
  /** device and inode, so that a thread never appends to another file of the same name */
  device: string;
  inode: string;
  context: SessionContext;
  state: SharedArrayBuffer;
}

/** Where time and record ids come from. */
export interface LogSources {
  /** milliseconds since the epoch */
  now?: (() => number) | undefined;
  newId?: (() => string) | undefined;
  /** how long to wait for another thread before the log counts as failed */
  lockTimeoutMs?: number | undefined;
}

export interface AttachedLog extends EventLog {
  readonly isOpen: boolean;
  close(): void;
}

export interface Appended {
  seq: number;
  id: string;
  prev: string;
}

export interface Appender {
  append(event: LogEvent): Appended;
  /** a record could not be written, by whichever thread */
  readonly failed: boolean;
  /** neither failed nor ended */
  readonly isOpen: boolean;
}

export function createSharedState(): SharedArrayBuffer {
  return new SharedArrayBuffer(STATE_BYTES);
}

/** Opens the log of a session that another thread of this process has opened. */
export function attachLog(shared: SharedLog, sources: LogSources = {}): AttachedLog {
  const fd = openAgain(shared);
  const appender = createAppender(fd, shared.context, shared.state, sources);
  let isOpen = true;
  return {
    append: (event) => {
      // A closed descriptor's number may belong to another file by now.
      if (!isOpen) throw unwritable('this thread has closed it');
      const { seq, id } = appender.append(event);
      return { seq, id };
    },
    get isOpen() {
      return isOpen && appender.isOpen;
    },
    close: () => {
      if (isOpen) closeSync(fd);
      isOpen = false;
    },
  };
}

export function createAppender(
  fd: number,
  context: SessionContext,
  state: SharedArrayBuffer,
  sources: LogSources,
): Appender {
  const { now = Date.now, newId = randomUUID, lockTimeoutMs = LOCK_TIMEOUT_MS } = sources;
  const contextText: ContextText = toContextText(context);
  const flags = new Int32Array(state, 0, 3);
  const seqCell = new BigInt64Array(state, SEQ_OFFSET, 1);
  const head = Buffer.from(state, HEAD_OFFSET, HEAD_BYTES);

  function append(event: LogEvent): Appended {
    acquire(flags, lockTimeoutMs);
    try {
      if (Atomics.load(flags, FAILED) !== 0)
        throw unwritable('an earlier record could not be written');
      if (Atomics.load(flags, ENDED) !== 0)
        throw new SandboxError({
          kind: 'internal',
          code: 'LOG_ENDED',
          message: 'the session has ended: its log takes no more records',
        });
      return write(event);
    } finally {
      release(flags);
    }
  }

  function write(event: LogEvent): Appended {
    try {
      const seq = Number(seqCell[0]);
      const place = {
        seq,
        time: new Date(now()).toISOString(),
        id: newId(),
        prev: `${DIGEST_PREFIX}${head.toString('hex')}`,
      };
      const line = buildLine(event, contextText, place);
      const written = writeSync(fd, line);
      if (written !== line.length)
        throw new Error(`only ${written} of ${line.length} bytes were written: the disk is full`);
      head.write(digestOf(line.subarray(0, -1)).slice(DIGEST_PREFIX.length), 'hex');
      seqCell[0] = BigInt(seq + 1);
      if (event.type === 'session.end') Atomics.store(flags, ENDED, 1);
      return { seq, id: place.id, prev: place.prev };
    } catch (error) {
      Atomics.store(flags, FAILED, 1);
      throw unwritable(messageOf(error), error);
    }
  }

  return {
    append,
    get failed() {
      return Atomics.load(flags, FAILED) !== 0;
    },
    get isOpen() {
      return Atomics.load(flags, FAILED) === 0 && Atomics.load(flags, ENDED) === 0;
    },
  };
}

export function unwritable(reason: string, cause?: unknown): SandboxError {
  return new SandboxError({
    kind: 'environment',
    code: 'LOG_UNWRITABLE',
    message: `the decision log cannot be written: ${reason}`,
    hint: 'free space where the session directory lies, or choose another with --log-dir',
    cause,
  });
}

function openAgain(shared: SharedLog): number {
  let fd: number;
  try {
    fd = openSync(shared.file, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW);
  } catch (error) {
    throw unwritable(messageOf(error), error);
  }
  const stat = fstatSync(fd, { bigint: true });
  if (String(stat.dev) === shared.device && String(stat.ino) === shared.inode) return fd;
  closeSync(fd);
  throw unwritable(`"${shared.file}" is another file than the one this session opened`);
}

// The usual three-state futex: a free mutex costs one exchange, and a release wakes only when someone waits.
function acquire(flags: Int32Array, timeoutMs: number): void {
  if (Atomics.compareExchange(flags, LOCK, FREE, HELD) === FREE) return;
  const deadline = performance.now() + timeoutMs;
  while (Atomics.exchange(flags, LOCK, AWAITED) !== FREE) {
    const left = deadline - performance.now();
    if (left <= 0 || Atomics.wait(flags, LOCK, AWAITED, left) === 'timed-out') {
      Atomics.store(flags, FAILED, 1);
      throw unwritable(`another thread has held it for ${timeoutMs} ms`);
    }
  }
}

function release(flags: Int32Array): void {
  if (Atomics.exchange(flags, LOCK, FREE) === AWAITED) Atomics.notify(flags, LOCK, 1);
}
