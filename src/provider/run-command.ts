// Runs a program of the host for the secret it prints: 1Password, a keychain, `gh auth token`.
// Invariant: no shell, no variable that the program does not need, and nothing of what it prints is shown.

import { type ChildProcess, spawn } from 'node:child_process';
import { isAbsolute } from 'node:path';

import { errnoOf } from '../model/error.ts';
import { requestFault, sourceFault } from './fault.ts';

const LIMIT_MS = 10_000;
const LONGEST = 64 * 1024 + 1;

/** Where programs find their user, their own files and the keychain; no variable here holds a secret. */
const PASSED = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'LANG',
  'LC_ALL',
  'TMPDIR',
  'XDG_CONFIG_HOME',
  'XDG_DATA_HOME',
  'XDG_STATE_HOME',
  'XDG_CACHE_HOME',
  'XDG_RUNTIME_DIR',
  'DBUS_SESSION_BUS_ADDRESS',
  'GH_CONFIG_DIR',
] as const;

interface Limits {
  environment: Readonly<Record<string, string | undefined>>;
  signal: AbortSignal;
  /** milliseconds */
  limit?: number;
}

/** What the program writes to its output, at most 64 KiB within 10 s; it must end with 0. */
export function runCommand(command: readonly string[], limits: Limits): Promise<string> {
  const [program, ...args] = command;
  if (program === undefined || program === '')
    throw requestFault('expected a program and its arguments, got an empty command');
  // A relative path would lead into whatever folder the session was started in: the workspace.
  if (program.includes('/') && !isAbsolute(program))
    throw requestFault(`expected a name or an absolute path, got '${program}'`);
  const { environment, signal, limit = LIMIT_MS } = limits;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: '/', // nothing of the workspace is the program's configuration
      env: passed(environment),
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true, // a group of its own, so that what it starts ends with it
    });
    const fail = (what: string): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      endGroup(child);
      reject(sourceFault(`${program} ${what}`));
    };
    const onAbort = (): void => fail('was stopped: the session is over');
    const timer = setTimeout(() => fail(`did not end within ${limit / 1000} s`), limit);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });

    const chunks: Buffer[] = [];
    let length = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > LONGEST) fail(`printed more than ${LONGEST - 1} bytes`);
      else chunks.push(chunk);
    });
    child.once('error', (error) => fail(`cannot be started (${errnoOf(error) ?? 'unknown'})`));
    child.once('close', (code, killedBy) => {
      if (code !== 0) return fail(`ended with ${killedBy ?? code ?? 'unknown'}`);
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      resolve(Buffer.concat(chunks).toString('utf8'));
    });
  });
}

function passed(environment: Limits['environment']): Record<string, string> {
  const found = PASSED.flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(found);
}

function endGroup(child: ChildProcess): void {
  child.stdout?.destroy();
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Gone already, with all it started.
  }
}
