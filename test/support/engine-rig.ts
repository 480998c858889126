// A machine with the engine's own tiny guest (test/engine/guest) and the two ends the engine's caller holds.

import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type Server, type Socket, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheDirectory } from '../../src/cli/directories.ts';
import type { Machine, MachineOptions } from '../../src/engine/engine.ts';
import { startMachine } from '../../src/engine/machine.ts';

export const GUEST = fileURLToPath(new URL('../engine/guest', import.meta.url));
export const MEMORY = 256 * 1024 * 1024;
/** what the tiny guest greets with */
export const GREETING = 'HELLO';

export interface Rig {
  machine: Machine;
  mux: Socket;
  fs: Socket;
  /** how many connections the machine has made to each of our two sockets */
  connections: () => number;
  console: string;
  progress: string[];
  /** resolves once the guest has written `text` on mux */
  hear: (text: string) => Promise<void>;
  end: () => Promise<void>;
}

/** A cache of its own with the kernel that `setup` fetched: what a test breaks in it, no other test meets. */
export function createCache(): { cache: string; remove: () => void } {
  const cache = mkdtempSync(join(tmpdir(), 'engine-cache-'));
  const kernels = join(cacheDirectory(process.env), 'kernels');
  if (existsSync(kernels)) cpSync(kernels, join(cache, 'kernels'), { recursive: true });
  return { cache, remove: () => rmSync(cache, { recursive: true, force: true }) };
}

export async function startRig(cache: string, options: Partial<MachineOptions> = {}): Promise<Rig> {
  const directory = mkdtempSync(join(tmpdir(), 'engine-rig-'));
  const progress: string[] = [];
  let connections = 0;
  const muxEnd = await listen(join(directory, 'mux.sock'), () => (connections += 1));
  const fsEnd = await listen(join(directory, 'fs.sock'), () => (connections += 1));
  const close = (): void => {
    muxEnd.server.close();
    fsEnd.server.close();
    rmSync(directory, { recursive: true, force: true });
  };
  mkdirSync(cache, { recursive: true });
  try {
    const consoleFile = join(directory, 'console.log');
    const machine = await startMachine({
      cpus: 1,
      memory: MEMORY,
      accelerator: 'tcg',
      sockets: { directory, mux: muxEnd.path, fs: fsEnd.path },
      cache,
      console: consoleFile,
      guest: GUEST,
      onProgress: (line) => progress.push(line),
      ...options,
    });
    const [mux, fs] = [await muxEnd.connection, await fsEnd.connection];
    for (const socket of [mux, fs]) socket.on('error', () => undefined);
    return {
      machine,
      mux,
      fs,
      connections: () => connections,
      console: consoleFile,
      progress,
      hear: listenFor(mux),
      end: async () => {
        await machine.kill();
        machine.window?.close();
        mux.destroy();
        fs.destroy();
        close();
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Starts a machine, asks its guest for an answer, ends it; returns the machine's facts. */
export async function startAndAnswer(
  cache: string,
  options: Partial<MachineOptions> = {},
): Promise<Rig> {
  const rig = await startRig(cache, options);
  try {
    await rig.hear(GREETING);
    rig.mux.write('P');
    await rig.hear('PONG');
    return rig;
  } finally {
    await rig.end();
  }
}

function listenFor(mux: Socket): (text: string) => Promise<void> {
  let heard = '';
  const waiting: { text: string; resolve: () => void }[] = [];
  const check = (): void => {
    for (const one of [...waiting]) {
      const place = heard.indexOf(one.text);
      if (place < 0) continue;
      heard = heard.slice(place + one.text.length);
      waiting.splice(waiting.indexOf(one), 1);
      one.resolve();
    }
  };
  mux.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1');
    check();
  });
  return (text) =>
    new Promise((resolve) => {
      waiting.push({ text, resolve });
      check();
    });
}

interface End {
  path: string;
  server: Server;
  connection: Promise<Socket>;
}

function listen(path: string, onConnection: () => void): Promise<End> {
  return new Promise((resolve, reject) => {
    let taken: (socket: Socket) => void = () => undefined;
    const connection = new Promise<Socket>((done) => (taken = done));
    const server = createServer((socket) => {
      onConnection();
      taken(socket);
    });
    server.once('error', reject);
    server.listen(path, () => resolve({ path, server, connection }));
  });
}

/** A process and all that descend from it, by pid. */
export function familyOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1');
    const pids = children.split(' ').filter(Boolean).map(Number);
    return [pid, ...pids.flatMap((child) => familyOf(child))];
  } catch {
    return []; // ended
  }
}

/** The QEMU inside the jail of a machine. */
export function emulatorOf(machine: Machine): number {
  const pid = familyOf(machine.pid).find((one) => nameOf(one).startsWith('qemu-system'));
  if (pid === undefined) throw new Error(`no QEMU runs under process ${machine.pid}`);
  return pid;
}

export function isRunning(pid: number): boolean {
  try {
    const state = /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return state !== undefined && state !== 'Z' && state !== 'X';
  } catch {
    return false; // ended
  }
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'latin1').trim();
  } catch {
    return ''; // ended
  }
}
