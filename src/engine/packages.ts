// What the engine needs from the distribution, what of it is missing, and how it is installed.

import { existsSync, readFileSync } from 'node:fs';
import { SandboxError } from '../model/error.ts';
import type { Architecture, Progress } from './engine.ts';
import { type RunResult, findProgram, runProgram } from './program.ts';

export interface Requirement {
  /** Debian's and Ubuntu's name */
  package: string;
  /** what it is for */
  purpose: string;
  /** a session cannot start without it */
  required: boolean;
  present: boolean;
}

export interface PackageOptions {
  architecture: Architecture;
  search?: readonly string[];
}

export interface InstallOptions {
  search?: readonly string[];
  /** sudo may ask for a password */
  interactive: boolean;
  /** variables apt needs to reach its servers, for instance those of a proxy */
  env?: Record<string, string>;
  onProgress?: Progress;
}

const INSTALL_LIMIT = 15 * 60_000;
/** Another apt may be at work, on a fresh machine most likely the unattended upgrade. */
const APT_OPTIONS: readonly string[] = ['-o', 'DPkg::Lock::Timeout=300', '-q'];

export function listRequirements(options: PackageOptions): Requirement[] {
  const has = (...names: string[]): boolean => {
    return names.some((name) => findProgram(name, options.search) !== undefined);
  };
  const x86 = options.architecture === 'x86_64';
  const compiler = has('cc', 'gcc');
  const list: Requirement[] = [
    {
      package: x86 ? 'qemu-system-x86' : 'qemu-system-arm',
      purpose: 'runs the microVM',
      required: true,
      present: has(`qemu-system-${options.architecture}`),
    },
    { package: 'bubblewrap', purpose: 'confines QEMU', required: false, present: has('bwrap') },
    { package: 'gcc', purpose: 'compiles the guest init', required: true, present: compiler },
    {
      package: 'libc6-dev',
      purpose: 'the static C library of the guest init',
      required: true,
      present: hasStaticLibrary(options.architecture),
    },
  ];
  if (!has('setpriv')) {
    list.push({
      package: 'util-linux',
      purpose: 'ends QEMU with us',
      required: false,
      present: false,
    });
  }
  // Ubuntu packs its kernel modules with zstd.
  if (isUbuntu() && !has('zstd')) {
    list.push({
      package: 'zstd',
      purpose: 'unpacks kernel modules',
      required: true,
      present: false,
    });
  }
  return list;
}

/** The command that installs them, for people to copy. */
export function installCommand(packages: readonly string[]): string {
  const sudo = isRoot() ? '' : 'sudo ';
  return `${sudo}apt-get install --no-install-recommends ${packages.join(' ')}`;
}

export async function installPackages(
  packages: readonly string[],
  options: InstallOptions,
): Promise<void> {
  const install = ['install', '-y', '--no-install-recommends', ...APT_OPTIONS, ...packages];
  options.onProgress?.(`installing ${packages.join(', ')}`);
  const first = await apt(install, options);
  if (first.code === 0) return;
  // Package lists that were never fetched, or name files that were replaced since.
  await refreshLists(options);
  const second = await apt(install, options);
  if (second.code !== 0) throw failed(`apt-get could not install ${packages.join(', ')}`, second);
}

export async function refreshLists(options: InstallOptions): Promise<void> {
  options.onProgress?.('fetching the package lists');
  const result = await apt(['update', ...APT_OPTIONS], options);
  if (result.code !== 0) throw failed('apt-get could not fetch the package lists', result);
}

async function apt(args: readonly string[], options: InstallOptions): Promise<RunResult> {
  const program = findProgram('apt-get', options.search);
  if (program === undefined) {
    throw new SandboxError({
      kind: 'environment',
      code: 'ENGINE_NO_APT',
      message:
        'this system has no apt-get, and other package managers are not known to this program',
      hint: 'install QEMU, bubblewrap and a C compiler with a static C library by hand',
    });
  }
  const env = { DEBIAN_FRONTEND: 'noninteractive', ...options.env };
  const command = isRoot()
    ? [program, ...args]
    : [...sudo(options, Object.keys(env)), program, ...args];
  const [file, ...rest] = command;
  return runProgram(file ?? program, rest, { timeout: INSTALL_LIMIT, env, ...lineTo(options) });
}

function sudo(options: InstallOptions, variables: readonly string[]): string[] {
  const program = findProgram('sudo', options.search);
  if (program === undefined) {
    throw new SandboxError({
      kind: 'environment',
      code: 'ENGINE_NO_SUDO',
      message: 'installing packages needs root, and this machine has no sudo',
      hint: 'run `agent-sandbox setup --yes` as root',
    });
  }
  return [program, ...(options.interactive ? [] : ['-n']), `--preserve-env=${variables.join(',')}`];
}

/** apt tells much; the lines that say how far it is are enough. */
function lineTo({
  onProgress,
}: InstallOptions): { onLine: (line: string) => void } | Record<string, never> {
  if (!onProgress) return {};
  return {
    onLine: (line) => {
      if (/^(Need to get|E:|W:)/.test(line)) onProgress(line.trim());
    },
  };
}

function hasStaticLibrary(architecture: Architecture): boolean {
  const folders = [`/usr/lib/${architecture}-linux-gnu`, '/usr/lib', '/usr/lib64'];
  return folders.some((folder) => existsSync(`${folder}/libc.a`));
}

function isUbuntu(): boolean {
  try {
    return /^ID(_LIKE)?=.*ubuntu/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false; // not a distribution we know
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function failed(what: string, result: RunResult): SandboxError {
  const last = result.stderr.trim().split('\n').slice(-3).join(' ');
  return new SandboxError({
    kind: 'environment',
    code: 'ENGINE_INSTALL',
    message: `${what}: ${last === '' ? `exit code ${result.code}` : last}`,
    hint: 'run the same command by hand to see what apt wants',
  });
}
