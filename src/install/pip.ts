// Packages of Python, as wheels: nothing of theirs runs to install them.
// https://pip.pypa.io/en/stable/reference/installation-report/

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { installFault as fault } from './installed.ts';
import type { Installed, InstallOptions } from './installed.ts';
import type { PackageSpec } from './package-spec.ts';
import { lastWords, runManager } from './run.ts';
import { placeOf, store } from './store.ts';
import { digestOfTree, type PackageTree, type TreePart } from './tree.ts';

interface Report {
  install: {
    metadata: { name: string; version: string };
    download_info: { url?: string; archive_info?: { hashes?: { sha256?: string } } };
  }[];
}

const FLAGS = [
  // Nothing of the user's own site-packages: a policy may let a guest write there.
  ...['-I', '-m', 'pip', 'install', '--no-input', '--disable-pip-version-check', '--no-compile'],
  ...['--only-binary=:all:', '--no-warn-script-location', '--progress-bar=off'],
];

export async function installPip(
  { name, version }: PackageSpec,
  options: InstallOptions,
): Promise<Installed> {
  const { packages, locked, onProgress } = options;
  const known = locked === undefined ? undefined : placeOf(packages, locked);
  if (known !== undefined && locked !== undefined && existsSync(known))
    return installed(known, name, locked);
  onProgress(`installing ${name} ${version}`);
  const { directory, tree } = await store(packages, async (part) => {
    const report = join(part, 'report.json');
    const wanted = join(part, 'requirements.txt');
    writeFileSync(wanted, locked === undefined ? `${name}==${version}\n` : requirementsOf(locked));
    const exact = locked === undefined ? [] : ['--require-hashes', '--no-deps'];
    const result = await runManager(
      'python3',
      [...FLAGS, ...exact, '--target', join(part, 'lib'), '--report', report, '-r', wanted],
      { ...options, directory: part },
    );
    if (result.code !== 0)
      throw fault('FAILED', `pip could not install ${name}==${version}:\n${lastWords(result)}`);
    const found = readTree(report, name, version);
    rmSync(report);
    if (locked !== undefined && digestOfTree(found) !== digestOfTree(locked))
      throw fault('DIFFERS', `what pip installed for ${name}==${version} is not what is locked`);
    installed(part, name, found);
    return found;
  });
  return installed(directory, name, tree);
}

/** Its program is the script that is called as the package is. */
function installed(directory: string, name: string, tree: PackageTree): Installed {
  const lib = join(directory, 'lib');
  const program = join(lib, 'bin', name);
  if (!existsSync(program)) throw fault('NO_PROGRAM', `${name} has no program of its own to run`);
  return { directory, command: ['python3', program], environment: { PYTHONPATH: lib }, tree };
}

function readTree(file: string, name: string, version: string): PackageTree {
  const { install } = JSON.parse(readFileSync(file, 'utf8')) as Report;
  const parts = install
    .map(({ metadata, download_info: { url, archive_info } }): TreePart => {
      const { name: own, version: at } = metadata;
      const digest = archive_info?.hashes?.sha256;
      if (digest === undefined)
        throw fault('NO_DIGEST', `${own} of ${name}==${version} comes without a digest`);
      const path = new URL(url ?? 'file:///').pathname.replace(/^.*\//, '');
      return { path, name: own, version: at, integrity: `sha256:${digest}` };
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  return { manager: 'pip', name, version, parts };
}

function requirementsOf({ parts }: PackageTree): string {
  return parts
    .map(({ name, version, integrity }) => `${name}==${version} --hash=${integrity}\n`)
    .join('');
}
