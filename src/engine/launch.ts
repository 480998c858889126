// Starts one QEMU process and owns its life. Invariant: QEMU gets open connections and never a path to a socket; the
// promise `exited` always resolves; `kill` ends it within five seconds whatever the guest does.

import { type ChildProcess, type StdioNull, type StdioPipe, spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { type Socket, connect } from 'node:net';
import type { Duplex, Readable, Stream, Writable } from 'node:stream';
import { SandboxError, messageOf } from '../model/error.ts';
import type { MachineExit } from './engine.ts';
import type { Descriptors } from './arguments.ts';
import { keepConsole } from './console.ts';
import { type Qmp, openQmp } from './qmp.ts';

/** Places of the descriptors in QEMU: 0 to 2 are the standard ones. */
export const DESCRIPTORS: Descriptors & { state: number } = {
  control: 3,
  mux: 4,
  fs: 5,
  console: 6,
  state: 7,
};

export interface LaunchOptions {
  /** program and arguments, jail included */
  command: readonly string[];
  mux: Socket;
  fs: Socket;
  console: string;
  /** milliseconds until QEMU must answer on its control connection */
  timeout: number;
}

export interface Launched {
  pid: number;
  qmp: Qmp;
  /** where the saved state is written to */
  state: Writable;
  exited: Promise<MachineExit>;
  kill: () => Promise<void>;
}

type StdioPart = StdioNull | StdioPipe | Stream;

/** O_CLOEXEC in the octal flags of /proc */
const CLOSE_ON_EXEC = 0o2000000;
const KEPT_STDERR = 16 * 1024;
const KILL_LIMIT = 5_000;

/** A connection to a listening unix socket, unread, to be handed to QEMU. */
export function openConnection(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    socket.pause();
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error) => {
      reject(
        new SandboxError({
          kind: 'internal',
          code: 'ENGINE_SOCKET',
          message: `nobody listens on the machine's socket ${path}: ${error.message}`,
        }),
      );
    });
  });
}

export async function launch(options: LaunchOptions): Promise<Launched> {
  const [program, ...args] = options.command;
  const stdio = coverInherited([
    'ignore',
    'ignore',
    'pipe',
    'pipe',
    options.mux,
    options.fs,
    'pipe',
    'pipe',
  ]);
  const child = spawn(program ?? '', args, {
    stdio,
    env: { PATH: '/usr/bin:/bin' },
    cwd: '/',
    // A session of its own: Ctrl-C on the terminal is for the guest's command to see, not for QEMU.
    detached: true,
  });
  const life = watch(child);
  const stream = (index: number): Duplex => child.stdio[index] as Duplex;
  // The state pipe breaks when QEMU dies early; that is told by `exited`.
  stream(DESCRIPTORS.state)?.on('error', () => undefined);
  try {
    if (child.pid === undefined) throw new Error((await life.exited).message);
    keepConsole(stream(DESCRIPTORS.console), options.console);
    const qmp = await openQmp(stream(DESCRIPTORS.control), options.timeout);
    qmp.onEvent((event) => {
      if (event.name === 'SHUTDOWN' && event.data.guest === true) life.guestEnded();
    });
    return {
      pid: child.pid,
      qmp,
      state: stream(DESCRIPTORS.state),
      exited: life.exited,
      kill: life.kill,
    };
  } catch (error) {
    await life.kill();
    const { message } = await life.exited;
    throw new SandboxError({
      kind: 'environment',
      code: 'ENGINE_START',
      message: `QEMU did not start: ${message === '' ? messageOf(error) : message}`,
      hint: 'run `agent-sandbox doctor`',
      cause: error,
    });
  }
}

/**
 * Whoever started this process may have left descriptors open for children, and no option of `spawn` closes them: each
 * is covered with an empty device, so that a jailed QEMU holds nothing it was not given.
 */
function coverInherited(stdio: StdioPart[]): StdioPart[] {
  const covered = [...stdio];
  for (const descriptor of inheritedDescriptors()) {
    while (covered.length <= descriptor) covered.push('ignore');
  }
  return covered;
}

function inheritedDescriptors(): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc/self/fdinfo')
    .map(Number)
    .filter((descriptor) => descriptor > DESCRIPTORS.state && isInherited(descriptor));
}

function isInherited(descriptor: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(
      readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'),
    )?.[1];
    return flags !== undefined && (parseInt(flags, 8) & CLOSE_ON_EXEC) === 0;
  } catch {
    return false; // closed meanwhile
  }
}

interface Life {
  exited: Promise<MachineExit>;
  guestEnded: () => void;
  kill: () => Promise<void>;
}

function watch(child: ChildProcess): Life {
  let stderr = '';
  let killed = false;
  let byGuest = false;
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString('utf8')).slice(-KEPT_STDERR);
  });
  const control = child.stdio[DESCRIPTORS.control] as Readable | null | undefined;
  // The process we started may be a jail around QEMU: QEMU is gone once its end of the control connection is closed too.
  const closed = new Promise<void>((resolve) => {
    if (control) control.once('close', () => resolve());
    else resolve();
  });
  const exited = new Promise<MachineExit>((resolve) => {
    child.once('error', (error) => {
      resolve({ reason: 'crashed', code: null, signal: null, message: error.message });
    });
    child.once('exit', (code, signal) => {
      void Promise.race([closed, pause(KILL_LIMIT)]).then(() => {
        const reason = killed ? 'killed' : byGuest ? 'guest' : 'crashed';
        resolve({ reason, code, signal, message: stderr.trim() });
      });
    });
  });
  const kill = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      killed = true;
      child.kill('SIGKILL');
    }
    const late = pause(KILL_LIMIT).then(() => 'late' as const);
    if ((await Promise.race([exited, late])) === 'late') {
      throw new SandboxError({
        kind: 'environment',
        code: 'ENGINE_KILL',
        message: `QEMU (process ${child.pid}) did not end within ${KILL_LIMIT / 1000} s of being killed`,
      });
    }
  };
  return { exited, guestEnded: () => (byGuest = true), kill };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
