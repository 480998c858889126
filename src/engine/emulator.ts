// The QEMU of this machine: which binary, which version, which libraries it loads.
// Asked once and remembered by the binary's fingerprint, since the answers cost more than a whole restore.

import { readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SandboxError } from '../model/error.ts';
import type { Architecture } from './engine.ts';
import { type Fingerprint, fingerprintOf, isSame } from './fingerprint.ts';
import { findProgram, runProgram } from './program.ts';
import { openCache } from './store.ts';

export interface Emulator {
  file: string;
  version: string;
  fingerprint: Fingerprint;
  /** folders of its shared libraries and of the loader, real paths */
  libraries: string[];
  /** QEMU can open a memory file for reading and still give the guest a private, writable copy */
  readOnlyMemory: boolean;
}

export interface EmulatorOptions {
  cache: string;
  architecture: Architecture;
  search?: readonly string[];
}

export async function findEmulator(options: EmulatorOptions): Promise<Emulator> {
  const name = `qemu-system-${options.architecture}`;
  const found = findProgram(name, options.search);
  if (found === undefined) throw missing(name);
  const file = realpathSync(found);
  const fingerprint = fingerprintOf(file);
  if (!fingerprint) throw missing(name);
  const record = join(options.cache, `emulator-${options.architecture}.json`);
  const known = readEmulator(record);
  if (known?.file === file && isSame(known.fingerprint, fingerprint)) return known;
  const emulator = await askEmulator(file, fingerprint, options.search);
  openCache(options.cache);
  writeFileSync(`${record}.${process.pid}`, JSON.stringify(emulator), { mode: 0o600 });
  renameSync(`${record}.${process.pid}`, record);
  return emulator;
}

async function askEmulator(
  file: string,
  fingerprint: Fingerprint,
  search: readonly string[] | undefined,
): Promise<Emulator> {
  const answer = await runProgram(file, ['--version'], { timeout: 20_000 });
  const version = /version (\d+)\.(\d+)[^\s]*/.exec(answer.stdout.toString());
  if (answer.code !== 0 || !version) {
    throw new SandboxError({
      kind: 'environment',
      code: 'ENGINE_NO_QEMU',
      message: `${file} does not tell its version: ${answer.stderr.trim()}`,
      hint: 'install QEMU again, for instance with `agent-sandbox setup`',
    });
  }
  const [major, minor] = [Number(version[1]), Number(version[2])];
  return {
    file,
    version: version[0].slice('version '.length),
    fingerprint,
    libraries: await librariesOf(file, search),
    readOnlyMemory: major > 8 || (major === 8 && minor >= 2),
  };
}

async function librariesOf(file: string, search: readonly string[] | undefined): Promise<string[]> {
  const ldd = findProgram('ldd', search);
  if (ldd === undefined) return [];
  const result = await runProgram(ldd, [file], { timeout: 20_000 });
  const folders = new Set<string>();
  for (const match of result.stdout.toString().matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)) {
    if (match[1] === undefined) continue;
    folders.add(dirname(match[1]));
    folders.add(dirname(realpathSync(match[1])));
  }
  return [...folders].sort();
}

function readEmulator(record: string): Emulator | undefined {
  try {
    const value = JSON.parse(readFileSync(record, 'utf8')) as Emulator;
    return Array.isArray(value.libraries) && typeof value.version === 'string' ? value : undefined;
  } catch {
    return undefined; // absent or half-written: ask again
  }
}

function missing(name: string): SandboxError {
  return new SandboxError({
    kind: 'environment',
    code: 'ENGINE_NO_QEMU',
    message: `the program ${name} was not found`,
    hint: 'run `agent-sandbox setup`, which installs QEMU',
  });
}
