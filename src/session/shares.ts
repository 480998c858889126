// Which host paths the guest sees in place, over its own root: all it may write, and all it may read where the guest has
// an empty directory of its own (HOME, /tmp). Everything else it reads through the overlay's lower side.
// Showing is not allowing: each operation below a share is judged by the filesystem server.

import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { EffectivePolicy } from '../model/policy.ts';
import { createDecider } from '../policy/decide.ts';

/** directories of the guest's own, apart from HOME */
const GUEST_OWN = ['/tmp', '/run', '/var/tmp', '/dev/shm'];
/** never a share: they are the guest kernel's own */
const KERNEL_OWN = ['/proc', '/sys', '/dev'];

/** True for a path that a share cannot show: the guest kernel has its own there. */
export function isKernelOwn(path: string): boolean {
  return isBelow(path, KERNEL_OWN);
}

/** Absolute real paths, parents before children, none inside another, and none that a rule hides: the guest could not mount it. */
export function sharesOf(policy: EffectivePolicy): string[] {
  const decide = createDecider(policy);
  const isHidden = (path: string): boolean => {
    const { effect, rule } = decide({ kind: 'read', path });
    return effect === 'deny' && rule.id !== 'builtin/default';
  };
  const bases = new Set<string>([policy.workspace]);
  for (const layer of policy.layers) {
    for (const rule of layer.filesystem.allow) {
      const base = realBase(rule.path);
      if (base === undefined || base === '/' || isKernelOwn(base)) continue;
      const isWritable = rule.access === 'write' || rule.access === 'private';
      if (isWritable || isBelow(base, [policy.home, ...GUEST_OWN])) bases.add(base);
    }
  }
  const sorted = [...bases].filter((path) => !isHidden(path)).sort();
  return sorted.filter(
    (path, index) => !sorted.slice(0, index).some((other) => isInside(path, other)),
  );
}

/** The literal part of a pattern, resolved; undefined when the host has no such path. */
function realBase(pattern: string): string | undefined {
  const segments = pattern.split('/').filter((segment) => segment !== '');
  const wild = segments.findIndex((segment) => segment.includes('*'));
  const literal = wild === -1 ? segments : segments.slice(0, wild);
  try {
    return realpathSync(join('/', ...literal));
  } catch {
    return undefined; // not there now; it cannot be bound, and its parent decides what happens when it is created
  }
}

function isBelow(path: string, directories: readonly string[]): boolean {
  return directories.some((directory) => path === directory || isInside(path, directory));
}

export function isInside(path: string, directory: string): boolean {
  return path.startsWith(directory.endsWith('/') ? directory : `${directory}/`);
}
