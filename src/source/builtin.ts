// The layer above all others: what every session may read, and what no layer can allow.
import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { formatBlock } from '../match/address.ts';
import { SPECIAL_RANGES } from '../match/special.ts';
import type { FilesystemRule, Layer, NetworkRule, RuleOrigin } from '../model/policy.ts';
import { canonicalJson } from '../policy/canonical.ts';
import { realPattern } from '../policy/place.ts';
import { noSections } from '../policy/sections.ts';
import {
  BROWSER_PROFILES,
  CONTAINER_ENGINES,
  HOME_SECRETS,
  REPOSITORY_CONTROL,
  REPOSITORY_POINTER,
  RUNNER_ANYWHERE,
  RUNNER_DIRECTORIES,
  RUNNER_FILES,
  RUNNER_SETTINGS,
  SYSTEM_SECRETS,
} from './secrets.ts';
import { findToolchains } from './toolchains.ts';

export interface BuiltinOptions {
  /** absolute, links resolved */
  workspace: string;
  home: string;
  /** the host's environment: `PATH` and what names the runner's directories */
  environment: Readonly<Record<string, string | undefined>>;
  /** directory of this package */
  packageRoot: string;
  /** real paths of the files the policy was read from */
  policyFiles: readonly string[];
  /** a directory of the step's own: what it holds is read, and the files of a workflow's commands in it are written */
  handover?: string;
  /** directories of the program itself that a guest neither reads nor writes: sessions, logs, caches */
  hidden?: readonly string[];
  /** where a path really leads, links resolved; the path itself where it does not exist */
  realPath?: (path: string) => string;
}

/** Rules with this id grant system directories; what only they grant is shown only where every user of the host may read it. */
export const SYSTEM_RULE = 'builtin/system';

export const DEFAULT_POLICY = '.github/agent-sandbox.yml';

/** What was reviewed of the tool servers. */
export const MCP_LOCK = '.github/agent-sandbox.mcp.lock';

/** What a step writes for the steps after it: `GITHUB_OUTPUT`, `GITHUB_STEP_SUMMARY`, `GITHUB_ENV` and `GITHUB_PATH`. */
export const HANDOVER_FILES = ['output', 'summary', 'env', 'path'] as const;

const SYSTEM_DIRECTORIES: readonly string[] = [
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/etc',
  '/opt',
  '/nix/store',
  '/run/current-system',
  '/var/lib/ca-certificates',
];

/** Names by which a metadata service or the host itself is reached. */
const HOST_NAMES: [string, string[], string][] = [
  ['loopback', ['localhost', '**.localhost'], "the host's own loopback"],
  [
    'metadata',
    ['metadata.google.internal', 'metadata.goog', 'instance-data.ec2.internal'],
    'a cloud metadata service',
  ],
];

export function createBuiltinLayer(options: BuiltinOptions): Layer {
  const layer: Omit<Layer, 'digest'> = {
    name: 'builtin',
    file: 'builtin',
    network: { allow: [], deny: networkDenies() },
    filesystem: { allow: fileAllows(options), deny: fileDenies(options) },
    execution: { allow: [{ ...origin('execution'), path: '/**', default: 'execution' }], deny: [] },
    credentials: [],
    mcp: noSections().mcp,
    narrows: [],
  };
  const digest = createHash('sha256').update(canonicalJson(layer)).digest('hex');
  return { ...layer, digest: `sha256:${digest}` };
}

function origin(id: string): RuleOrigin {
  return { id, place: id, file: 'builtin', line: 0, column: 0 };
}

function networkDenies(): NetworkRule[] {
  const never = SPECIAL_RANGES.filter((range) => range.kind === 'never');
  const names = [...new Set(never.map((range) => range.name))];
  const byAddress = names.map((name): NetworkRule => {
    const ranges = never.filter((range) => range.name === name);
    return {
      ...origin(name),
      hosts: [],
      cidrs: ranges.map((range) => formatBlock(range.block)),
      reason: `${ranges[0]?.what ?? name} is never connected to`,
    };
  });
  const byName = HOST_NAMES.map(([name, hosts, what]): NetworkRule => ({
    ...origin(`${name}-name`),
    hosts,
    cidrs: [],
    reason: `${what} is never connected to`,
  }));
  return [...byAddress, ...byName];
}

function fileAllows(options: BuiltinOptions): FilesystemRule[] {
  const system = [
    ...new Set(
      SYSTEM_DIRECTORIES.flatMap((path) =>
        existsSync(path) ? [path, realpathSync.native(path)] : [],
      ),
    ),
  ];
  const roots = [
    'RUSTUP_HOME',
    'RUNNER_TOOL_CACHE',
    'AGENT_TOOLSDIRECTORY',
    'PYENV_ROOT',
    'NVM_DIR',
    'VOLTA_HOME',
  ];
  const toolchains = findToolchains({
    path: options.environment['PATH'] ?? '',
    roots: roots.flatMap((name) => options.environment[name] ?? []),
    home: options.home,
    workspace: options.workspace,
    system,
  });
  const read = (id: string, path: string): FilesystemRule => ({
    ...origin(id),
    path,
    access: 'read',
  });
  return [
    ...system.map((path) => read('system', path)),
    ...toolchains.map((path) => read('toolchain', path)),
    read('agent-sandbox', options.packageRoot),
    { ...origin('workspace'), path: options.workspace, access: 'write', default: 'workspace' },
    ...(options.handover === undefined ? [] : handedOver(options.handover)),
  ];
}

function handedOver(directory: string): FilesystemRule[] {
  const rule = (path: string, access: 'read' | 'write'): FilesystemRule => ({
    ...origin('handover'),
    path,
    access,
  });
  return [
    rule(directory, 'read'),
    ...HANDOVER_FILES.map((name) => rule(join(directory, name), 'write')),
  ];
}

function fileDenies(options: BuiltinOptions): FilesystemRule[] {
  const homes = [...new Set([options.home, '/root'])];
  const inHomes = (names: readonly string[]): string[] =>
    homes.flatMap((home) => names.map((name) => join(home, name)));
  // Files are judged by where they are: what a link stands for is hidden at both places.
  const hide = (id: string, reason: string, paths: readonly string[]): FilesystemRule[] =>
    [
      ...new Set(paths.flatMap((path) => [path, realPattern(path, Infinity, options.realPath)])),
    ].map((path) => ({ ...origin(id), path, reason, ignoreCase: true }));
  const cap = (path: string): FilesystemRule => ({
    ...origin('repository-control'),
    path,
    access: 'private',
    ignoreCase: true,
  });
  return [
    ...hide('secrets', 'credentials of this machine are neither read nor written', [
      ...inHomes(HOME_SECRETS),
      ...SYSTEM_SECRETS,
      ...pathsOf(options.environment, [
        'SSH_AUTH_SOCK',
        'GOOGLE_APPLICATION_CREDENTIALS',
        'AWS_SHARED_CREDENTIALS_FILE',
        'AWS_CONFIG_FILE',
        'KUBECONFIG',
        'NPM_CONFIG_USERCONFIG',
        'DOCKER_CONFIG',
        'GH_CONFIG_DIR',
        'NETRC',
      ]),
    ]),
    ...hide('browser', 'browser profiles are neither read nor written', inHomes(BROWSER_PROFILES)),
    ...hide('container-engine', "the container engine's socket is a way out", [
      ...CONTAINER_ENGINES,
      ...(options.environment['DOCKER_HOST']?.startsWith('unix:///') === true
        ? [options.environment['DOCKER_HOST'].slice('unix://'.length)]
        : []),
    ]),
    ...hide('runner', "the runner's own files are neither read nor written", runnerPaths(options)),
    ...hide(
      'sandbox',
      "the sandbox's own files are neither read nor written",
      options.hidden ?? [],
    ),
    ...[...new Set([...options.policyFiles, join(options.workspace, DEFAULT_POLICY)].sort())].map(
      (path): FilesystemRule => ({
        ...origin('policy-file'),
        path,
        access: 'write',
        reason: 'the policy in force is not written from inside',
        ignoreCase: true,
      }),
    ),
    {
      ...origin('tool-lock'),
      path: join(options.workspace, MCP_LOCK),
      access: 'write',
      reason: 'what was reviewed of the tool servers is not written from inside',
      ignoreCase: true,
    },
    ...REPOSITORY_CONTROL.map(cap),
    { ...cap(REPOSITORY_POINTER), filesOnly: true },
  ];
}

/** Absolute paths that the environment names as the place of a secret. */
function pathsOf(environment: BuiltinOptions['environment'], names: readonly string[]): string[] {
  return names
    .flatMap((name) => (environment[name] ?? '').split(':'))
    .filter((path) => /^\/[^*\u0000-\u001f]+$/.test(path));
}

/** Where a runner is: around the workspace, around its temporary directory, or at a place only runners use. */
function runnerPaths(options: BuiltinOptions): string[] {
  const paths = [...RUNNER_ANYWHERE];
  const temporary = options.environment['RUNNER_TEMP'];
  const works = ancestorsOf(options.workspace);
  if (temporary !== undefined && /^\/[^*]+$/.test(temporary)) {
    paths.push(temporary);
    const runner = dirname(dirname(temporary));
    works.push(dirname(temporary), runner);
    if (runner !== '/') paths.push(...RUNNER_SETTINGS.map((name) => join(runner, name)));
  }
  for (const directory of works)
    if (directory !== '/')
      for (const name of [...RUNNER_DIRECTORIES, ...RUNNER_FILES])
        paths.push(join(directory, name));
  return paths;
}

function ancestorsOf(path: string): string[] {
  const ancestors: string[] = [];
  for (let at = dirname(path); at !== '/'; at = dirname(at)) ancestors.push(at);
  return ancestors;
}
