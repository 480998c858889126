// Says whether a log is what its writer wrote: `ok`, `tampered` (something in it was changed) or `incomplete` (its end is
// missing, as after a crash or a cut). Streaming: memory does not grow with the log.

import { SandboxError } from '../model/error.ts';
import { digestOf, isSealed, NO_PREVIOUS, VERSION } from './chain.ts';
import { readLines, type Line } from './lines.ts';
import { parseRecord, type LogRecord } from './record.ts';

export type VerifyCode =
  | 'unreadable-line'
  | 'wrong-prev'
  | 'wrong-seq'
  | 'wrong-version'
  | 'wrong-session'
  | 'wrong-seal'
  | 'after-end'
  | 'no-end'
  | 'partial-line'
  | 'wrong-count';

export interface Verification {
  status: 'ok' | 'tampered' | 'incomplete';
  /** good records from the start */
  count: number;
  /** digest of the last good line */
  head: string;
  session?: string;
  /** the fault: absent when `ok` */
  code?: VerifyCode;
  /** line of the fault, from 1 */
  line?: number;
  message: string;
}

interface Progress {
  count: number;
  head: string;
  session?: string;
  hasEnded: boolean;
}

type Fault = { status: 'tampered' | 'incomplete'; code: VerifyCode; message: string };

/** Checks the lines of one log as somebody else reads them too. */
export interface Verifier {
  /**
   * The record of the next line, in order or not; undefined where the line is none. Throws `LOG_UNKNOWN_VERSION` when a
   * newer program wrote the log.
   */
  take(line: Line): LogRecord | undefined;
  /** what is wrong with what was taken so far, if anything */
  readonly fault: Verification | undefined;
  /** What is to be said once all lines were taken. */
  finish(): Verification;
}

/** Throws `LOG_UNREADABLE` when there is no such file, `LOG_UNKNOWN_VERSION` when a newer program wrote it. */
export function verifyLog(file: string): Verification {
  const verifier = createVerifier();
  for (const line of readLines(file)) {
    verifier.take(line);
    if (verifier.fault !== undefined) break;
  }
  return verifier.finish();
}

export function createVerifier(): Verifier {
  const progress: Progress = { count: 0, head: NO_PREVIOUS, hasEnded: false };
  let fault: Verification | undefined;
  return {
    take(line) {
      const record = line.isTooLong ? undefined : parseRecord(line.bytes);
      // Behind the first fault nothing can be said of the chain any more.
      const found = fault === undefined ? checkLine(line, record, progress) : undefined;
      if (found) fault = { ...found, line: line.number, ...summaryOf(progress) };
      return record;
    },
    get fault() {
      return fault;
    },
    finish: () => fault ?? conclude(progress),
  };
}

function conclude(progress: Progress): Verification {
  if (progress.hasEnded)
    return {
      status: 'ok',
      message: `${progress.count} records, chain intact`,
      ...summaryOf(progress),
    };
  const message =
    progress.count === 0
      ? 'the log is empty'
      : `the log stops after record ${progress.count - 1} without session.end`;
  return {
    status: 'incomplete',
    code: 'no-end',
    line: progress.count + 1,
    message,
    ...summaryOf(progress),
  };
}

function summaryOf(progress: Progress): { count: number; head: string; session?: string } {
  const { count, head, session } = progress;
  return session === undefined ? { count, head } : { count, head, session };
}

function checkLine(
  line: Line,
  record: LogRecord | undefined,
  progress: Progress,
): Fault | undefined {
  if (progress.hasEnded)
    return tampered('after-end', `something follows session.end on line ${line.number}`);
  if (line.isTooLong)
    return tampered('unreadable-line', `line ${line.number} is longer than a record can be`);
  if (!line.isComplete)
    return {
      status: 'incomplete',
      code: 'partial-line',
      message: `line ${line.number} was cut short: the writer was stopped, or the disk was full`,
    };
  if (!record) return tampered('unreadable-line', `line ${line.number} is not a record`);
  const fault = checkRecord(record, line, progress);
  if (fault) return fault;
  progress.session = record.session;
  progress.count += 1;
  progress.head = digestOf(line.bytes);
  progress.hasEnded = record.type === 'session.end';
  return undefined;
}

function checkRecord(record: LogRecord, line: Line, progress: Progress): Fault | undefined {
  const at = line.number;
  if (record.v !== VERSION) {
    if (at === 1)
      throw new SandboxError({
        kind: 'usage',
        code: 'LOG_UNKNOWN_VERSION',
        message: `the log has format version ${record.v}; this program knows version ${VERSION}`,
        hint: 'use the program that wrote the log',
      });
    return tampered(
      'wrong-version',
      `line ${at} has format version ${record.v} within a log of version ${VERSION}`,
    );
  }
  if (record.prev !== progress.head) {
    const before =
      at === 1
        ? 'the first record says that something came before it'
        : `line ${at - 1} was changed or removed, or line ${at} was put in`;
    return tampered('wrong-prev', `prev of line ${at} does not match: ${before}`);
  }
  if (record.seq !== progress.count)
    return tampered('wrong-seq', `line ${at} has seq ${record.seq}, expected ${progress.count}`);
  if (progress.session !== undefined && record.session !== progress.session)
    return tampered('wrong-session', `line ${at} belongs to another session`);
  return record.type === 'session.end' ? checkEnd(record, line, progress) : undefined;
}

function checkEnd(record: LogRecord, line: Line, progress: Progress): Fault | undefined {
  if (!isSealed(line.bytes))
    return tampered('wrong-seal', `session.end on line ${line.number} was changed`);
  if (record.count === progress.count + 1 && record.head === progress.head) return undefined;
  return {
    status: 'incomplete',
    code: 'wrong-count',
    message: `session.end speaks of ${record.count ?? 'no'} records, the log has ${progress.count + 1}`,
  };
}

function tampered(code: VerifyCode, message: string): Fault {
  return { status: 'tampered', code, message };
}
