// KVM on hosted Linux runners: there, and not for the job's user, who may become root there and no agent may.

import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';

import { findProgram } from '../engine/program.ts';

const DEVICE = '/dev/kvm';

export type Kvm = 'usable' | 'opened' | 'absent' | 'closed';

/** Opens the device to this user where GitHub owns the machine; elsewhere its owner says who may have it. */
export function openKvm(environment: Readonly<Record<string, string | undefined>>): Kvm {
  if (!existsSync(DEVICE)) return 'absent';
  if (isUsable()) return 'usable';
  if (environment['RUNNER_ENVIRONMENT'] !== 'github-hosted') return 'closed';
  const user = String(process.getuid?.() ?? '');
  // For this user alone: the device would otherwise be open to all that the job runs as others.
  asRoot('setfacl', ['-m', `u:${user}:rw`, DEVICE]);
  if (isUsable()) return 'opened';
  asRoot('chown', [user, DEVICE]);
  return isUsable() ? 'opened' : 'closed';
}

/** Not by the job's PATH: it often begins with a folder of the workspace, where an earlier agent may have put a `sudo`. */
function asRoot(name: string, args: readonly string[]): void {
  const [sudo, program] = [findProgram('sudo'), findProgram(name)];
  if (sudo === undefined || program === undefined) return;
  spawnSync(sudo, ['-n', program, ...args], { stdio: 'ignore', cwd: '/' });
}

function isUsable(): boolean {
  try {
    accessSync(DEVICE, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
