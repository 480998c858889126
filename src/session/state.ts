// session.json: what other processes may know of a session, and how they tell a live one from a dead one.
// Invariant: the file is replaced whole; a reader never sees half of it.

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lifeOf } from '../engine/process.ts';
import type { SessionState } from '../model/session.ts';

const FILE = 'session.json';
/** larger than any session.json we write; a bigger file is not ours */
const MAX_BYTES = 256 * 1024;

export function writeState(directory: string, state: SessionState): void {
  const file = join(directory, FILE);
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, file);
}

/** The state, or undefined where there is none that can be read. */
export function readState(directory: string): SessionState | undefined {
  try {
    const text = readFileSync(join(directory, FILE), 'utf8');
    if (text.length > MAX_BYTES) return undefined;
    const value: unknown = JSON.parse(text);
    return isState(value) ? value : undefined;
  } catch {
    return undefined; // absent or half-written by something else: not a session
  }
}

/** True while the host process of the session lives. */
export function isAlive(state: SessionState): boolean {
  if (state.status === 'ended' || state.status === 'failed') return false;
  const life = lifeOf(state.process);
  // In another PID namespace it cannot be looked up: its sockets are what tells.
  return life === 'elsewhere' ? existsSync(state.runtimeDirectory) : life === 'alive';
}

function isState(value: unknown): value is SessionState {
  if (typeof value !== 'object' || value === null) return false;
  const state = value as Partial<SessionState>;
  return (
    state.version === 1 &&
    typeof state.id === 'string' &&
    typeof state.pid === 'number' &&
    typeof state.process === 'string' &&
    typeof state.runtimeDirectory === 'string' &&
    typeof state.status === 'string' &&
    Array.isArray(state.command) &&
    typeof state.startedAt === 'string'
  );
}
