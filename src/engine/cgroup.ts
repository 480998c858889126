// Holds QEMU to its memory and processor time with a control group of version 2, where one may be made. Elsewhere the
// size of the machine is the only limit: the guest cannot use more than that, QEMU's own overhead comes on top.

import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Shape } from './arguments.ts';

const ROOT = '/sys/fs/cgroup';
const MiB = 1024 * 1024;

export interface ControlGroup {
  folder: string;
  /** whether process `pid` is in it */
  holds: (pid: number) => boolean;
  remove: () => void;
}

let made = 0;

/** Undefined where the system has no such groups or lets us make none. `root` and `own` are for tests. */
export function createControlGroup(
  shape: Pick<Shape, 'memory' | 'cpus' | 'accelerator'>,
  root = ROOT,
  own = '/proc/self/cgroup',
): ControlGroup | undefined {
  const parent = findParent(root, own);
  if (parent === undefined) return undefined;
  made += 1;
  const folder = join(parent, `agent-sandbox-${process.pid}-${made}`);
  try {
    mkdirSync(folder);
    for (const [file, value] of settings(shape, parent)) writeFileSync(join(folder, file), value);
  } catch {
    removeGroup(folder);
    return undefined;
  }
  return {
    folder,
    holds: (pid) => isMember(folder, pid),
    remove: () => removeGroup(folder),
  };
}

/** The nearest group above ours that hands its controllers on and that we may write. */
function findParent(root: string, own: string): string | undefined {
  if (!existsSync(join(root, 'cgroup.controllers'))) return undefined;
  const path = /^0::(\/.*)$/m.exec(read(own))?.[1];
  if (path === undefined) return undefined;
  for (let place = path; ; place = dirname(place)) {
    const folder = join(root, place);
    const handed = read(join(folder, 'cgroup.subtree_control')).split(/\s+/);
    if (handed.includes('memory') && isWritable(folder)) return folder;
    if (place === '/') return undefined;
  }
}

function settings(
  shape: Pick<Shape, 'memory' | 'cpus' | 'accelerator'>,
  parent: string,
): [string, string][] {
  const handed = read(join(parent, 'cgroup.subtree_control')).split(/\s+/);
  // Translated code of an emulated guest lies in up to a gigabyte of QEMU's own memory.
  const overhead = shape.accelerator === 'tcg' ? 1536 * MiB : 512 * MiB;
  const values: [string, string][] = [
    ['memory.max', String(shape.memory + overhead)],
    ['memory.oom.group', '1'],
  ];
  // One more than the guest's processors, for QEMU's own thread that serves the devices.
  if (handed.includes('cpu')) values.push(['cpu.max', `${(shape.cpus + 1) * 100_000} 100000`]);
  if (handed.includes('pids')) values.push(['pids.max', String(shape.cpus + 64)]);
  return values;
}

function isMember(folder: string, pid: number): boolean {
  return read(join(folder, 'cgroup.procs')).split('\n').includes(String(pid));
}

function removeGroup(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // still busy, or never made: an empty group costs nothing, and the system drops it at the next start
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // not there: no such group
  }
}
