// How this folder asks and records: the session's point, and denials that come from the connection itself.
// Invariant: when a record cannot be made, the answer is no.

import type { Decision, RuleReference } from '../../model/decision.ts';
import type { Request } from '../../model/request.ts';
import type { Decider } from '../../policy/decide.ts';
import { formatRequest } from '../../policy/request-syntax.ts';
import type { Point } from '../point.ts';
import type { Overspent, Quotas } from '../quotas.ts';

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
  | 'egress-name'
  | 'egress-injection';

export interface Judge {
  /** Decides, counts what rules count, and records. */
  ask(request: Request): { allowed: boolean; decision: Decision };
  /** Records a denial that no rule can lift, also in audit mode. */
  refuse(request: Request, check: CheckId, reason: string): void;
  /** Records that no bytes may leave any more for a request: by a rule, or by the limit of the session. */
  overspend(request: Request, over: Overspent): void;
  /** Records how an allowed connection went. */
  outcome(request: Request, facts: Record<string, string | number>): void;
}

const PLACE = { file: 'builtin', line: 0, layer: 'builtin' } as const;

export interface PointJudgeOptions {
  point: Point;
  /** absent where no rule counts anything */
  decide: Decider | undefined;
  quotas: Quotas;
}

export function createPointJudge({ point, decide, quotas }: PointJudgeOptions): Judge {
  function deny(
    request: Request,
    rule: RuleReference,
    reason: string,
  ): { allowed: boolean; decision: Decision } {
    const facts = { isPrivate: false, isInspected: false };
    return point.ask(request, {
      denial: { effect: 'deny', rule, reason, matched: [rule], ...facts },
    });
  }
  const checkRule = (check: CheckId): RuleReference => ({ id: `builtin/${check}`, ...PLACE });

  return {
    ask(request) {
      const decided = decide?.(request);
      const over = decided?.effect === 'allow' ? quotas.take(decided.limits ?? []) : undefined;
      if (decided === undefined || over?.rule === undefined) return point.ask(request);
      const { allowed, decision } = deny(request, over.rule, over.reason);
      // What audit mode lets through is still carried as it was decided.
      return { allowed, decision: { ...decided, ...decision, isInspected: decided.isInspected } };
    },
    refuse(request, check, reason) {
      deny(request, checkRule(check), reason);
    },
    overspend(request, { rule, reason }) {
      deny(request, rule ?? checkRule('egress-limit'), reason);
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
