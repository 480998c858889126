// One process of a step: its lines as they come, and its end, with the runner's way to cancel (ProcessInvoker.cs).

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

import { createLineSplitter } from './lines.ts';
import { killTree } from './orphans.ts';

export interface Timing {
  /** milliseconds from SIGINT to SIGTERM */
  interrupt: number;
  /** and from there to SIGKILL of it and all below it */
  terminate: number;
  /** that streams are waited for after the process has ended, while a child of it holds them open */
  streams: number;
}

export const RUNNER_TIMING: Timing = { interrupt: 7_500, terminate: 2_500, streams: 5_000 };

export interface ProcessOptions {
  file: string;
  args: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  onLine: (line: string) => void;
  signal: AbortSignal;
  timing: Timing;
}

/** Exit code; of a process that a signal ended 128 and its number. Throws where it cannot be started. */
export async function runProcess(options: ProcessOptions): Promise<number> {
  const { file, args, cwd, env, onLine, signal, timing } = options;
  const child = spawn(file, args, { cwd, env, stdio: 'pipe' });
  // Nothing is asked of a person: stdin ends at once.
  child.stdin.on('error', () => undefined);
  child.stdin.end();
  const streams = [child.stdout, child.stderr].map(async (stream) => {
    const splitter = createLineSplitter(onLine);
    stream.on('data', (bytes: Buffer) => splitter.write(bytes));
    await once(stream, 'close');
    splitter.end();
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', (error) => reject(startFault(file, cwd, error)));
    child.once('exit', (code, name) => resolve(code ?? 128 + signalNumber(name)));
  });
  const stopCancelling = cancelWith(child, signal, timing);
  try {
    const code = await ended;
    const closed = Promise.all(streams);
    const timer = setTimeout(() => {
      child.stdout.destroy();
      child.stderr.destroy();
    }, timing.streams);
    await closed;
    clearTimeout(timer);
    return code;
  } finally {
    stopCancelling();
  }
}

function cancelWith(child: ChildProcess, signal: AbortSignal, timing: Timing): () => void {
  const timers: NodeJS.Timeout[] = [];
  const begin = (): void => {
    child.kill('SIGINT');
    timers.push(
      setTimeout(() => child.kill('SIGTERM'), timing.interrupt),
      setTimeout(() => {
        if (child.pid !== undefined) killTree(child.pid);
      }, timing.interrupt + timing.terminate),
    );
  };
  if (signal.aborted) begin();
  else signal.addEventListener('abort', begin, { once: true });
  return () => {
    signal.removeEventListener('abort', begin);
    timers.forEach(clearTimeout);
  };
}

const NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

function signalNumber(name: string | null): number {
  return NUMBERS[name ?? ''] ?? 1;
}

function startFault(file: string, cwd: string, cause: Error): Error {
  return new Error(
    `An error occurred trying to start process '${file}' with working directory '${cwd}'. ${cause.message}`,
    { cause },
  );
}
