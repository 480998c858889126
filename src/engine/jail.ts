// The second wall: QEMU runs where it sees no network, no process and no file but those it needs, read-only.
// Invariant: what a jailed QEMU may write is named in `Passage.writable`; a session's QEMU has nothing there.

import { existsSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Emulator } from './emulator.ts';
import type { Jail } from './engine.ts';
import { findProgram } from './program.ts';

/** QEMU reads it before it maps memory without reserving swap for it. */
const OVERCOMMIT = '/proc/sys/vm/overcommit_memory';

/** A host file or folder shown inside as `/guest/NAME`. */
export interface Passage {
  name: string;
  file: string;
  writable: boolean;
}

export interface JailTools {
  kind: Jail['kind'];
  /** why not the strongest */
  notice?: string;
  shell: string;
  bubblewrap?: string;
  unshare?: string;
  setpriv?: string;
}

export interface JailOptions {
  tools: JailTools;
  emulator: Emulator;
  passages: readonly Passage[];
  /** device nodes it may use */
  devices: readonly string[];
  /** variables QEMU itself gets */
  environment: Record<string, string>;
  /** user and group QEMU becomes; only root can ask for it */
  user?: { uid: number; gid: number };
  /** control group it is put into before it starts */
  controlGroup?: string;
  /** it writes no file at all */
  noFiles: boolean;
}

/** Place of a passage inside, to be used on QEMU's command line. */
export function insidePath(tools: JailTools, passage: Passage): string {
  return tools.kind === 'bubblewrap' ? `/guest/${passage.name}` : passage.file;
}

/** The command that runs `command` jailed. */
export function jailCommand(options: JailOptions, command: readonly string[]): string[] {
  return [...limits(options), ...enclose(options), ...command];
}

/** Limits every process of the jail inherits: no core dumps of guest memory, few descriptors, no file growth. */
function limits(options: JailOptions): string[] {
  const steps = ['ulimit -c 0', 'ulimit -n 512'];
  if (options.noFiles) steps.push('ulimit -f 0');
  if (options.controlGroup !== undefined) steps.unshift('echo $$ > "$0"/cgroup.procs');
  return [
    options.tools.shell,
    '-c',
    `${steps.join(' && ')} && exec "$@"`,
    options.controlGroup ?? 'jail',
  ];
}

function enclose(options: JailOptions): string[] {
  const { tools } = options;
  switch (tools.kind) {
    case 'bubblewrap':
      return bubblewrap(options, tools.bubblewrap ?? 'bwrap');
    case 'unshare':
      return [
        ...unshare(tools.unshare ?? 'unshare'),
        ...withEnvironment(options),
        ...dropRights(options),
      ];
    case 'seccomp':
      return [...withEnvironment(options), ...dropRights(options)];
  }
}

function bubblewrap(options: JailOptions, program: string): string[] {
  const { user } = options;
  const args = [
    program,
    '--die-with-parent',
    '--new-session',
    '--unshare-ipc',
    '--unshare-pid',
    '--unshare-net',
  ];
  args.push('--unshare-uts', '--unshare-cgroup-try', '--cap-drop', 'ALL', '--clearenv');
  if (user)
    args.push('--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID', '--cap-add', 'CAP_SETPCAP');
  else args.push('--unshare-user');
  for (const [name, value] of Object.entries(options.environment))
    args.push('--setenv', name, value);
  const shown = [...systemFolders(options)];
  for (const folder of parentFolders(shown.map((one) => one.to))) args.push('--dir', folder);
  for (const folder of shown) args.push('--ro-bind', folder.from, folder.to);
  for (const device of options.devices) args.push('--dev-bind', device, device);
  for (const passage of options.passages) {
    args.push(passage.writable ? '--bind' : '--ro-bind', passage.file, `/guest/${passage.name}`);
  }
  args.push('--remount-ro', '/', '--chdir', '/', '--');
  return user ? [...args, ...becomeUser(options, user)] : args;
}

/** Made by name, since bubblewrap makes those in between for its own user alone. */
function parentFolders(files: readonly string[]): string[] {
  const folders = new Set<string>(['/guest']);
  for (const file of files) {
    for (let folder = dirname(file); folder !== '/'; folder = dirname(folder)) folders.add(folder);
  }
  return [...folders].sort();
}

function systemFolders(options: JailOptions): { from: string; to: string }[] {
  const { emulator, tools } = options;
  const folders = [
    ...emulator.libraries,
    '/usr/share/qemu',
    '/usr/share/seabios',
    '/etc/ld.so.cache',
    OVERCOMMIT,
  ];
  const shown = folders
    .filter((folder) => existsSync(folder))
    .map((folder) => ({ from: realpathSync(folder), to: folder }));
  const programs = options.user ? [emulator.file, tools.setpriv ?? ''] : [emulator.file];
  return [...programs.map((file) => ({ from: file, to: file })), ...shown];
}

function becomeUser(options: JailOptions, user: { uid: number; gid: number }): string[] {
  return [
    options.tools.setpriv ?? 'setpriv',
    ...['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'],
    ...['--bounding-set=-all', '--inh-caps=-all', '--no-new-privs'],
  ];
}

function unshare(program: string): string[] {
  return [
    program,
    '--user',
    '--map-current-user',
    '--ipc',
    '--net',
    '--uts',
    '--pid',
    '--fork',
    '--kill-child=KILL',
  ];
}

/** Outside of bubblewrap nothing else ties QEMU's life to ours. */
function dropRights(options: JailOptions): string[] {
  if (options.tools.setpriv === undefined) return [];
  const rights = ['--inh-caps=-all', '--no-new-privs', '--pdeathsig', 'KILL'];
  return [options.tools.setpriv, ...rights];
}

function withEnvironment(options: JailOptions): string[] {
  const variables = Object.entries(options.environment).map(([name, value]) => `${name}=${value}`);
  return variables.length === 0 ? [] : ['/usr/bin/env', ...variables];
}

/** The strongest jail the installed programs allow. */
export function findJailTools(search?: readonly string[]): JailTools {
  const found = {
    shell: '/bin/sh',
    ...present('bubblewrap', findProgram('bwrap', search)),
    ...present('unshare', findProgram('unshare', search)),
    ...present('setpriv', findProgram('setpriv', search)),
  };
  if ('bubblewrap' in found) return { kind: 'bubblewrap', ...found };
  return { kind: 'seccomp', ...found };
}

function present<K extends string>(
  name: K,
  file: string | undefined,
): Record<K, string> | Record<string, never> {
  return file === undefined ? {} : ({ [name]: file } as Record<K, string>);
}

/** Root gives QEMU a user of its own, one nobody else on the machine is likely to be. */
export function jailUser(tools: JailTools): { uid: number; gid: number } | undefined {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot || tools.kind !== 'bubblewrap' || tools.setpriv === undefined) return undefined;
  return { uid: 65534, gid: 65534 };
}

/** What is said about the jail to the user and in the log. */
export function jailOf(tools: JailTools): Jail {
  const notice = tools.notice === undefined ? {} : { notice: tools.notice };
  return {
    kind: tools.kind,
    ownUser: jailUser(tools) !== undefined,
    controlGroup: false,
    ...notice,
  };
}
