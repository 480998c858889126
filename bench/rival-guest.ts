// The rivals' guest: the distribution's generic kernel with a small initramfs that mounts the host's root and one share.
// Packages are fetched into the bench's cache and never installed.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { packCpio } from '../src/engine/cpio.ts';
import type { CpioEntry } from '../src/engine/cpio.ts';
import { resolveModules } from '../src/engine/modules.ts';
import { must } from './program.ts';

export interface RivalGuest {
  kernel: string;
  initrd: string;
  /** package and version */
  package: string;
}

const MODULES = [
  'virtio_ring',
  'virtio',
  'virtio_pci_modern_dev',
  'virtio_pci_legacy_dev',
  'virtio_pci',
  '9pnet_virtio',
  '9p',
  'virtiofs',
];

/** Fetches and unpacks the kernel and busybox once; throws with a reason where that cannot be done. */
export async function prepareRivalGuest(cache: string): Promise<RivalGuest> {
  if (process.arch !== 'x64') throw new Error('the rival guests are written for x86-64');
  const kernelPackage = dependencyOf('linux-image-amd64');
  const folder = join(cache, kernelPackage);
  if (!existsSync(join(folder, 'complete')))
    fetchPackages(folder, [kernelPackage, 'busybox-static']);
  const release = readdirSync(join(folder, 'lib/modules'))[0] ?? '';
  const modules = await resolveModules(join(folder, 'lib/modules', release), MODULES);
  const initrd = packCpio([
    ...['dev', 'proc', 'sys', 'bin', 'modules', 'root', 'etc'].map((path): CpioEntry => ({
      path,
      kind: 'directory',
    })),
    { path: 'dev/console', kind: 'character', mode: 0o600, major: 5, minor: 1 },
    {
      path: 'bin/busybox',
      kind: 'file',
      mode: 0o755,
      content: readFileSync(join(folder, 'bin/busybox')),
    },
    {
      path: 'init',
      kind: 'file',
      mode: 0o755,
      content: readFileSync(join(import.meta.dirname, 'rival-init.sh')),
    },
    {
      path: 'etc/order',
      kind: 'file',
      mode: 0o644,
      content: Buffer.from(modules.map(({ name }) => `${name}\n`).join('')),
    },
    ...modules.map(({ name, content }): CpioEntry => ({
      path: `modules/${name}.ko`,
      kind: 'file',
      mode: 0o644,
      content,
    })),
  ]);
  const file = join(
    cache,
    `rival-${createHash('sha256').update(initrd).digest('hex').slice(0, 12)}.cpio`,
  );
  if (!existsSync(file)) writeFileSync(file, initrd);
  return { kernel: join(folder, `boot/vmlinuz-${release}`), initrd: file, package: kernelPackage };
}

/** The package that a package without content stands for. */
function dependencyOf(name: string): string {
  const text = must('apt-cache', ['depends', name]);
  const found = /Depends: (linux-image-\S+)/.exec(text)?.[1];
  if (found === undefined)
    throw new Error(`${name} is not among this machine's packages (apt-get update may help)`);
  return found;
}

function fetchPackages(folder: string, names: string[]): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  must('apt-get', ['download', '-o', 'APT::Sandbox::User=root', ...names], { cwd: folder });
  for (const name of readdirSync(folder))
    if (name.endsWith('.deb')) must('dpkg', ['-x', name, '.'], { cwd: folder });
  writeFileSync(join(folder, 'complete'), '');
}
