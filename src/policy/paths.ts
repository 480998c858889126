// What the rules say about everything below a directory, without looking at what is there. For the filesystem server:
// which directories to show on the way to something allowed, and which must not be renamed or removed as a whole.
import {
  compilePath,
  foldPath,
  namesDirectory,
  type PathPattern,
  splitPath,
  statesAfter,
} from '../match/path.ts';
import type { EffectivePolicy } from '../model/policy.ts';

export interface PathQueries {
  /** Something at or below the path may be readable: the directory has to be traversable. Never wrongly false. */
  couldContainAllowed(path: string): boolean;
  /**
   * A rule takes write access from a place below the path that is named from here on, so that renaming or removing the
   * directory would get round it. Rules that float freely (`**` and a name) still hold wherever the directory goes; they count
   * only once the path has begun to fill them.
   */
  holdsProtected(path: string): boolean;
  /**
   * Every rule says the same about each place below `from` as about the same place below `to`: a directory can be
   * renamed without anything in it changing what may be done to it.
   */
  isSameBelow(from: string, to: string): boolean;
}

interface Rule {
  pattern: PathPattern;
  isFolded: boolean;
}

export function createPathQueries(policy: Pick<EffectivePolicy, 'layers'>): PathQueries {
  const allows: Rule[] = [];
  const protections: Rule[] = [];
  const others: Rule[] = [];
  const toRule = (path: string, covers: boolean, ignoreCase: boolean): Rule => ({
    pattern: compilePath(ignoreCase ? foldPath(path) : path, covers),
    isFolded: ignoreCase,
  });
  for (const layer of policy.layers) {
    for (const rule of layer.filesystem.allow) {
      allows.push(toRule(rule.path, namesDirectory(rule.path), false));
      if (rule.access === 'private')
        protections.push(toRule(rule.path, true, rule.ignoreCase === true));
    }
    for (const rule of layer.filesystem.deny)
      protections.push(toRule(rule.path, rule.filesOnly !== true, rule.ignoreCase === true));
    for (const rule of [
      ...(layer.max?.filesystem.allow ?? []),
      ...(layer.max?.filesystem.deny ?? []),
    ])
      others.push(toRule(rule.path, true, false));
    // What may be run hangs on where it is, too.
    for (const rule of [...layer.execution.allow, ...layer.execution.deny])
      if (rule.path.includes('/')) others.push(toRule(rule.path, true, false));
  }
  const all = [...allows, ...protections, ...others];

  return {
    couldContainAllowed(path) {
      const segments = splitPath(path);
      return allows.some(({ pattern }) => statesAfter(pattern, segments) !== 0);
    },
    holdsProtected(path) {
      const views = viewsOf(path);
      return protections.some((rule) => leadsInto(rule.pattern, viewOf(rule, views)));
    },
    isSameBelow(from, to) {
      const here = viewsOf(from);
      const there = viewsOf(to);
      return all.every((rule) => {
        const before = statesAfter(rule.pattern, viewOf(rule, here));
        const after = statesAfter(rule.pattern, viewOf(rule, there));
        // Two places on the way to one literal prefix lead to different names, unless they are the same place.
        return before === after && (before >= 0 || from === to);
      });
    },
  };
}

interface Views {
  plain: string[];
  folded: string[];
}

function viewsOf(path: string): Views {
  return { plain: splitPath(path), folded: splitPath(foldPath(path)) };
}

function viewOf(rule: Rule, views: Views): string[] {
  return rule.isFolded ? views.folded : views.plain;
}

/** A state that is neither "anything from here on" nor the free loop the pattern's wildcards start with. */
function leadsInto({ prefix, tail }: PathPattern, segments: readonly string[]): boolean {
  const states = statesAfter({ prefix, tail }, segments);
  if (states < 0) return true;
  if (states === 0) return false;
  const isMatched = (states & (1 << tail.length)) !== 0;
  if (isMatched) return true;
  const free = tail[0]?.kind === 'any' ? 0b11 : 0;
  return (states & ~free) !== 0;
}
