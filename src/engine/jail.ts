// The second wall: QEMU runs where it sees no network, no process and no file but those it needs, read-only.
// Invariant: what a jailed QEMU may write is named in a `Passage`; a session's QEMU has nothing there.

import { existsSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Emulator } from './emulator.ts';
import type { Jail } from './engine.ts';

/** QEMU reads it before it maps memory without reserving swap for it. */
const OVERCOMMIT = '/proc/sys/vm/overcommit_memory';
const FIRMWARE: readonly string[] = ['/usr/share/qemu', '/usr/share/seabios', '/usr/share/qboot'];

/** User numbers from here on belong to no account; each host process takes one of its own. */
const FIRST_USER = 1_879_048_192;

/** A host file or folder shown inside as `/guest/NAME`. */
export interface Passage {
  name: string;
  file: string;
  writable: boolean;
}

/** The programs a jail is made of, and what came out when it was tried. */
export interface JailTools {
  kind: Jail['kind'];
  /** why not the strongest */
  notice?: string;
  shell: string;
  bubblewrap?: string;
  unshare?: string;
  setpriv?: string;
  environment?: string;
}

export interface JailOptions {
  tools: JailTools;
  emulator: Emulator;
  passages: readonly Passage[];
  /** device nodes it may use */
  devices: readonly string[];
  /** variables QEMU itself gets */
  environment: Readonly<Record<string, string>>;
  /** control group it enters before it starts */
  controlGroup?: string;
  /** it writes no file at all */
  noFiles: boolean;
}

/** Place of a passage inside, to be used on QEMU's command line. */
export function insidePath(tools: JailTools, passage: Passage): string {
  return tools.kind === 'bubblewrap' ? `/guest/${passage.name}` : passage.file;
}

/** Place inside of the socket in the exchange folder. */
export function exchangePath(tools: JailTools, socket: string): string {
  return tools.kind === 'bubblewrap' ? `/guest/exchange/save` : socket;
}

/** What is said about the jail to the user and in the log. */
export function describeJail(
  tools: JailTools,
  devices: readonly string[],
  controlGroup: boolean,
): Jail {
  const notice = tools.notice === undefined ? {} : { notice: tools.notice };
  return {
    kind: tools.kind,
    ownUser: ownUser(tools, devices) !== undefined,
    controlGroup,
    ...notice,
  };
}

/** The command that runs `command` jailed. */
export function jailCommand(options: JailOptions, command: readonly string[]): string[] {
  return [...limits(options), ...enclose(options), ...command];
}

/** Limits every process of the jail inherits: no core dumps of guest memory, few descriptors, no file growth. */
function limits(options: JailOptions): string[] {
  // A lower limit than this one may be in force already, and stays.
  const steps = ['{ ulimit -n 1024 2>/dev/null || :; }', 'ulimit -c 0'];
  if (options.noFiles) steps.push('ulimit -f 0');
  // Entering the group may be forbidden although making it was not; whether it worked is looked up afterwards.
  const enter = options.controlGroup === undefined ? '' : '{ echo 0 > "$0"; } 2>/dev/null; ';
  const group =
    options.controlGroup === undefined ? 'jail' : `${options.controlGroup}/cgroup.procs`;
  return [options.tools.shell, '-c', `${enter}${steps.join(' && ')} && exec "$@"`, group];
}

function enclose(options: JailOptions): string[] {
  switch (options.tools.kind) {
    case 'bubblewrap':
      return bubblewrap(options);
    case 'unshare':
      return [
        ...dieWithParent(options),
        ...unshare(options),
        ...dropRights(options),
        ...setVariables(options),
      ];
    case 'seccomp':
      return [...dieWithParent(options), ...dropRights(options), ...setVariables(options)];
  }
}

function bubblewrap(options: JailOptions): string[] {
  const { tools } = options;
  const user = ownUser(tools, options.devices);
  const args = [
    tools.bubblewrap ?? 'bwrap',
    '--die-with-parent',
    '--new-session',
    '--clearenv',
    '--cap-drop',
    'ALL',
  ];
  args.push(
    '--unshare-ipc',
    '--unshare-pid',
    '--unshare-net',
    '--unshare-uts',
    '--unshare-cgroup-try',
  );
  if (user)
    for (const right of ['SETUID', 'SETGID', 'SETPCAP']) args.push('--cap-add', `CAP_${right}`);
  else args.push('--unshare-user');
  for (const [name, value] of Object.entries(options.environment))
    args.push('--setenv', name, value);
  const shown = systemFiles(options, user !== undefined);
  for (const folder of parentFolders(shown.map((one) => one.to))) args.push('--dir', folder);
  for (const { from, to } of shown) args.push('--ro-bind', from, to);
  for (const device of options.devices) args.push('--dev-bind', device, device);
  for (const { writable, file, name } of options.passages) {
    args.push(writable ? '--bind' : '--ro-bind', file, `/guest/${name}`);
  }
  args.push('--remount-ro', '/', '--chdir', '/', '--');
  return user ? [...args, ...becomeUser(tools, user)] : args;
}

/** Whole folders of libraries, not each library: they hold nothing secret, and each mount costs time at every start. */
function systemFiles(options: JailOptions, withSetpriv: boolean): { from: string; to: string }[] {
  const { emulator, tools } = options;
  const folders = outermost([...emulator.libraries, ...FIRMWARE]);
  const programs = [
    emulator.file,
    ...(withSetpriv && tools.setpriv !== undefined ? [tools.setpriv] : []),
  ];
  return [...programs, ...folders, '/etc/ld.so.cache', OVERCOMMIT]
    .filter((file) => existsSync(file))
    .map((file) => ({ from: realpathSync(file), to: file }));
}

function outermost(folders: readonly string[]): string[] {
  return folders.filter((folder) => !folders.some((other) => folder.startsWith(`${other}/`)));
}

/** Made by name, since bubblewrap makes those in between for its own user alone. */
function parentFolders(files: readonly string[]): string[] {
  const folders = new Set<string>(['/guest']);
  for (const file of files) {
    for (let folder = dirname(file); folder !== '/'; folder = dirname(folder)) folders.add(folder);
  }
  return [...folders].sort();
}

/** Root hands QEMU to a user that owns nothing, unless only root may open a device it needs. */
function ownUser(
  tools: JailTools,
  devices: readonly string[],
): { uid: number; gid: number } | undefined {
  if (!isRoot() || tools.kind !== 'bubblewrap' || tools.setpriv === undefined) return undefined;
  const uid = FIRST_USER + process.pid;
  let gid = uid;
  for (const device of devices) {
    const { mode, gid: group } = statSync(device);
    if ((mode & 0o006) === 0o006) continue;
    if ((mode & 0o060) !== 0o060 || group === 0) return undefined;
    gid = group;
  }
  return { uid, gid };
}

function becomeUser(tools: JailTools, user: { uid: number; gid: number }): string[] {
  return [
    tools.setpriv ?? 'setpriv',
    ...['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'],
    ...['--bounding-set=-all', '--inh-caps=-all', '--no-new-privs'],
  ];
}

function unshare(options: JailOptions): string[] {
  const spaces = ['--ipc', '--net', '--uts', '--pid', '--fork', '--kill-child=KILL'];
  return [
    options.tools.unshare ?? 'unshare',
    ...(isRoot() ? [] : ['--user', '--map-current-user']),
    ...spaces,
  ];
}

/** Outside of bubblewrap nothing else ties QEMU's life to ours. */
function dieWithParent({ tools }: JailOptions): string[] {
  return tools.setpriv === undefined ? [] : [tools.setpriv, '--pdeathsig', 'KILL'];
}

function dropRights({ tools }: JailOptions): string[] {
  if (tools.setpriv === undefined) return [];
  const all = isRoot() ? ['--bounding-set=-all'] : [];
  const last = tools.kind === 'unshare' ? ['--pdeathsig', 'KILL'] : [];
  return [tools.setpriv, '--inh-caps=-all', ...all, '--no-new-privs', ...last];
}

function setVariables({ environment, tools }: JailOptions): string[] {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  return variables.length === 0 ? [] : [tools.environment ?? 'env', ...variables];
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
