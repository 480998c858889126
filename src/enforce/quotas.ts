// What rules count: how often what they speak of may happen (`limit`), and how many bytes may leave with it (`egress`).
// Invariant: every matching rule that counts must have room, and what one of them refuses is counted by none.

import { formatRate, formatSize } from '../policy/quantity.ts';
import type { RuleLimit, RuleReference } from '../model/decision.ts';
import type { Rate } from '../model/policy.ts';

/** Nothing is left, by this rule; without one by `limits.egress` of the session. */
export interface Overspent {
  reason: string;
  rule?: RuleReference;
  /** milliseconds until there is room again, where there will be */
  retryAfterMs?: number;
}

export interface Quotas {
  /** Counts one more of what these rules speak of. */
  take(limits: readonly RuleLimit[]): Overspent | undefined;
  /** Counts bytes that leave with it; once too many were asked for, the rule lets nothing more go. */
  spend(limits: readonly RuleLimit[], bytes: number): Overspent | undefined;
}

export interface QuotasOptions {
  /** of the session that asked for this one: the rules of its policy count for both */
  outer?: Quotas | undefined;
  /** monotonic, in milliseconds */
  now?: () => number;
}

/** milliseconds that a rate looks back; a session has no end to look back from */
const WINDOWS: Readonly<Record<Rate['per'], number>> = {
  session: Infinity,
  day: 86_400_000,
  hour: 3_600_000,
  minute: 60_000,
};

/** Values that one rule tells apart; of more than that, all others count as one. */
const MOST_KEYS = 4096;
/** no key that a decision gives: it is not empty, and not a hash */
const OTHERS = '*';

interface Count {
  /** when each of those within the window happened, oldest first; of a session only how many, `times` stays empty */
  times: number[];
  total: number;
  bytes: number;
  isSpent: boolean;
}

export function createQuotas(options: QuotasOptions = {}): Quotas {
  const { outer, now = () => performance.now() } = options;
  const counts = new Map<string, Map<string, Count>>();

  function countOf({ rule, key = '' }: RuleLimit): Count {
    const name = JSON.stringify([rule.id, rule.file, rule.line]);
    const keys = counts.get(name) ?? new Map<string, Count>();
    counts.set(name, keys);
    const place = keys.has(key) || keys.size < MOST_KEYS ? key : OTHERS;
    const count = keys.get(place) ?? { times: [], total: 0, bytes: 0, isSpent: false };
    keys.set(place, count);
    return count;
  }

  function faultOf(one: RuleLimit): Overspent | undefined {
    const { rule, limit, egress } = one;
    const count = countOf(one);
    if (egress !== undefined && count.isSpent) return tooManyBytes(rule, egress);
    if (limit === undefined) return undefined;
    const since = now() - WINDOWS[limit.per];
    while ((count.times[0] ?? Infinity) <= since) count.times.shift();
    const happened = limit.per === 'session' ? count.total : count.times.length;
    if (happened < limit.count) return undefined;
    const reason = `${rule.id} allows ${formatRate(limit)}, and this would be one more`;
    const oldest = count.times[0];
    return oldest === undefined || limit.count === 0
      ? { rule, reason }
      : { rule, reason, retryAfterMs: Math.ceil(oldest - since) };
  }

  const own = (limits: readonly RuleLimit[]): RuleLimit[] => limits.filter((l) => l.depth === 0);
  const above = (limits: readonly RuleLimit[]): RuleLimit[] =>
    limits.filter((l) => l.depth > 0).map((l) => ({ ...l, depth: l.depth - 1 }));

  return {
    take(limits) {
      if (limits.length === 0) return undefined;
      const mine = own(limits);
      for (const one of mine) {
        const fault = faultOf(one);
        if (fault !== undefined) return fault;
      }
      const fault = outer?.take(above(limits));
      if (fault !== undefined) return fault;
      for (const one of mine) {
        const count = countOf(one);
        if (one.limit?.per === 'session') count.total += 1;
        else if (one.limit !== undefined) count.times.push(now());
      }
      return undefined;
    },
    spend(limits, bytes) {
      if (limits.length === 0) return undefined;
      const mine = own(limits).filter(({ egress }) => egress !== undefined);
      for (const one of mine) {
        const count = countOf(one);
        const limit = one.egress ?? 0;
        if (!count.isSpent && count.bytes + bytes <= limit) continue;
        count.isSpent = true;
        return tooManyBytes(one.rule, limit);
      }
      const fault = outer?.spend(above(limits), bytes);
      if (fault !== undefined) return fault;
      for (const one of mine) countOf(one).bytes += bytes;
      return undefined;
    },
  };
}

function tooManyBytes(rule: RuleReference, egress: number): Overspent {
  return {
    rule,
    reason: `${rule.id} lets ${formatSize(egress)} out, and this would be more`,
  };
}
