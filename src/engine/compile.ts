// Compiles the few C programs of the package on this machine, once per content, flags and compiler.

import { chmodSync, copyFileSync, readFileSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../model/error.ts';
import type { Progress } from './engine.ts';
import {
  type Fingerprint,
  type Sealed,
  checkSeal,
  fingerprintOf,
  hashBytes,
  isSame,
  sealFile,
} from './fingerprint.ts';
import { guestSources, nativeSources } from './package.ts';
import { withLock } from './lock.ts';
import { findProgram, runProgram } from './program.ts';
import { placeFolder, readManifest, stageFolder, writeManifest } from './store.ts';

export interface Binary {
  file: string;
  sha256: string;
}

export interface CompileOptions {
  cache: string;
  search?: readonly string[];
  onProgress?: Progress;
}

interface Recipe {
  /** file name of the result */
  name: string;
  what: string;
  folder: string;
  /** file names in `folder`, headers included */
  sources: string[];
  flags: readonly string[];
}

interface Manifest {
  version: 1;
  binary: Sealed;
  compiler: Fingerprint;
}

const STRICT: readonly string[] = ['-O2', '-Wall', '-Werror'];

/** The guest's first program; `guest` is a folder of C sources, the package's own when absent. */
export function prepareInit(options: CompileOptions & { guest?: string }): Promise<Binary> {
  const folder = options.guest ?? guestSources();
  const sources = readdirSync(folder).filter((name) => /\.[ch]$/.test(name));
  const recipe = {
    name: 'init',
    what: 'the guest init',
    folder,
    sources: sources.sort(),
    flags: ['-static', ...STRICT],
  };
  return prepareBinary(options, recipe);
}

/** The library that keeps an old QEMU from opening guest memory for writing. */
export function prepareMemoryShim(options: CompileOptions): Promise<Binary> {
  const flags = [...STRICT, '-fPIC', '-shared'];
  const sources = ['memory.c'];
  return prepareBinary(options, {
    name: 'memory.so',
    what: 'the memory shim',
    folder: nativeSources(),
    sources,
    flags,
  });
}

/** The program that measures the time stamp counter. */
export function prepareClock(options: CompileOptions): Promise<Binary> {
  const sources = ['clock.c'];
  return prepareBinary(options, {
    name: 'clock',
    what: 'the clock',
    folder: nativeSources(),
    sources,
    flags: STRICT,
  });
}

async function prepareBinary(options: CompileOptions, recipe: Recipe): Promise<Binary> {
  const folder = join(options.cache, 'compiled', `${recipe.name}-${sourceKey(recipe)}`);
  const compiler = findProgram('cc', options.search) ?? findProgram('gcc', options.search);
  const present = compiler === undefined ? undefined : fingerprintOf(realpathSync(compiler));
  const ready = await cachedBinary(folder, recipe.name, present);
  if (ready) return ready;
  if (compiler === undefined || present === undefined) {
    throw new SandboxError({
      kind: 'environment',
      code: 'ENGINE_NO_COMPILER',
      message: `${recipe.what} has to be compiled once, and this machine has no C compiler`,
      hint: 'run `agent-sandbox setup`, which installs gcc and libc6-dev',
    });
  }
  return withLock(
    `${folder}.lock`,
    () => undefined,
    async () => {
      const meanwhile = await cachedBinary(folder, recipe.name, present);
      if (meanwhile) return meanwhile;
      options.onProgress?.(`compiling ${recipe.what}`);
      return buildBinary(folder, recipe, compiler, present);
    },
  );
}

async function buildBinary(
  folder: string,
  recipe: Recipe,
  compiler: string,
  present: Fingerprint,
): Promise<Binary> {
  const staged = stageFolder(folder);
  try {
    await compile(compiler, recipe, staged);
    const manifest: Manifest = {
      version: 1,
      binary: await sealFile(join(staged, recipe.name)),
      compiler: present,
    };
    writeManifest(staged, manifest);
    placeFolder(staged, folder);
    return { file: join(folder, recipe.name), sha256: manifest.binary.sha256 };
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}

/** Without a compiler the result of an earlier one is as good: its sources are the same. */
async function cachedBinary(
  folder: string,
  name: string,
  compiler: Fingerprint | undefined,
): Promise<Binary | undefined> {
  const manifest = readManifest(folder) as Manifest | undefined;
  if (manifest?.version !== 1 || typeof manifest.binary?.sha256 !== 'string') return undefined;
  if (compiler !== undefined && !isSame(compiler, manifest.compiler)) return undefined;
  const file = join(folder, name);
  if (!(await checkSeal(file, manifest.binary))) return undefined;
  return { file, sha256: manifest.binary.sha256 };
}

function sourceKey(recipe: Recipe): string {
  const parts = recipe.sources.map(
    (name) => `${name} ${hashBytes(readFileSync(join(recipe.folder, name)))}\n`,
  );
  return hashBytes(Buffer.from(`${recipe.flags.join(' ')}\n${parts.join('')}`)).slice(0, 24);
}

async function compile(compiler: string, recipe: Recipe, staged: string): Promise<void> {
  // Compiled from a copy: a source that is edited meanwhile cannot end up under the key of its earlier text.
  for (const name of recipe.sources) copyFileSync(join(recipe.folder, name), join(staged, name));
  const units = recipe.sources.filter((name) => name.endsWith('.c'));
  const args = [...recipe.flags, '-o', recipe.name, ...units];
  const result = await runProgram(compiler, args, { timeout: 120_000, cwd: staged });
  if (result.code !== 0) {
    throw new SandboxError({
      kind: 'environment',
      code: 'ENGINE_COMPILE_FAILED',
      message: `${compiler} could not compile ${recipe.what}:\n${result.stderr.trim()}`,
      hint: 'the C library for static programs is needed: the package libc6-dev on Debian and Ubuntu',
    });
  }
  chmodSync(join(staged, recipe.name), 0o555);
  for (const name of recipe.sources) rmSync(join(staged, name));
}
