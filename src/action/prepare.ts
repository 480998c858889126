// What the runner lacks for a sandbox, installed before the step: by the program's own `setup`, with its output behind the fence.

import { accessSync, constants } from 'node:fs';
import { arch } from 'node:process';
import { delimiter, join } from 'node:path';

import type { Launch } from './launch.ts';
import { runProgram } from './launch.ts';

/** True where the emulator is not there: a runner that has it is ready, or becomes so by itself. */
export function lacksEmulator(path: string | undefined): boolean {
  const name = `qemu-system-${arch === 'arm64' ? 'aarch64' : 'x86_64'}`;
  return !(path ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The exit code of `setup`. */
export function prepareRunner(
  order: Pick<Launch, 'program' | 'environment' | 'write' | 'drained' | 'directory'>,
): Promise<number> {
  return runProgram(order, ['setup', '--yes'], { ...order.environment }).exited;
}
