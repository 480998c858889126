// Tells one process from a later one with the same number.

import { readFileSync } from 'node:fs';
import { errnoOf } from '../model/error.ts';

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

/** Whether `pid` is still the process that started at `start` (0 where the start was unknown). */
export function isSameProcess(pid: number, start: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return false;
  }
  const now = startOf(pid);
  if (start !== 0 && process.platform === 'linux') return now === start;
  return true;
}
