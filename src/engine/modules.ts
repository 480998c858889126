// Finds kernel modules and what they depend on in an unpacked kernel package.
// The packages carry no modules.dep (depmod writes it at installation), so each module's own `depends=` is read.

import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { SandboxError } from '../model/error.ts';
import { findProgram, runProgram } from './program.ts';

export interface KernelModule {
  /** as the kernel calls it, with underscores */
  name: string;
  /** uncompressed ELF */
  content: Buffer;
}

/** What a guest needs, in the order it must be loaded; anything a kernel has built in is left out. */
export const GUEST_MODULES: readonly string[] = [
  'virtio_ring',
  'virtio',
  'virtio_mmio',
  'virtio_pci_modern_dev',
  'virtio_pci_legacy_dev',
  'virtio_pci',
  'virtio_console',
  'fuse',
  'overlay',
];

/** Names a kernel may lack altogether: it has the same thing under another name, or none for this processor. */
const OPTIONAL = new Set(['virtio_pci_modern_dev', 'virtio_pci_legacy_dev', 'virtio_mmio']);

const SUFFIX = /\.ko(\.xz|\.zst|\.gz)?$/;

/** The modules of `names` and all they depend on, dependencies first. `folder` is `lib/modules/RELEASE`. */
export async function resolveModules(
  folder: string,
  names: readonly string[],
): Promise<KernelModule[]> {
  const files = indexModules(folder);
  const builtin = builtinModules(folder);
  const loaded = new Map<string, KernelModule>();
  const open = new Set<string>();

  const visit = async (name: string): Promise<void> => {
    if (loaded.has(name) || builtin.has(name) || open.has(name)) return;
    const file = files.get(name);
    if (file === undefined) {
      if (OPTIONAL.has(name)) return;
      throw new SandboxError({
        kind: 'environment',
        code: 'ENGINE_NO_MODULE',
        message: `the kernel in ${folder} has no module ${name}, which a guest needs`,
        hint: 'use the kernel package that `agent-sandbox setup` chooses',
      });
    }
    open.add(name);
    const content = await readModule(file);
    for (const dependency of dependenciesOf(content)) await visit(dependency);
    loaded.set(name, { name, content });
  };
  for (const name of names) await visit(name);
  return [...loaded.values()];
}

function indexModules(folder: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const entry of readdirSync(join(folder, 'kernel'), { recursive: true, encoding: 'utf8' })) {
    if (SUFFIX.test(entry)) files.set(nameOf(entry), join(folder, 'kernel', entry));
  }
  return files;
}

function builtinModules(folder: string): Set<string> {
  const text = readFileSync(join(folder, 'modules.builtin'), 'utf8');
  return new Set(text.split('\n').filter(Boolean).map(nameOf));
}

function nameOf(path: string): string {
  return basename(path).replace(SUFFIX, '').replaceAll('-', '_');
}

function dependenciesOf(content: Buffer): string[] {
  const start = content.indexOf('\0depends=');
  if (start < 0) return [];
  const end = content.indexOf(0, start + 1);
  const list = content.toString('latin1', start + '\0depends='.length, end);
  return list.split(',').filter(Boolean).map(nameOf);
}

async function readModule(file: string): Promise<Buffer> {
  const compression = SUFFIX.exec(file)?.[1];
  if (compression === undefined) return readFileSync(file);
  const name = { '.xz': 'xz', '.zst': 'zstd', '.gz': 'gzip' }[compression] ?? 'xz';
  const program = findProgram(name);
  if (program === undefined) {
    throw new SandboxError({
      kind: 'environment',
      code: 'ENGINE_NO_DECOMPRESSOR',
      message: `the kernel's modules are packed with ${name}, which is not installed`,
      hint: `install the package ${name === 'xz' ? 'xz-utils' : name}`,
    });
  }
  const result = await runProgram(program, ['-dc', file], { timeout: 30_000 });
  if (result.code !== 0) {
    throw new SandboxError({
      kind: 'environment',
      code: 'ENGINE_NO_DECOMPRESSOR',
      message: `${program} could not unpack ${file}: ${result.stderr.trim()}`,
    });
  }
  return result.stdout;
}
