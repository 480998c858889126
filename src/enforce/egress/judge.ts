// How this folder asks and records: the session's point, and denials that come from the connection itself.
// Invariant: when a record cannot be made, the answer is no.

import type { Decision } from '../../model/decision.ts';
import type { Request } from '../../model/request.ts';
import { formatRequest } from '../../policy/request-syntax.ts';
import type { Point } from '../point.ts';

/** Which check of the connection failed; stands in records as `builtin/ID`. */
export type CheckId =
  | 'egress-address'
  | 'egress-synthetic'
  | 'egress-lookup'
  | 'egress-host'
  | 'egress-hello'
  | 'egress-http'
  | 'egress-authority'
  | 'egress-limit'
  | 'egress-reserved'
  | 'egress-name';

export interface Judge {
  ask(request: Request): { allowed: boolean; decision: Decision };
  /** Records a denial that no rule can lift, also in audit mode. */
  refuse(request: Request, check: CheckId, reason: string): void;
  /** Records how an allowed connection went. */
  outcome(request: Request, facts: Record<string, string | number>): void;
}

const PLACE = { file: 'builtin', line: 0, layer: 'builtin' } as const;

export function createPointJudge(point: Point): Judge {
  return {
    ask: (request) => point.ask(request),
    refuse(request, check, reason) {
      const rule = { id: `builtin/${check}`, ...PLACE };
      point.ask(request, {
        denial: {
          effect: 'deny',
          rule,
          reason,
          matched: [rule],
          isPrivate: false,
          isInspected: false,
        },
      });
    },
    outcome(request, facts) {
      point.append({
        type: 'outcome',
        surface: 'network',
        request: formatRequest(request),
        ...facts,
      });
    },
  };
}
