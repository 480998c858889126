// Every byte that leaves is paid for twice: from what the session may send, and from what the rules that allow it may.

import type { RuleLimit } from '../../model/decision.ts';
import type { Request } from '../../model/request.ts';
import type { Budget } from './budget.ts';
import type { Judge } from './judge.ts';
import type { Overspent, Quotas } from '../quotas.ts';

/** Whose bytes they are. */
export interface Payer {
  request: Request;
  limits: readonly RuleLimit[];
}

/** Takes bytes; what came of it when there are not enough left, to be recorded by whoever ends the connection. */
export type Spend = (bytes: number, payer: Payer) => Overspent | undefined;

export interface MeterOptions {
  budget: Budget;
  quotas: Quotas;
  judge: Pick<Judge, 'overspend'>;
  /** audit mode: what rules count is recorded, once for each, and let through */
  isAudit: boolean;
}

export function createMeter({ budget, quotas, judge, isAudit }: MeterOptions): Spend {
  const told = new Set<string>();
  return (bytes, { request, limits }) => {
    const over = quotas.spend(limits, bytes);
    if (over !== undefined && !isAudit) return over;
    if (over?.rule !== undefined && !told.has(over.rule.id)) {
      told.add(over.rule.id);
      judge.overspend(request, over);
    }
    const reason = budget.spend(bytes);
    return reason === undefined ? undefined : { reason };
  };
}
