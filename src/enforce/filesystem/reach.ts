// Which directories have to be shown because something below them is allowed.

import { compilePath, splitPath, statesAfter } from '../../match/path.ts';
import type { EffectivePolicy } from '../../model/policy.ts';

export interface Reach {
  /** Whether an allow rule could match something below the directory. */
  leadsToAllowed(directory: string): boolean;
}

/** Answers remembered at once; directories come again and again. */
const MAX_KNOWN = 16_384;

export function createReach(policy: Pick<EffectivePolicy, 'layers'>): Reach {
  const patterns = policy.layers
    .flatMap((layer) => layer.filesystem.allow)
    .map((rule) => compilePath(rule.path, true));
  const known = new Map<string, boolean>();

  return {
    leadsToAllowed: (directory) => {
      let answer = known.get(directory);
      if (answer === undefined) {
        const segments = splitPath(directory);
        answer = patterns.some((pattern) => statesAfter(pattern, segments) !== 0);
        if (known.size >= MAX_KNOWN) known.clear();
        known.set(directory, answer);
      }
      return answer;
    },
  };
}
