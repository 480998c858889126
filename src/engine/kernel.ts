// Fetches the guest's kernel from the distribution's packages, unpacked into the cache and never installed.
// Debian: the kernel that linux-image-cloud-ARCH depends on. Ubuntu: the one of linux-image-virtual with its linux-modules
// package; that way is written to the packages' specification and was never run.

import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../model/error.ts';
import type { Architecture, Progress } from './engine.ts';
import { type Sealed, checkSeal, sealFile } from './fingerprint.ts';
import { withLock } from './lock.ts';
import { GUEST_MODULES, resolveModules } from './modules.ts';
import { findProgram, runProgram } from './program.ts';
import { placeFolder, readManifest, stageFolder, writeManifest } from './store.ts';

export interface Kernel {
  package: string;
  release: string;
  architecture: Architecture;
  image: { file: string; sha256: string };
  /** in loading order */
  modules: { name: string; file: string; sha256: string }[];
}

export interface KernelOptions {
  cache: string;
  architecture: Architecture;
  search?: readonly string[];
  onProgress?: Progress;
  /** `/etc/os-release`, for tests */
  osRelease?: string;
}

interface Manifest {
  version: 1;
  package: string;
  release: string;
  architecture: Architecture;
  files: Record<string, Sealed>;
  modules: string[];
}

const IMAGE = 'vmlinuz';
const FETCH_LIMIT = 600_000;

/** The kernel in the cache; undefined when there is none, or not the one that was put there. */
export async function cachedKernel(options: KernelOptions): Promise<Kernel | undefined> {
  const folder = folderOf(options);
  const manifest = parseManifest(readManifest(folder));
  if (!manifest) return undefined;
  const files: Record<string, Sealed> = {};
  for (const [name, sealed] of Object.entries(manifest.files)) {
    const current = await checkSeal(join(folder, name), sealed);
    if (!current) return undefined;
    files[name] = current;
  }
  const isMoved = Object.entries(files).some(([name, sealed]) => sealed !== manifest.files[name]);
  if (isMoved) writeManifest(folder, { ...manifest, files });
  const sealOf = (name: string): string => manifest.files[name]?.sha256 ?? '';
  return {
    package: manifest.package,
    release: manifest.release,
    architecture: manifest.architecture,
    image: { file: join(folder, IMAGE), sha256: sealOf(IMAGE) },
    modules: manifest.modules.map((name) => ({
      name,
      file: join(folder, `${name}.ko`),
      sha256: sealOf(`${name}.ko`),
    })),
  };
}

/** The kernel in the cache, fetched now if it is not there. */
export async function prepareKernel(options: KernelOptions): Promise<Kernel> {
  const ready = await cachedKernel(options);
  if (ready) return ready;
  return withLock(
    `${folderOf(options)}.lock`,
    () => options.onProgress?.('waiting for another process that fetches the kernel'),
    async () => {
      const meanwhile = await cachedKernel(options);
      if (meanwhile) return meanwhile;
      await fetchKernel(options);
      const fetched = await cachedKernel(options);
      if (!fetched) throw broken('the kernel in the cache is not the one that was just put there');
      return fetched;
    },
  );
}

function folderOf(options: KernelOptions): string {
  return join(options.cache, 'kernels', options.architecture);
}

async function fetchKernel(options: KernelOptions): Promise<void> {
  const apt = findProgram('apt-get', options.search);
  const dpkg = findProgram('dpkg-deb', options.search);
  if (apt === undefined || dpkg === undefined) {
    throw broken(
      'a guest kernel comes from Debian or Ubuntu packages, and this system has no apt-get or dpkg-deb',
    );
  }
  const packages = await packageNames(options);
  const folder = folderOf(options);
  const staged = stageFolder(folder);
  const download = join(staged, 'download');
  try {
    mkdirSync(download);
    options.onProgress?.(`fetching the guest kernel ${packages[0] ?? ''}`);
    const fetched = await runProgram(apt, ['download', '-q', ...packages], {
      timeout: FETCH_LIMIT,
      cwd: download,
    });
    if (fetched.code !== 0)
      throw unlisted(packages.join(' '), fetched.stderr.trim().split('\n').at(-1));
    const unpacked = join(download, 'root');
    const archives = readdirSync(download).filter((name) => name.endsWith('.deb'));
    if (archives.length !== packages.length)
      throw broken(`apt-get left ${archives.length} of ${packages.length} packages`);
    for (const archive of archives) await expectSuccess(dpkg, ['-x', archive, unpacked], download);
    const manifest = await gather(unpacked, staged, packages[0] ?? '', options.architecture);
    rmSync(download, { recursive: true });
    writeManifest(staged, manifest);
    placeFolder(staged, folder);
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}

/** Copies what a guest needs out of the unpacked packages: some files of a hundred megabytes. */
async function gather(
  unpacked: string,
  into: string,
  name: string,
  architecture: Architecture,
): Promise<Manifest> {
  const image = readdirSync(join(unpacked, 'boot')).find((file) => file.startsWith('vmlinuz-'));
  if (image === undefined) throw broken(`the package ${name} holds no kernel image`);
  const release = image.slice('vmlinuz-'.length);
  copyFileSync(join(unpacked, 'boot', image), join(into, IMAGE));
  chmodSync(join(into, IMAGE), 0o444);
  const library = readdirSync(unpacked).includes('lib') ? 'lib' : 'usr/lib';
  const modules = await resolveModules(join(unpacked, library, 'modules', release), GUEST_MODULES);
  for (const module of modules) writeFileSync(join(into, `${module.name}.ko`), module.content);
  const files: Record<string, Sealed> = { [IMAGE]: await sealFile(join(into, IMAGE)) };
  for (const module of modules)
    files[`${module.name}.ko`] = await sealFile(join(into, `${module.name}.ko`));
  return {
    version: 1,
    package: name,
    release,
    architecture,
    files,
    modules: modules.map((module) => module.name),
  };
}

/** The packages to download: the kernel's own, and on Ubuntu that of its modules. */
async function packageNames(options: KernelOptions): Promise<string[]> {
  const kernel = (await dependencies(metaPackage(options), options)).find((name) =>
    /^linux-image-(unsigned-)?\d/.test(name),
  );
  if (kernel === undefined) throw unlisted(metaPackage(options));
  const modules = (await dependencies(kernel, options)).filter((name) =>
    /^linux-modules-\d/.test(name),
  );
  return [kernel, ...modules];
}

export function metaPackage(options: Pick<KernelOptions, 'architecture' | 'osRelease'>): string {
  const fields = osRelease(options.osRelease ?? '/etc/os-release');
  const names = `${fields.get('ID') ?? ''} ${fields.get('ID_LIKE') ?? ''}`.split(' ');
  if (names.includes('ubuntu')) return 'linux-image-virtual';
  if (names.includes('debian'))
    return `linux-image-cloud-${options.architecture === 'x86_64' ? 'amd64' : 'arm64'}`;
  throw broken(
    `a guest kernel comes from Debian or Ubuntu packages, and this system is "${fields.get('ID') ?? 'unknown'}"`,
  );
}

function osRelease(file: string): Map<string, string> {
  const fields = new Map<string, string>();
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return fields; // not a distribution we know
  }
  for (const line of text.split('\n')) {
    const match = /^([A-Z_]+)="?([^"]*)"?$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) fields.set(match[1], match[2]);
  }
  return fields;
}

async function dependencies(name: string, options: KernelOptions): Promise<string[]> {
  const program = findProgram('apt-cache', options.search);
  if (program === undefined) throw broken('this system has no apt-cache');
  const result = await runProgram(program, ['depends', '--important', name], { timeout: 60_000 });
  if (result.code !== 0) return [];
  return [...result.stdout.toString().matchAll(/^\s*\|?(?:Pre)?Depends: (\S+)$/gm)].map(
    (match) => match[1] ?? '',
  );
}

async function expectSuccess(program: string, args: readonly string[], cwd: string): Promise<void> {
  const result = await runProgram(program, args, { timeout: FETCH_LIMIT, cwd });
  if (result.code !== 0)
    throw broken(
      `${program} ${args[0] ?? ''} failed: ${result.stderr.trim().split('\n').at(-1) ?? ''}`,
    );
}

function broken(
  message: string,
  hint = 'run `agent-sandbox doctor` to see what is missing',
): SandboxError {
  return new SandboxError({ kind: 'environment', code: 'ENGINE_NO_KERNEL', message, hint });
}

/** Lists that were never fetched, or name a version the servers have replaced since. */
function unlisted(name: string, detail?: string): SandboxError {
  return new SandboxError({
    kind: 'environment',
    code: 'ENGINE_NO_KERNEL_IN_LISTS',
    message: `apt cannot fetch ${name}${detail === undefined ? '' : ` (${detail})`}: its package lists are missing or out of date`,
    hint: 'run `agent-sandbox setup --yes`, or `apt-get update` as root',
  });
}

function parseManifest(value: unknown): Manifest | undefined {
  const manifest = value as Manifest | undefined;
  if (manifest?.version !== 1 || !Array.isArray(manifest.modules)) return undefined;
  const names = [IMAGE, ...manifest.modules.map((name) => `${name}.ko`)];
  const complete = names.every((name) => typeof manifest.files?.[name]?.sha256 === 'string');
  return complete && typeof manifest.release === 'string' ? manifest : undefined;
}
