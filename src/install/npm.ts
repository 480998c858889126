// Packages of npm, installed without running anything of theirs.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { isAbsolute, join, normalize } from 'node:path';

import { messageOf } from '../model/error.ts';
import { installFault as fault } from './installed.ts';
import type { Installed, InstallOptions } from './installed.ts';
import type { PackageSpec } from './package-spec.ts';
import { lastWords, runManager } from './run.ts';
import { placeOf, store } from './store.ts';
import { digestOfTree, type PackageTree, type TreePart } from './tree.ts';

/** as npm writes it in `package-lock.json` */
interface LockEntry {
  version?: string;
  integrity?: string;
  link?: boolean;
  name?: string;
}

const FLAGS = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier'];

export async function installNpm(
  { name, version }: PackageSpec,
  options: InstallOptions,
): Promise<Installed> {
  const { packages, locked, onProgress } = options;
  const known = locked === undefined ? undefined : placeOf(packages, locked);
  if (known !== undefined && locked !== undefined && existsSync(known))
    return { directory: known, command: programOf(known, name), environment: {}, tree: locked };
  onProgress(`installing ${name} ${version}`);
  const { directory, tree } = await store(packages, async (part) => {
    write(part, 'package.json', { private: true, dependencies: { [name]: version } });
    if (locked !== undefined) write(part, 'package-lock.json', lockFileOf(locked));
    const verb = locked === undefined ? 'install' : 'ci';
    const result = await runManager('npm', [verb, ...FLAGS], { ...options, directory: part });
    if (result.code !== 0)
      throw fault('FAILED', `npm could not install ${name}@${version}:\n${lastWords(result)}`);
    const found = readTree(part, name, version);
    if (locked !== undefined && digestOfTree(found) !== digestOfTree(locked))
      throw fault('DIFFERS', `what npm installed for ${name}@${version} is not what is locked`);
    programOf(part, name);
    return found;
  });
  return { directory, command: programOf(directory, name), environment: {}, tree };
}

/** Every part comes from a registry, with its digest; all else is refused. */
function readTree(directory: string, name: string, version: string): PackageTree {
  const text = readFileSync(join(directory, 'package-lock.json'), 'utf8');
  const { packages } = JSON.parse(text) as { packages: Record<string, LockEntry> };
  const parts = Object.entries(packages)
    .filter(([path]) => path !== '')
    .map(([path, entry]): TreePart => {
      const { integrity, version: own } = entry;
      if (integrity === undefined || own === undefined || entry.link === true)
        throw fault('NO_DIGEST', `${path} of ${name}@${version} comes without a digest`);
      const plain = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      return { path, name: entry.name ?? plain, version: own, integrity };
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  return { manager: 'npm', name, version, parts };
}

/** Enough of a lock file for `npm ci`, which checks each digest and looks the addresses up by itself. */
function lockFileOf({ name, version, parts }: PackageTree): unknown {
  const entries = parts.map(({ path, name: own, version: at, integrity }): [string, unknown] => [
    path,
    { ...(path.endsWith(`node_modules/${own}`) ? {} : { name: own }), version: at, integrity },
  ]);
  const root = { dependencies: { [name]: version } };
  return {
    lockfileVersion: 3,
    requires: true,
    packages: { '': root, ...Object.fromEntries(entries) },
  };
}

/** The one program of a package; of several the one that is called as the package is. */
function programOf(directory: string, name: string): string[] {
  const home = join(directory, 'node_modules', name);
  const bin = readManifest(home).bin;
  const own = name.slice(name.lastIndexOf('/') + 1);
  const programs = typeof bin === 'string' ? { [own]: bin } : bin;
  const entries = Object.entries(programs ?? {});
  const file = entries.length === 1 ? entries[0]?.[1] : programs?.[own];
  if (typeof file !== 'string' || isAbsolute(file) || normalize(file).startsWith('..'))
    throw fault('NO_PROGRAM', `${name} has no program of its own to run`);
  return ['node', join(home, file)];
}

function readManifest(home: string): { bin?: string | Record<string, string> } {
  try {
    return JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { bin?: string };
  } catch (error) {
    throw fault('NO_PROGRAM', `the package in ${home} cannot be read: ${messageOf(error)}`);
  }
}

function write(directory: string, name: string, value: unknown): void {
  writeFileSync(join(directory, name), `${JSON.stringify(value, null, 2)}\n`);
}
