// What every way of installing a package takes and gives.

import { SandboxError } from '../model/error.ts';
import type { ManagerRun } from './run.ts';
import type { PackageTree } from './tree.ts';

export interface InstallOptions extends Omit<ManagerRun, 'directory'> {
  /** where packages are kept, by the digest of what they are made of */
  packages: string;
  /** what must be installed: whatever else the registry has by now is refused */
  locked?: PackageTree | undefined;
  onProgress: (line: string) => void;
}

export interface Installed {
  directory: string;
  /** absolute words that start its program, without arguments */
  command: string[];
  /** variables that its program needs */
  environment: Record<string, string>;
  tree: PackageTree;
}

export function installFault(code: string, message: string): SandboxError {
  return new SandboxError({ kind: 'upstream', code: `INSTALL_${code}`, message });
}
