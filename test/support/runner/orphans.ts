// Processes that a job left behind, told by the variable that the runner puts into each step's environment (JobExtension.cs).

import { readFileSync, readdirSync } from 'node:fs';

interface Running {
  pid: number;
  parent: number;
  name: string;
}

/** SIGKILL for a process and all that come from it. */
export function killTree(root: number): void {
  const all = listProcesses();
  const doomed = new Set([root]);
  for (let size = 0; size !== doomed.size;) {
    size = doomed.size;
    for (const { pid, parent } of all) if (doomed.has(parent)) doomed.add(pid);
  }
  for (const pid of doomed) kill(pid);
}

/** Kills those that carry the job's id; what it killed. */
export function killOrphans(trackingId: string): Running[] {
  const mark = `RUNNER_TRACKING_ID=${trackingId}`;
  const orphans = listProcesses().filter(
    ({ pid }) => pid !== process.pid && readEnvironment(pid).includes(mark),
  );
  for (const { pid } of orphans) kill(pid);
  return orphans;
}

function listProcesses(): Running[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1');
      const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return state === 'Z' ? [] : [{ pid: Number(entry), parent: Number(parent), name }];
    } catch {
      return []; // it has ended meanwhile
    }
  });
}

function readEnvironment(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  } catch {
    return []; // another user's, or ended
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
