import {
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  mkdirSync,
  existsSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SessionState } from '../../src/model/session.ts';
import {
  createRuntimeDirectory,
  createSessionDirectory,
  createSessionId,
  RUNTIME_PREFIX,
  SESSION_ID,
} from '../../src/session/directory.ts';
import { findLiveSession, listSessions, sweepDeadSessions } from '../../src/session/find.ts';
import { lifeOf, ownMark } from '../../src/engine/process.ts';
import { isAlive, readState, writeState } from '../../src/session/state.ts';

let logs: string;
let runtimes: string[];
beforeEach(() => {
  logs = mkdtempSync(join(tmpdir(), 'state-test-'));
  runtimes = [];
});
afterEach(() => {
  for (const directory of [logs, ...runtimes]) rmSync(directory, { recursive: true, force: true });
});

function makeRuntime(): string {
  const directory = createRuntimeDirectory();
  runtimes.push(directory);
  return directory;
}

function makeSession(change: Partial<SessionState> = {}): {
  directory: string;
  state: SessionState;
} {
  const id = createSessionId(new Date());
  const directory = createSessionDirectory(logs, id);
  const state: SessionState = {
    version: 1,
    id,
    status: 'running',
    pid: process.pid,
    process: ownMark(),
    command: ['true'],
    workspace: '/w',
    runtimeDirectory: makeRuntime(),
    startedAt: new Date().toISOString(),
    ...change,
  };
  writeState(directory, state);
  return { directory, state };
}

/** of a process that is gone */
async function deadMark(): Promise<string> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return ownMark().replace(/^\d+-\d+/, `${child.pid}-1`);
}

/** Of a process in a PID namespace that is not ours. */
function foreignMark(): string {
  return ownMark().replace(/\d+$/, '1');
}

describe('a session directory', () => {
  it('is private, and its id sorts by time', () => {
    const { directory, state } = makeSession();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, 'session.json')).mode & 0o777).toBe(0o600);
    expect(state.id).toMatch(SESSION_ID);
    expect(createSessionId(new Date(0)) < createSessionId(new Date())).toBe(true);
  });

  it('reads as no session when session.json is broken, too large or of another version', () => {
    const { directory } = makeSession();
    const file = join(directory, 'session.json');
    for (const text of [
      '',
      '{',
      '[]',
      '{"version":2}',
      JSON.stringify({ version: 1, id: 'x'.repeat(300_000) }),
    ]) {
      writeFileSync(file, text);
      expect(readState(directory)).toBeUndefined();
    }
  });
});

describe('liveness', () => {
  it('knows a live process, a dead one, and a reused pid', async () => {
    expect(isAlive(makeSession().state)).toBe(true);
    expect(isAlive(makeSession({ process: await deadMark() }).state)).toBe(false);
    expect(isAlive(makeSession({ process: ownMark().replace(/-\d+-/, '-1-') }).state)).toBe(false);
    expect(isAlive(makeSession({ status: 'ended' }).state)).toBe(false);
  });

  it('goes by the sockets where the process is in another PID namespace', () => {
    const { state } = makeSession({ process: foreignMark() });
    expect(lifeOf(state.process)).toBe('elsewhere');
    expect(isAlive(state)).toBe(true);
    rmSync(state.runtimeDirectory, { recursive: true });
    expect(isAlive(state)).toBe(false);
  });

  it('finds a live session by the start of its id and refuses an ambiguous one', () => {
    const { state } = makeSession();
    expect(findLiveSession(logs, state.id.slice(0, 17)).state.id).toBe(state.id);
    expect(() => findLiveSession(logs, 'nope')).toThrow(/no live session/);
    makeSession();
    expect(() => findLiveSession(logs, '2')).toThrow(/start of 2 session ids/);
  });
});

describe('the sweep', () => {
  it('marks a dead session failed and removes its sockets, and leaves a live one alone', async () => {
    const dead = makeSession({ process: await deadMark() });
    const live = makeSession();
    expect(sweepDeadSessions(logs, new Date())).toEqual([dead.state.id]);
    expect(existsSync(dead.state.runtimeDirectory)).toBe(false);
    expect(existsSync(live.state.runtimeDirectory)).toBe(true);
    expect(readState(dead.directory)?.status).toBe('failed');
    expect(sweepDeadSessions(logs, new Date())).toEqual([]);
  });

  it('never removes a directory that is not one of ours, whatever session.json says', async () => {
    const precious = join(logs, 'precious');
    mkdirSync(precious);
    writeFileSync(join(precious, 'file'), 'x');
    const mark = await deadMark();
    makeSession({ process: mark, runtimeDirectory: precious });
    makeSession({ process: mark, runtimeDirectory: join(tmpdir(), `${RUNTIME_PREFIX}x/../../`) });
    sweepDeadSessions(logs, new Date());
    expect(readFileSync(join(precious, 'file'), 'utf8')).toBe('x');
    expect(listSessions(logs)).toHaveLength(2);
  });
});
