// The host kernel's own file trees (/proc, /sys and their like) are no files: through them the memory, the secrets and the
// switches of the host can be reached. Invariant: no rule shows them to a guest, which has its own.

import { statfsSync } from 'node:fs';
import type { Decision } from '../../model/decision.ts';

/** proc, sysfs, devpts, debugfs, tracefs, securityfs, cgroup, cgroup2, bpf, pstore, configfs, efivarfs, selinuxfs, mqueue, binfmt. */
const TYPES = new Set([
  0x9fa0, 0x62656572, 0x1cd1, 0x64626720, 0x74726163, 0x73636673, 0x27e0eb, 0x63677270, 0xcafe4a11,
  0x6165676c, 0x62656570, 0xde5e81e4, 0xf97cff8c, 0x19800202, 0x42494e4d,
]);
/** devtmpfs calls itself tmpfs; the others are here for hosts that do not say. */
const PATHS = new Set(['/proc', '/sys', '/dev']);

const RULE = {
  id: 'builtin/kernel-files',
  file: 'builtin',
  line: 0,
  layer: 'builtin',
} as const;

/** How the refusal stands on record. */
export const KERNEL_FILES: Decision = {
  effect: 'deny',
  rule: RULE,
  reason: "the host kernel's own files are never shown",
  matched: [RULE],
  isPrivate: false,
  isInspected: false,
};

export interface KernelFiles {
  /** Whether a file or directory on that device, found at that place, belongs to the kernel. */
  holds(path: string, device: bigint, place: () => string | Buffer): boolean;
}

export function createKernelFiles(rootDevice: bigint): KernelFiles {
  const known = new Map<bigint, boolean>([[rootDevice, false]]);
  return {
    holds: (path, device, place) => {
      if (PATHS.has(path)) return true;
      let isKernel = known.get(device);
      if (isKernel === undefined) {
        isKernel = TYPES.has(statfsSync(place()).type);
        known.set(device, isKernel);
      }
      return isKernel;
    },
  };
}
