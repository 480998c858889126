// Sessions under a log directory, and what a dead host process left behind.

import { existsSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { SandboxError } from '../model/error.ts';
import { killOrphans } from '../engine/orphans.ts';
import type { SessionState } from '../model/session.ts';
import { RUNTIME_PREFIX, listSessionIds } from './directory.ts';
import { isAlive, readState, writeState } from './state.ts';

export interface FoundSession {
  directory: string;
  state: SessionState;
  alive: boolean;
}

/** All sessions, newest first. */
export function listSessions(logDirectory: string): FoundSession[] {
  const found: FoundSession[] = [];
  for (const id of listSessionIds(logDirectory)) {
    const directory = join(logDirectory, id);
    const state = readState(directory);
    if (state !== undefined) found.push({ directory, state, alive: isAlive(state) });
  }
  return found;
}

/** The live session called `id`, or whose id begins with it and no other's does. */
export function findLiveSession(logDirectory: string, id: string): FoundSession {
  const live = listSessions(logDirectory).filter((session) => session.alive);
  const matches = live.filter(({ state }) => state.id === id || state.id.startsWith(id));
  const [match] = matches;
  if (match !== undefined && (matches.length === 1 || match.state.id === id)) return match;
  throw new SandboxError({
    kind: 'usage',
    code: matches.length === 0 ? 'SESSION_NOT_FOUND' : 'SESSION_AMBIGUOUS',
    message:
      matches.length === 0
        ? `no live session is called '${id}' in '${logDirectory}'`
        : `'${id}' is the start of ${matches.length} session ids`,
    hint: 'see which sessions live with `agent-sandbox ps`',
  });
}

/**
 * Marks sessions whose host process is gone as failed, and removes their sockets. Their machine died with the process;
 * their log stays as it is: without `session.end` it is incomplete, which is the truth.
 */
export function sweepDeadSessions(logDirectory: string, now: Date): string[] {
  const swept: string[] = [];
  for (const { directory, state, alive } of listSessions(logDirectory)) {
    if (alive || (state.status !== 'running' && state.status !== 'starting')) continue;
    removeRuntimeDirectory(state.runtimeDirectory);
    writeState(directory, { ...state, status: 'failed', endedAt: now.toISOString() });
    swept.push(state.id);
  }
  if (swept.length > 0) killOrphans();
  return swept;
}

// session.json is ours, but it is data: only a directory we would have made is removed.
function removeRuntimeDirectory(directory: string): void {
  const isOurs =
    dirname(directory) === tmpdir() && directory.startsWith(join(tmpdir(), RUNTIME_PREFIX));
  if (isOurs && existsSync(directory)) rmSync(directory, { recursive: true, force: true });
}
