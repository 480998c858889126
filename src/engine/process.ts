// Names a process so that it is told from a later one with the same number, and from one that has the number elsewhere.

import { readFileSync, readlinkSync } from 'node:fs';
import { errnoOf } from '../model/error.ts';

/** `elsewhere`: in another PID namespace, where our numbers mean nothing. */
export type Life = 'alive' | 'gone' | 'elsewhere';

export const MARK = /(\d+)-(\d+)-(\d+)/;

/** `PID-START-NAMESPACE` of this process; parts the system does not tell are 0. */
export function ownMark(): string {
  return `${process.pid}-${startOf(process.pid) ?? 0}-${pidNamespace()}`;
}

/** What became of the process that `ownMark` named; undefined where `mark` is no mark. */
export function lifeOf(mark: string): Life | undefined {
  const match = new RegExp(`^${MARK.source}$`).exec(mark);
  if (!match) return undefined;
  const [pid, start, namespace] = match.slice(1).map(Number) as [number, number, number];
  if (namespace !== pidNamespace()) return 'elsewhere';
  return isSameProcess(pid, start) ? 'alive' : 'gone';
}

/** Start time in clock ticks since boot; undefined when the process is gone or the system does not tell. */
export function startOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in brackets may hold anything, brackets and blanks included.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return undefined;
    const start = Number(fields[19]);
    return Number.isFinite(start) ? start : undefined;
  } catch {
    return undefined;
  }
}

/** Inode of the PID namespace this process lives in; 0 where the system has none. */
export function pidNamespace(): number {
  try {
    return Number(/\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/pid'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Whether `pid` is still the process that started at `start` (0 where the start was unknown). */
function isSameProcess(pid: number, start: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return false;
  }
  if (start !== 0 && process.platform === 'linux') return startOf(pid) === start;
  return true;
}
