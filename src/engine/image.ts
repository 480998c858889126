// Makes the bootable guest: the distribution's kernel, and a first root with our init and the modules it loads.

import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../model/error.ts';
import { type CpioEntry, packCpio } from './cpio.ts';
import type { Architecture, Image, Progress } from './engine.ts';
import { type Sealed, checkSeal, hashBytes, sealFile } from './fingerprint.ts';
import { type Binary, prepareInit } from './compile.ts';
import { type Kernel, prepareKernel } from './kernel.ts';
import { openCache, placeFolder, readManifest, stageFolder, writeManifest } from './store.ts';

export interface ImageOptions {
  cache: string;
  onProgress?: Progress;
  search?: readonly string[];
  /** folder of the init's C sources; the package's own when absent */
  guest?: string;
}

const INITRD = 'initrd';
const STUB = 'stub';

interface Manifest {
  version: 1;
  initrd: Sealed;
  stub: Sealed;
}

/** Part of every key: raise it when the layout of the first root changes. */
const LAYOUT = 'layout 2';

/** What QEMU reads of a kernel before it decides how to load it; the rest of a stub is never looked at. */
const STUB_REST = 4096;

/**
 * The image for this machine, made now where it is missing. The first root holds `/init`, `/dev/console`, the modules
 * as `/m/NAME.ko`, and their names in loading order, one a line, in `/m/order`.
 */
export async function prepareImage(options: ImageOptions): Promise<Image> {
  openCache(options.cache);
  const architecture = hostArchitecture();
  const kernel = await prepareKernel({ ...options, architecture });
  const init = await prepareInit(options);
  const key = keyOf(kernel, init);
  const folder = join(options.cache, 'images', key);
  if (!(await isWhole(folder))) {
    options.onProgress?.('packing the guest image');
    await packImage(folder, kernel, init);
  }
  return {
    key,
    architecture,
    release: kernel.release,
    kernel: kernel.image.file,
    initrd: join(folder, INITRD),
    stub: join(folder, STUB),
  };
}

async function isWhole(folder: string): Promise<boolean> {
  const manifest = readManifest(folder) as Manifest | undefined;
  if (manifest?.version !== 1) return false;
  for (const [name, sealed] of [
    [INITRD, manifest.initrd],
    [STUB, manifest.stub],
  ] as const) {
    if (typeof sealed?.sha256 !== 'string') return false;
    if (!(await checkSeal(join(folder, name), sealed))) return false;
  }
  return true;
}

export function hostArchitecture(): Architecture {
  if (process.arch === 'x64') return 'x86_64';
  if (process.arch === 'arm64') return 'aarch64';
  throw new SandboxError({
    kind: 'environment',
    code: 'ENGINE_ARCHITECTURE',
    message: `guests are built for x86-64 and arm64, and this machine is ${process.arch}`,
  });
}

function keyOf(kernel: Kernel, init: Binary): string {
  const modules = kernel.modules.map((module) => `${module.name} ${module.sha256}`);
  const parts = [LAYOUT, kernel.image.sha256, ...modules, init.sha256];
  return hashBytes(Buffer.from(parts.join('\n'))).slice(0, 24);
}

async function packImage(folder: string, kernel: Kernel, init: Binary): Promise<void> {
  const staged = stageFolder(folder);
  try {
    writeFileSync(join(staged, INITRD), packCpio(firstRoot(kernel, init)));
    writeFileSync(join(staged, STUB), stubOf(readFileSync(kernel.image.file), kernel.architecture));
    // Readable for the user a jailed QEMU may run as; the folders of the cache are closed to others.
    for (const name of [INITRD, STUB]) chmodSync(join(staged, name), 0o444);
    const manifest: Manifest = {
      version: 1,
      initrd: await sealFile(join(staged, INITRD)),
      stub: await sealFile(join(staged, STUB)),
    };
    writeManifest(staged, manifest);
    placeFolder(staged, folder);
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}

/**
 * A restored guest has its kernel in memory already, but QEMU insists on reading the file it was booted from. On x86 it
 * is content with the head, which saves it copying fourteen megabytes at each start.
 */
function stubOf(kernel: Buffer, architecture: Architecture): Buffer {
  if (architecture !== 'x86_64') return kernel;
  // Linux/x86 boot protocol: the count of 512-byte sectors after the first, 0 meaning 4.
  const sectors = (kernel[0x1f1] ?? 0) || 4;
  return kernel.subarray(0, (sectors + 1) * 512 + STUB_REST);
}

function firstRoot(kernel: Kernel, init: Binary): CpioEntry[] {
  const order = kernel.modules.map((module) => `${module.name}\n`).join('');
  return [
    { path: 'dev', kind: 'directory' },
    { path: 'dev/console', kind: 'character', mode: 0o600, major: 5, minor: 1 },
    { path: 'proc', kind: 'directory' },
    { path: 'sys', kind: 'directory' },
    { path: 'm', kind: 'directory' },
    { path: 'm/order', kind: 'file', mode: 0o400, content: Buffer.from(order) },
    ...kernel.modules.map((module): CpioEntry => {
      return {
        path: `m/${module.name}.ko`,
        kind: 'file',
        mode: 0o400,
        content: readFileSync(module.file),
      };
    }),
    { path: 'init', kind: 'file', mode: 0o700, content: readFileSync(init.file) },
  ];
}
