// What PATH leads to: the directories on it, and the install roots that their programs and links need to run. Never a whole
// home, never a project: a directory counts as an install root only by its shape.
import { readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, normalize, relative } from 'node:path';

export interface ToolchainOptions {
  /** `PATH` of the caller */
  path: string;
  /** `RUSTUP_HOME`, the runner's tool cache and their like: whole toolchains named by the environment */
  roots: readonly string[];
  home: string;
  workspace: string;
  /** directories that can be read anyway */
  system: readonly string[];
}

/** Programs live in directories of these names, one below the install root. */
const PROGRAM_DIRECTORIES = new Set(['bin', 'sbin', 'shims', 'condabin', 'libexec']);
/** What an install root holds beside them. */
const INSTALLED = [
  'lib',
  'lib64',
  'share',
  'libexec',
  'include',
  'versions',
  'toolchains',
  'conda-meta',
  'pyvenv.cfg',
  'installs',
  'tools',
];
/** In a home, what looks like an install root and holds more than programs. */
const SHARED = ['', '.local', '.config', '.cache', 'Library'];
const NEVER = /^\/(?:(?:proc|sys|dev|run)(?:\/|$)|(?:var\/)?tmp$)/;
const MAX_LINKS = 2000;

/** Absolute paths to be readable, shortest first, none within another. */
export function findToolchains(options: ToolchainOptions): string[] {
  const found = new Set<string>();
  const add = (path: string): void => {
    if (isAdmissible(path, options) && !isWithinAny(path, options.system)) found.add(path);
  };
  let links = 0;
  for (const written of options.path.split(':')) {
    if (!written.startsWith('/')) continue; // `.` and its like are wherever the caller happens to be
    const entry = normalize(written).replace(/(.)\/$/, '$1');
    const real = realOf(entry);
    if (real === undefined || !isDirectory(real)) continue;
    if (real !== entry) add(entry);
    add(real);
    addRoot(real, options, add);
    if (isWithinAny(real, options.system) || !isAdmissible(real, options)) continue;
    for (const name of linksIn(real)) {
      if (links++ >= MAX_LINKS) break;
      const target = realOf(join(real, name));
      if (target !== undefined && !isWithinAny(target, options.system))
        addTarget(target, options, add);
    }
  }
  for (const root of options.roots) {
    const real = root.startsWith('/') ? realOf(root) : undefined;
    if (real !== undefined && isDirectory(real)) add(real);
  }
  return outermost([...found]);
}

/** The install root of a directory of programs, if it has the shape of one. */
function addRoot(directory: string, options: ToolchainOptions, add: (path: string) => void): void {
  const root = dirname(directory);
  const inHome = relative(options.home, root);
  if (inHome === '.local') {
    // Where `pip install --user` puts what its programs import.
    if (isDirectory(join(root, 'lib'))) add(join(root, 'lib'));
    return;
  }
  if (inHome === '.cargo' && isDirectory(join(options.home, '.rustup')))
    add(join(options.home, '.rustup'));
  if (!PROGRAM_DIRECTORIES.has(basename(directory)) || SHARED.includes(inHome)) return;
  const names = namesIn(root);
  // Version managers such as ~/.pyenv are checkouts themselves; any other checkout is somebody's project.
  const isCheckout = names.includes('.git') && !/^\.[^./]/.test(inHome);
  if (!isCheckout && names.some((name) => INSTALLED.includes(name))) add(root);
}

/** What a link in a directory of programs leads to: its install root, its package, or the file alone. */
function addTarget(target: string, options: ToolchainOptions, add: (path: string) => void): void {
  const segments = target.split('/');
  const modules = segments.lastIndexOf('node_modules');
  if (modules >= 0) {
    const length = segments[modules + 1]?.startsWith('@') === true ? 3 : 2;
    add(segments.slice(0, modules + length).join('/'));
    return;
  }
  add(target);
  if (PROGRAM_DIRECTORIES.has(basename(dirname(target)))) addRoot(dirname(target), options, add);
}

/** Not the root, not a home, nothing that holds the home or the workspace, and readable as a pattern. */
function isAdmissible(path: string, { home, workspace }: ToolchainOptions): boolean {
  const holds = (inner: string): boolean =>
    inner === path || inner.startsWith(`${path === '/' ? '' : path}/`);
  return (
    !holds(home) &&
    !holds(workspace) &&
    path !== '/' &&
    !NEVER.test(path) &&
    !/[*\u0000-\u001f]/.test(path)
  );
}

function isWithinAny(path: string, roots: readonly string[]): boolean {
  return roots.some((root) => path === root || path.startsWith(`${root}/`));
}

function outermost(paths: string[]): string[] {
  const sorted = paths.sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  return sorted.filter((path, i) => !isWithinAny(path, sorted.slice(0, i)));
}

function realOf(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined; // gone or unreadable: nothing to grant
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function linksIn(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isSymbolicLink()).map((entry) => entry.name);
  } catch {
    return []; // unreadable for the caller too: nothing to grant
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // unreadable for the caller too: nothing to grant
  }
}
