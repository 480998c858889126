// The two directories of a session: the lasting one for its log, and a short-lived one for its sockets.

import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SandboxError, messageOf } from '../model/error.ts';

export const RUNTIME_PREFIX = 'as-run.';

/** Where sessions have their sockets, as a pattern: no guest may reach them, whatever it may do beside them. */
export const runtimeDirectories = (): string => join(tmpdir(), `${RUNTIME_PREFIX}*`);

/** `YYYYMMDD-HHMMSS-xxxxxx` in UTC: sorts by start, and is short enough to type. */
export function createSessionId(now: Date): string {
  const stamp = now.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return `${stamp}-${randomBytes(3).toString('hex')}`;
}

export const SESSION_ID = /^\d{8}-\d{6}-[0-9a-f]{6}$/;

/** Makes `<logDirectory>/<id>` with mode 0700. */
export function createSessionDirectory(logDirectory: string, id: string): string {
  const directory = join(logDirectory, id);
  try {
    mkdirSync(logDirectory, { recursive: true, mode: 0o700 });
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    throw new SandboxError({
      kind: 'environment',
      code: 'SESSION_NO_DIRECTORY',
      message: `the session directory '${directory}' cannot be made: ${messageOf(error)}`,
      hint: 'name a writable directory with --log-dir',
      cause: error,
    });
  }
  return directory;
}

/** Makes the private directory of the session's sockets; its path is short, since a socket path has at most 107 bytes. */
export function createRuntimeDirectory(): string {
  return mkdtempSync(join(tmpdir(), RUNTIME_PREFIX));
}

/** Session ids under a log directory, newest first. */
export function listSessionIds(logDirectory: string): string[] {
  try {
    return readdirSync(logDirectory)
      .filter((name) => SESSION_ID.test(name))
      .sort()
      .reverse();
  } catch {
    return []; // no directory: no session has run yet
  }
}
