// This program under measurement: the built command line, run as its users run it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface SandboxRun {
  milliseconds: number;
  code: number | null;
  output: string;
  /** most memory the host process had resident, in bytes; 0 where /proc is missing */
  resident: number;
}

const LIMIT_MS = 30 * 60_000;

/** Runs `agent-sandbox run` in `workspace`. */
export async function runSandbox(options: {
  home: string;
  workspace: string;
  options?: string[];
  command: string[];
}): Promise<SandboxRun> {
  const program = join(import.meta.dirname, '../bin/agent-sandbox.js');
  const begun = performance.now();
  const child = spawn(
    process.execPath,
    [
      program,
      'run',
      '--quiet',
      '--log-dir',
      options.home,
      ...(options.options ?? []),
      '--',
      ...options.command,
    ],
    { cwd: options.workspace, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  let resident = 0;
  const watch = setInterval(() => (resident = Math.max(resident, residentBytes(child.pid))), 50);
  const limit = setTimeout(() => child.kill('SIGTERM'), LIMIT_MS);
  const [code] = (await once(child, 'close')) as [number | null];
  clearInterval(watch);
  clearTimeout(limit);
  return {
    milliseconds: performance.now() - begun,
    code,
    output: Buffer.concat(chunks).toString(),
    resident,
  };
}

function residentBytes(pid: number | undefined): number {
  try {
    const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    return 0; // it has just ended
  }
}

/** As `runSandbox`; throws with what was printed unless the command succeeded. */
export async function mustRunSandbox(
  options: Parameters<typeof runSandbox>[0],
): Promise<SandboxRun> {
  const run = await runSandbox(options);
  if (run.code !== 0)
    throw new Error(`agent-sandbox run exited with ${run.code}: ${run.output.trim().slice(-500)}`);
  return run;
}
