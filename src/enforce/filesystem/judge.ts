// What the policy says of a path, as the file operations need it. Looking is answered from `decide` alone; what lets content
// through or refuses anything goes through the point, which records it. Invariant: denied means logged.

import type { Decision } from '../../model/decision.ts';
import type { Mode } from '../../model/policy.ts';
import type { Request } from '../../model/request.ts';
import type { Point } from '../point.ts';
import type { Reach } from './reach.ts';

/**
 * How much of a name is shown. `open`: all of it. `shown`: name and attributes, its content is denied. `passage`: a
 * directory on the way to something allowed. `hidden`: nothing.
 */
export type Sight = 'open' | 'shown' | 'passage' | 'hidden';

/** `public`: allowed by nothing but the builtin rules, so only what everyone on the host may read. */
export type ReadGrant = 'no' | 'yes' | 'public';
/** `private`: into the session's own copy. */
export type WriteGrant = 'no' | 'host' | 'private';

export interface Judge {
  /** Records nothing. */
  sight(path: string, isDirectory: boolean): Sight;
  /** Records nothing. */
  mayExecute(path: string): boolean;
  read(path: string, directory: string): ReadGrant;
  write(path: string): WriteGrant;
  /** Where a write would go; records nothing. */
  writeGrant(path: string): WriteGrant;
  /** Whether a path below that may not be written keeps a directory in its place; records the refusal. */
  holdsProtected(path: string): boolean;
  /** Records that a hidden name was asked for. */
  recordHidden(path: string): void;
  /** Records that a file is shown without its execute bits. */
  recordWithheld(path: string): void;
}

export interface JudgeOptions {
  decide: (request: Request) => Decision;
  point: Point;
  mode: Mode;
  reach: Reach;
  workspace: string;
  /** whether the directory holds a path that may not be written */
  holdsProtected: (path: string) => boolean;
}

/** Reads remembered at once as (rule, directory). */
const MAX_FOLDS = 65_536;

export function createJudge({
  decide,
  point,
  mode,
  reach,
  workspace,
  ...options
}: JudgeOptions): Judge {
  const folds = new Map<string, Request>();

  function passes(decision: Decision): boolean {
    return decision.effect === 'allow' || (mode === 'audit' && isAudited(decision));
  }

  function isInWorkspace(path: string): boolean {
    return path === workspace || path.startsWith(`${workspace}/`);
  }

  function isPublicOnly(decision: Decision, path: string): boolean {
    return (
      decision.effect === 'allow' &&
      !isInWorkspace(path) &&
      decision.matched.every((rule) => rule.layer === 'builtin')
    );
  }

  function sight(path: string, isDirectory: boolean): Sight {
    const decision = decide({ kind: 'read', path });
    if (passes(decision)) return 'open';
    if (isDirectory && isUnspoken(decision) && reach.leadsToAllowed(path)) return 'passage';
    return decision.rule.layer === 'builtin' || isUnspoken(decision) ? 'hidden' : 'shown';
  }

  function read(path: string, directory: string): ReadGrant {
    const request: Request = { kind: 'read', path };
    const decision = decide(request);
    if (decision.effect === 'allow') {
      const grant = isPublicOnly(decision, path) ? 'public' : 'yes';
      const key = `${decision.rule.id}\0${directory}`;
      const first = folds.get(key);
      if (first === undefined && folds.size < MAX_FOLDS) folds.set(key, request);
      return point.ask(first ?? request).allowed ? grant : 'no';
    }
    if (path === directory && isUnspoken(decision) && reach.leadsToAllowed(path)) return 'yes';
    return point.ask(request).allowed ? 'yes' : 'no';
  }

  function write(path: string): WriteGrant {
    const verdict = point.ask({ kind: 'write', path });
    if (!verdict.allowed) return 'no';
    return verdict.decision.isPrivate ? 'private' : 'host';
  }

  return {
    sight,
    read,
    write,
    writeGrant: (path) => {
      const decision = decide({ kind: 'write', path });
      if (!passes(decision)) return 'no';
      return decision.isPrivate ? 'private' : 'host';
    },
    holdsProtected: options.holdsProtected,
    mayExecute: (path) => passes(decide({ kind: 'exec', path })),
    recordHidden: (path) => void point.ask({ kind: 'read', path }),
    recordWithheld: (path) => void point.ask({ kind: 'exec', path }),
  };
}

/** No rule spoke of the path at all. */
function isUnspoken({ rule }: Decision): boolean {
  return rule.id === 'builtin/default';
}

/** What audit mode lets through; the point decides the same, this only spares a record for a mere look. */
function isAudited({ rule }: Decision): boolean {
  return rule.layer !== 'builtin' || rule.id === 'builtin/default';
}
