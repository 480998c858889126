// What the policy says of a path, as the file operations need it. Looking is answered from `decide` alone; what lets content
// through or refuses anything goes through the point, which records it. Invariant: denied means logged.

import type { Decision } from '../../model/decision.ts';
import type { Mode } from '../../model/policy.ts';
import type { Request } from '../../model/request.ts';
import type { Point } from '../point.ts';
import { KERNEL_FILES } from './kernel-files.ts';
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
  /** Records nothing. */
  isPublicOnly(path: string): boolean;
  read(path: string, directory: string): ReadGrant;
  write(path: string, isDirectory?: boolean): WriteGrant;
  /** Where a write would go; records nothing. */
  writeGrant(path: string, isDirectory?: boolean): WriteGrant;
  /** Whether a directory may be moved although it holds a path that may not: refused and recorded, but for audit mode. */
  mayMoveHolding(path: string, isDirectory: boolean): boolean;
  /** Records that a hidden name was asked for. */
  recordHidden(path: string): void;
  /** Records that something of the host kernel's was asked for. */
  recordKernels(path: string): void;
  /** Records that a file is shown without its execute bits. */
  recordWithheld(path: string): void;
}

export interface JudgeOptions {
  decide: (request: Request) => Decision;
  point: Point;
  mode: Mode;
  reach: Reach;
  workspace: string;
}

/** Reads remembered at once as (rule, directory). */
const MAX_FOLDS = 65_536;

export function createJudge(options: JudgeOptions): Judge {
  const { decide, point, mode, reach, workspace } = options;
  const folds = new Map<string, Request>();

  const decideWrite = (path: string, directory: boolean): Decision =>
    decide({ kind: 'write', path, directory });

  function passes(decision: Decision): boolean {
    return decision.effect === 'allow' || (mode === 'audit' && isAudited(decision));
  }

  function isBuiltinOnly(decision: Decision, path: string): boolean {
    const isInWorkspace = path === workspace || path.startsWith(`${workspace}/`);
    // The rule that grants, not all that matched: a rule that a ceiling cut matches too, and grants nothing.
    return decision.effect === 'allow' && !isInWorkspace && decision.rule.layer === 'builtin';
  }

  function sight(path: string, isDirectory: boolean): Sight {
    const decision = decide({ kind: 'read', path });
    if (passes(decision)) return 'open';
    if (isUnspoken(decision))
      return isDirectory && reach.leadsToAllowed(path) ? 'passage' : 'hidden';
    return decision.rule.layer === 'builtin' ? 'hidden' : 'shown';
  }

  function read(path: string, directory: string): ReadGrant {
    const request: Request = { kind: 'read', path };
    const decision = decide(request);
    if (decision.effect === 'allow') {
      const grant = isBuiltinOnly(decision, path) ? 'public' : 'yes';
      const key = `${decision.rule.id}\0${directory}`;
      const first = folds.get(key);
      if (first === undefined && folds.size < MAX_FOLDS) folds.set(key, request);
      return point.ask(first ?? request).allowed ? grant : 'no';
    }
    // A directory on the way: its names are shown one by one, by what each of them allows.
    if (path === directory && isUnspoken(decision) && reach.leadsToAllowed(path)) return 'yes';
    return point.ask(request).allowed ? 'yes' : 'no';
  }

  function write(path: string, directory = false): WriteGrant {
    const verdict = point.ask({ kind: 'write', path, directory });
    if (!verdict.allowed) return 'no';
    return verdict.decision.isPrivate ? 'private' : 'host';
  }

  function mayMoveHolding(path: string, isDirectory: boolean): boolean {
    const write = decideWrite(path, isDirectory);
    const held =
      write.effect === 'allow' && !write.isPrivate ? decide({ kind: 'read', path }) : write;
    // What a directory holds is no part of the request that moves it: this refusal is found here, and recorded as any other.
    const denial: Decision = {
      ...held,
      effect: 'deny',
      reason: `a directory that holds what ${held.rule.id} protects stays where it is`,
      isPrivate: false,
      isInspected: false,
    };
    return point.ask({ kind: 'write', path, directory: isDirectory }, { denial }).allowed;
  }

  return {
    sight,
    read,
    write,
    writeGrant: (path, isDirectory = false) => {
      const decision = decideWrite(path, isDirectory);
      if (!passes(decision)) return 'no';
      return decision.isPrivate ? 'private' : 'host';
    },
    isPublicOnly: (path) => isBuiltinOnly(decide({ kind: 'read', path }), path),
    mayMoveHolding,
    mayExecute: (path) => passes(decide({ kind: 'exec', path })),
    recordHidden: (path) => void point.ask({ kind: 'read', path }),
    recordKernels: (path) => void point.ask({ kind: 'read', path }, { denial: KERNEL_FILES }),
    recordWithheld: (path) => void point.ask({ kind: 'exec', path }),
  };
}

/** No rule spoke of the path at all, or only one that a ceiling leaves out. */
function isUnspoken({ rule }: Decision): boolean {
  return rule.id === 'builtin/default' || rule.id.endsWith('/max');
}

/** What audit mode lets through; the point decides the same, this only spares a record for a mere look. */
function isAudited({ rule }: Decision): boolean {
  return rule.layer !== 'builtin' || rule.id === 'builtin/default';
}
