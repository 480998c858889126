// Opens the decision log of a session and ends it. The file is new, mode 0600, only ever appended to.

import { closeSync, constants, fdatasyncSync, fstatSync, openSync } from 'node:fs';

import { messageOf } from '../model/error.ts';
import type { EventLog, SessionContext, SessionEndEvent } from '../model/event.ts';
import {
  createAppender,
  createSharedState,
  unwritable,
  type LogSources,
  type SharedLog,
} from './shared.ts';

export interface LogOptions extends LogSources {
  /** must not exist */
  file: string;
  context: SessionContext;
}

export interface Log extends EventLog {
  readonly file: string;
  /** true once a record could not be written, by whichever thread */
  readonly failed: boolean;
  readonly isOpen: boolean;
  /** for `attachLog` in a worker thread of this process */
  share(): SharedLog;
  /** Writes `session.end`, after which no thread can append; `count` is the number of lines, `head` the digest before the last. */
  end(event: SessionEndEvent): { count: number; head: string };
  /** Gives the file back without ending the chain: what is left is `incomplete`, as it should be. */
  close(): void;
}

export function openLog(options: LogOptions): Log {
  const { file, context } = options;
  const fd = openNew(file);
  const state = createSharedState();
  const appender = createAppender(fd, context, state, options);
  const { dev, ino } = fstatSync(fd, { bigint: true });
  let isOpen = true;

  function close(): void {
    if (isOpen) closeSync(fd);
    isOpen = false;
  }

  return {
    file,
    get failed() {
      return appender.failed;
    },
    get isOpen() {
      return isOpen && appender.isOpen;
    },
    append: (event) => {
      // A closed descriptor's number may belong to another file by now.
      if (!isOpen) throw unwritable('it was closed');
      const { seq, id } = appender.append(event);
      return { seq, id };
    },
    share: () => ({ file, device: String(dev), inode: String(ino), context, state }),
    end: (event) => {
      if (!isOpen) throw unwritable('it was closed');
      const { seq, prev } = appender.append(event);
      try {
        fdatasyncSync(fd);
      } catch (error) {
        throw unwritable(messageOf(error), error);
      } finally {
        close();
      }
      return { count: seq + 1, head: prev };
    },
    close,
  };
}

function openNew(file: string): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  try {
    return openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  } catch (error) {
    throw unwritable(messageOf(error), error);
  }
}
