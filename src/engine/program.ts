// Finds and runs the programs the engine needs. Invariant: a program gets arguments as an array and a small, fixed
// environment; nothing of the caller's environment reaches it unless it is handed over by name.

import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxError, messageOf } from '../model/error.ts';

export const USUAL_PLACES: readonly string[] = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
  '/opt/homebrew/bin',
];

/** Standard error of a program is kept up to this length, for messages. */
const KEPT_OUTPUT = 64 * 1024;

export interface RunOptions {
  timeout: number;
  cwd?: string;
  env?: Record<string, string>;
  /** receives each line of both outputs */
  onLine?: (line: string) => void;
  /** most bytes of standard output that are kept */
  limit?: number;
}

export interface RunResult {
  code: number | null;
  stdout: Buffer;
  stderr: string;
}

export function findProgram(
  name: string,
  search: readonly string[] = USUAL_PLACES,
): string | undefined {
  for (const directory of search) {
    const file = join(directory, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {
      // absent here: look in the next place
    }
  }
  return undefined;
}

/** Runs a program to its end. Throws only when it cannot be started or takes too long. */
export function runProgram(
  file: string,
  args: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: USUAL_PLACES.join(':'), LC_ALL: 'C.UTF-8', ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const stdout: Buffer[] = [];
    let kept = 0;
    let stderr = '';
    const limit = options.limit ?? 16 * 1024 * 1024;
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(failure(file, `did not end within ${options.timeout / 1000} s`));
    }, options.timeout);
    child.stdout.on('data', (chunk: Buffer) => {
      kept += chunk.length;
      if (kept <= limit) stdout.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-KEPT_OUTPUT);
    });
    if (options.onLine) {
      forEachLine(child.stdout, options.onLine);
      forEachLine(child.stderr, options.onLine);
    }
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(failure(file, `cannot be started: ${messageOf(error)}`));
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      if (kept > limit) reject(failure(file, `wrote more than ${limit} bytes`));
      else resolve({ code, stdout: Buffer.concat(stdout), stderr });
    });
  });
}

function forEachLine(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = (lines.pop() ?? '').slice(-KEPT_OUTPUT);
    for (const line of lines) if (line.trim() !== '') onLine(line);
  });
}

function failure(file: string, what: string): SandboxError {
  return new SandboxError({
    kind: 'environment',
    code: 'ENGINE_PROGRAM',
    message: `${file} ${what}`,
  });
}
