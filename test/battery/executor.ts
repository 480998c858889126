// Something that runs snippets: a session of the sandbox, or the same machine without one.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import type { LogRecord } from '../../src/log/record.ts';
import type { Principal } from './case.ts';

export interface RunOutput {
  /** null: ended by a signal or by the time limit */
  code: number | null;
  out: string;
  err: string;
}

export interface Executor {
  /** the workspace as the host sees it */
  workspace: string;
  /** prefix of the host's paths, as this run could reach them */
  hostRoot: string;
  run(argv: readonly string[], principal: Principal): Promise<RunOutput>;
  /** records written since the last call */
  takeRecords(): LogRecord[];
  isAlive(): boolean;
  close(): Promise<void>;
}

export interface ProgramOptions {
  environment: Record<string, string>;
  directory?: string;
  /** `ms` after which it is killed */
  limit?: number;
  input?: string;
}

const MAX_OUTPUT = 4 << 20;

/** Runs a program to its end, never longer than its limit. */
export async function runProgram(
  program: string,
  argv: readonly string[],
  options: ProgramOptions,
): Promise<RunOutput> {
  const child = spawn(program, argv, {
    cwd: options.directory,
    env: options.environment,
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: options.limit ?? 120_000,
    killSignal: 'SIGKILL',
  });
  let out = '';
  let err = '';
  child.stdout
    .setEncoding('utf8')
    .on('data', (text: string) => (out = (out + text).slice(0, MAX_OUTPUT)));
  child.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => (err = (err + text).slice(0, MAX_OUTPUT)));
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}
