// Other programs, run to their end.

import { spawnSync } from 'node:child_process';
import type { SpawnSyncOptions } from 'node:child_process';

/** Standard output of a program; throws with its last words unless it exits with 0. */
export function must(program: string, args: string[], options: SpawnSyncOptions = {}): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    ...options,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error) throw new Error(`${program} could not be started: ${error.message}`);
  if (status !== 0)
    throw new Error(
      `${program} ${args.join(' ')}: ${stderr.trim().split('\n').at(-1) ?? `exit ${status}`}`,
    );
  return stdout;
}
