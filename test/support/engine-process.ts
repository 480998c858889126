// Starts engine-owner.ts as a process of its own, bundled as the program is.

import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Jail } from '../../src/engine/engine.ts';

export interface Report {
  pid: number;
  machine: number;
  qemu: number;
  restored: boolean;
  jail: Jail;
  notices: string[];
  progress: string[];
}

export interface Owner {
  child: ChildProcess;
  report: Promise<Report>;
  /** ends the machine and the process in good order */
  end: () => Promise<void>;
}

/** The bundle lies in the package, so that it finds the package's own files. */
export async function bundleOwner(): Promise<{ file: string; remove: () => void }> {
  const coverage = fileURLToPath(new URL('../../coverage', import.meta.url));
  mkdirSync(coverage, { recursive: true });
  const folder = mkdtempSync(join(coverage, 'owner-'));
  const file = join(folder, 'owner.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('./engine-owner.ts', import.meta.url))],
    define: {
      'import.meta.url': JSON.stringify(new URL('./engine-owner.ts', import.meta.url).href),
    },
    outfile: file,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
  });
  chmodSync(folder, 0o755);
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export interface OwnerOptions {
  /** a command that runs the process as somebody else */
  prefix?: string[];
  /** where it looks for programs */
  search?: string[];
}

export function startOwner(
  file: string,
  cache: string,
  way: 'cold' | 'warm',
  options: OwnerOptions = {},
): Owner {
  const { prefix = [], search } = options;
  const words = [...prefix, process.execPath, file, cache, way];
  const [program, ...args] = search === undefined ? words : [...words, JSON.stringify(search)];
  const child = spawn(program ?? '', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let told = '';
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const report = new Promise<Report>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      told += chunk.toString();
      if (told.includes('\n')) resolve(JSON.parse(told) as Report);
    });
    child.once('exit', (code, signal) =>
      reject(new Error(`the owner ended (${code ?? signal}): ${errors}`)),
    );
  });
  report.catch(() => undefined);
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.stdin.write('end');
    await ended;
  };
  return { child, report, end };
}
