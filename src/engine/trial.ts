// Starts a machine the way a session does, waits for its greeting, and ends it: the proof that all parts fit.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../model/error.ts';
import type { Machine, MachineOptions } from './engine.ts';
import { listen } from './listening.ts';
import { startMachine } from './machine.ts';
import { createTemporaryFolder } from './sweep.ts';

export interface Trial {
  machine: Machine;
  /** from the call to the greeting */
  milliseconds: number;
}

const GREETING_LIMIT = 60_000;

export async function tryMachine(
  options: Omit<MachineOptions, 'sockets' | 'console'>,
): Promise<Trial> {
  const directory = createTemporaryFolder();
  const begun = performance.now();
  const mux = await listen(join(directory, 'mux'));
  const fs = await listen(join(directory, 'fs'));
  try {
    const machine = await startMachine({
      ...options,
      sockets: { directory, mux: mux.path, fs: fs.path },
      console: join(directory, 'console.log'),
    });
    try {
      const connection = await mux.accepted;
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(silent()), GREETING_LIMIT);
        connection.once('data', () => {
          clearTimeout(timer);
          resolve();
        });
      });
      return { machine, milliseconds: Math.round(performance.now() - begun) };
    } finally {
      await machine.kill();
      machine.window?.close();
    }
  } finally {
    mux.close();
    fs.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

function silent(): SandboxError {
  return new SandboxError({
    kind: 'environment',
    code: 'ENGINE_BOOT',
    message: `the guest said nothing within ${GREETING_LIMIT / 1000} s`,
    hint: 'run `agent-sandbox doctor`',
  });
}
