// Programs of the bench that serve until they are ended: ours from dist/, and rivals.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';

export interface Server {
  port: number;
  pid: number;
  stop(): Promise<void>;
}

const START_MS = 30_000;
const MEBIBYTE = 1024 * 1024;
// The bench's bundles find their files from the folder bench/, see run.mjs.
const DIST = join(import.meta.dirname, '../dist');

/** Starts one of the bench's own servers; its first line is its port. `cores`: the processors it is held to. */
export async function startOwn(name: string, args: string[], cores: string): Promise<Server> {
  const child = spawn(
    'taskset',
    ['-c', cores, process.execPath, join(DIST, `bench-egress-${name}.js`), ...args],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const [line] = (await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error(`${name} did not start`))),
  ])) as [Buffer];
  return { port: Number(line), pid: pidOf(child), stop: () => end(child) };
}

export interface RivalOptions {
  /** the processors it is held to; all unless said */
  cores?: string;
  /** milliseconds between two looks at its port */
  poll?: number;
}

/** Starts another program, and waits until it listens. */
export async function startRival(
  [program, ...args]: [string, ...string[]],
  port: number,
  { cores, poll = 100 }: RivalOptions = {},
): Promise<Server> {
  const [first, ...rest] =
    cores === undefined
      ? ([program, ...args] as const)
      : (['taskset', '-c', cores, program, ...args] as const);
  const child = spawn(first, rest, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-1000)));
  const limit = performance.now() + START_MS;
  while (!(await isListening(port))) {
    if (child.exitCode !== null || performance.now() > limit) {
      await end(child);
      throw new Error(`${program} did not start: ${said.trim()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, poll));
  }
  return { port, pid: pidOf(child), stop: () => end(child) };
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Memory resident now, in MiB; NaN where /proc is missing. */
export function residentOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kilobytes) * 1024) / MEBIBYTE;
}

/** Seconds of processor time that a process has used, its threads' included. */
export function processorTimeOf(pid: number): number {
  const [, fields = ''] = /^.*\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
  // In hundredths (USER_HZ is 100 wherever Linux shows it); the third field is the first behind the name.
  const [user, system] = fields.split(' ').slice(11, 13);
  return (Number(user) + Number(system)) / 100;
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error(`${child.spawnfile} could not be started`);
  return child.pid;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const limit = setTimeout(() => child.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(limit);
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
