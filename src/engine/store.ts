// Folders of the cache that are built once and then only read: each comes into being by a rename, whole or not at all.

import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { SandboxError, errnoOf, messageOf } from '../model/error.ts';
import { ownMark } from './process.ts';

export const MANIFEST = 'manifest.json';

/**
 * Whoever can write here decides what guests boot and what QEMU reads: the folder must be ours and nobody else's to
 * write. Made now where it is missing.
 */
export function openCache(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw unusable(folder, messageOf(error), 'name a folder you can write with XDG_CACHE_HOME');
  }
  const { uid, mode } = statSync(folder);
  const own = process.getuid?.();
  if (own !== undefined && uid !== own) {
    throw unusable(
      folder,
      `it belongs to user ${uid}`,
      'name a folder of your own with XDG_CACHE_HOME',
    );
  }
  if ((mode & 0o022) !== 0) {
    throw unusable(folder, 'others can write it', `run: chmod go-w '${folder}'`);
  }
}

function unusable(folder: string, why: string, hint: string): SandboxError {
  return new SandboxError({
    kind: 'environment',
    code: 'ENGINE_CACHE',
    message: `the cache ${folder} cannot be used: ${why}`,
    hint,
  });
}

/** Names this process in a way that outlives the reuse of its number; `sweep` goes by it. */
export function partialSuffix(): string {
  return `part-${ownMark()}-${randomBytes(4).toString('hex')}`;
}

/** A new, empty folder beside `final`, to be filled and then put into place. */
export function stageFolder(final: string): string {
  const staged = `${final}.${partialSuffix()}`;
  mkdirSync(staged, { recursive: true, mode: 0o700 });
  return staged;
}

/** Puts a filled folder into place; what stood there before is removed. */
export function placeFolder(staged: string, final: string): void {
  mkdirSync(dirname(final), { recursive: true, mode: 0o700 });
  for (;;) {
    try {
      renameSync(staged, final);
      return;
    } catch (error) {
      const code = errnoOf(error);
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    }
    discardFolder(final);
  }
}

/** Removes a folder in one step for everybody who looks for it by name. */
export function discardFolder(folder: string): void {
  const aside = `${folder}.${partialSuffix()}`;
  try {
    renameSync(folder, aside);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  rmSync(aside, { recursive: true, force: true });
}

export function writeManifest(folder: string, value: unknown): void {
  const file = join(folder, MANIFEST);
  const own = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(own, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(own, file);
}

/** The manifest's JSON; undefined when it is absent or half-written, which means: build again. */
export function readManifest(folder: string): unknown {
  const file = join(folder, MANIFEST);
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
