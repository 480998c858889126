// Which log a command means: a session id, its directory or its file; without one, the newest session.

import { statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

import { SandboxError } from '../model/error.ts';
import { listSessionIds, SESSION_ID } from '../session/directory.ts';

export const LOG_FILE = 'decisions.jsonl';

export interface LogTarget {
  /** absolute */
  file: string;
  /** the session's directory, whether or not it holds more than the log */
  directory: string;
}

export function resolveLogTarget(target: string | undefined, logDirectory: string): LogTarget {
  if (target === undefined) return inDirectory(join(logDirectory, newestSession(logDirectory)));
  const path = resolve(target);
  // An id means the session even where a file of that name lies in the current directory.
  if (!SESSION_ID.test(target) || kindOf(join(logDirectory, target)) === undefined) {
    const kind = kindOf(path);
    if (kind === 'directory') return inDirectory(path);
    if (kind === 'file') return { file: path, directory: dirname(path) };
  }
  return inDirectory(join(logDirectory, sessionCalled(target, logDirectory)));
}

function newestSession(logDirectory: string): string {
  const [newest] = listSessionIds(logDirectory);
  if (newest !== undefined) return newest;
  throw notFound(`there is no session in "${logDirectory}"`);
}

function sessionCalled(target: string, logDirectory: string): string {
  const ids = listSessionIds(logDirectory);
  if (ids.includes(target)) return target;
  const isName = target !== '' && basename(target) === target;
  const matches = isName ? ids.filter((id) => id.startsWith(target)) : [];
  const [match] = matches;
  if (match !== undefined && matches.length === 1) return match;
  if (match !== undefined)
    throw notFound(`"${target}" is the start of ${matches.length} session ids`);
  throw notFound(
    `"${target}" is neither a session in "${logDirectory}" nor a directory nor a file`,
  );
}

function inDirectory(directory: string): LogTarget {
  return { file: join(directory, LOG_FILE), directory };
}

function kindOf(path: string): 'file' | 'directory' | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  return stat.isDirectory() ? 'directory' : 'file';
}

function notFound(message: string): SandboxError {
  return new SandboxError({
    kind: 'usage',
    code: 'LOG_NOT_FOUND',
    message,
    hint: 'list sessions with `agent-sandbox ps --all`, or name a log file',
  });
}
