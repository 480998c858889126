// What the runner lacks for a sandbox, installed before the step: by the program's own `setup`, with its output behind the fence.

import { arch } from 'node:process';

import { findProgram } from '../engine/program.ts';
import { hostEnvironment, type Launch, runProgram } from './launch.ts';

/** True where the emulator is not there, in a place where the engine looks for it: a runner that has it is ready, or becomes so by itself. */
export function lacksEmulator(): boolean {
  return findProgram(`qemu-system-${arch === 'arm64' ? 'aarch64' : 'x86_64'}`) === undefined;
}

/** The exit code of `setup`. */
export function prepareRunner(
  order: Pick<Launch, 'program' | 'environment' | 'write' | 'drained' | 'directory'>,
): Promise<number> {
  return runProgram(order, ['setup', '--yes'], hostEnvironment(order.environment, '')).exited;
}
