// Which parts of the host's tree may change during a session, by the guest or under it. The rest is the system, which the
// guest may remember for long.

import { namesDirectory } from '../../match/path.ts';
import type { EffectivePolicy } from '../../model/policy.ts';

/** Directories below which everything is shared. */
export function shareBases(policy: EffectivePolicy): ReadonlySet<string> {
  const bases = new Set([policy.workspace]);
  for (const layer of policy.layers)
    for (const rule of layer.filesystem.allow)
      if (layer.name !== 'builtin' || rule.access !== 'read') bases.add(literalBase(rule.path));
  return bases;
}

/** The part of a pattern before its first wildcard. */
function literalBase(pattern: string): string {
  const segments = pattern.split('/');
  const wild = segments.findIndex((segment) => segment.includes('*'));
  const literal = wild < 0 ? segments : segments.slice(0, wild);
  const base = literal.join('/') || '/';
  return namesDirectory(base) ? base : '/';
}
