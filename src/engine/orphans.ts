// Ends machines whose host process is gone. A jail ties QEMU's life to ours, but only from the moment it has said so to the
// kernel: killed before that, the host process leaves a machine behind. Each carries its owner's mark as its name.

import { readFileSync, readdirSync } from 'node:fs';
import { lifeOf, ownMark } from './process.ts';

const NAME = 'agent-sandbox-';

/** QEMU's `-name`; it is also among the arguments of the jail around it. */
export function machineName(): string {
  return `${NAME}${ownMark()}`;
}

/** Kills what was left by processes that are gone. Returns the numbers of the processes. */
export function killOrphans(): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && isOrphan(pid) && kill(pid));
}

function isOrphan(pid: number): boolean {
  const args = argumentsOf(pid);
  const at = args.indexOf('-name');
  const name = args[at + 1] ?? '';
  // As `machineArguments` puts them: others may speak of a machine (`find -name`), and are not one.
  const isMachine = at >= 0 && args[at + 2] === '-nodefaults' && args[at + 3] === '-no-user-config';
  return isMachine && name.startsWith(NAME) && lifeOf(name.slice(NAME.length)) === 'gone';
}

function argumentsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
  } catch {
    return []; // gone meanwhile
  }
}

function kill(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    return false; // gone meanwhile, or another user's
  }
}
