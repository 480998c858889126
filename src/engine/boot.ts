// Boots a guest under our own eyes until it greets: for saving it, and for proving that an accelerator works.

import { chmodSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { SandboxError, messageOf } from '../model/error.ts';
import { type Launched, openConnection } from './launch.ts';
import { type Listening, listen } from './listening.ts';
import { type Plan, startQemu } from './plan.ts';
import { createTemporaryFolder } from './sweep.ts';
import { createWindowFile } from './window.ts';

export interface BootedGuest {
  qemu: Launched;
  /** what it wrote on `mux` before it fell silent */
  greeting: Buffer;
  /** a folder the jailed QEMU can reach, and a socket in it we listen on */
  exchange: Listening;
}

export interface BootOptions {
  /** a file that becomes the guest's memory */
  memory?: string;
  /** milliseconds until it must have greeted */
  limit: number;
}

const CONTROL_LIMIT = 20_000;
const LONGEST_GREETING = 64 * 1024;
/** It has nothing more to say and waits for orders once it was silent this long. */
const SETTLED = 100;

/** Runs `use` with a guest that has greeted; kills it afterwards, whatever happens. */
export async function withBootedGuest<T>(
  plan: Plan,
  options: BootOptions,
  use: (guest: BootedGuest) => Promise<T>,
): Promise<T> {
  const folder = createTemporaryFolder();
  const consoleFile = join(folder, 'console.log');
  const inside = join(folder, 'x');
  const open: { close: () => void }[] = [];
  let qemu: Launched | undefined;
  const window = createWindowFile(plan.shape.window);
  try {
    mkdirSync(inside);
    const mux = await listen(join(folder, 'mux'));
    const fs = await listen(join(folder, 'fs'));
    const exchange = await listen(join(inside, 'save'));
    open.push(mux, fs, exchange);
    // The jailed QEMU may run as another user; the folder around is closed to everybody but us.
    chmodSync(inside, 0o755);
    chmodSync(exchange.path, 0o666);
    const ends = { mux: await openConnection(mux.path), fs: await openConnection(fs.path) };
    qemu = await startQemu(plan, {
      ...ends,
      console: consoleFile,
      window: window?.file,
      ...(options.memory === undefined
        ? {}
        : { memory: { file: options.memory, use: 'write' as const } }),
      exchange: inside,
      incoming: false,
      timeout: CONTROL_LIMIT,
    });
    ends.mux.destroy();
    ends.fs.destroy();
    const greeting = await hearGreeting(await mux.accepted, qemu, consoleFile, options.limit);
    return await use({ qemu, greeting, exchange });
  } finally {
    await qemu?.kill();
    window?.close();
    for (const one of open) one.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function hearGreeting(
  mux: Socket,
  qemu: Launched,
  consoleFile: string,
  milliseconds: number,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    let settled: NodeJS.Timeout | undefined;
    const fail = (what: string): void => {
      clearTimeout(limit);
      clearTimeout(settled);
      const last = lastLines(consoleFile);
      reject(
        bootFailed(`the guest ${what}${last === '' ? '' : `; its console ends with: ${last}`}`),
      );
    };
    const limit = setTimeout(
      () => fail(`was not ready within ${milliseconds / 1000} s`),
      milliseconds,
    );
    mux.on('data', (chunk: Buffer) => {
      parts.push(chunk);
      length += chunk.length;
      if (length > LONGEST_GREETING) return fail('greeted without end');
      clearTimeout(settled);
      settled = setTimeout(() => {
        clearTimeout(limit);
        resolve(Buffer.concat(parts));
      }, SETTLED);
    });
    mux.on('error', (error) => fail(`broke its connection: ${messageOf(error)}`));
    qemu.qmp.onEvent((event) => {
      // KVM stops a guest it cannot run; waiting for the limit would tell no more.
      if (event.name === 'STOP' || event.name === 'GUEST_PANICKED')
        fail(`was stopped by QEMU (${event.name})`);
    });
    void qemu.exited.then((exit) =>
      fail(`ended before it was ready${exit.message === '' ? '' : ` (${exit.message})`}`),
    );
  });
}

/** The console is the guest's: only printable characters of it reach a message. */
function lastLines(file: string): string {
  try {
    const lines = readFileSync(file, 'utf8').trim().split('\n').slice(-3).join(' | ');
    return lines.replace(/[^\x20-\x7e]/g, '').slice(-400);
  } catch {
    return ''; // it never wrote one
  }
}

function bootFailed(message: string): SandboxError {
  return new SandboxError({
    kind: 'environment',
    code: 'ENGINE_BOOT',
    message,
    hint: 'run `agent-sandbox doctor`',
  });
}
