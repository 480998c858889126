// What rules count: how often what they speak of may happen (`limit`), and how many bytes may leave with it (`egress`).
// Invariant: every matching rule that counts must have room, and what one of them refuses is counted by none. A rule that counts by
// values keeps so many of them and refuses the next, so that no flood of values takes memory or brings a counter back to nothing.

import { formatRate, formatSize } from '../policy/quantity.ts';
import type { RuleLimit, RuleReference } from '../model/decision.ts';
import type { Rate } from '../model/policy.ts';

/** Nothing is left, by this rule; without one by `limits.egress` of the session. */
export interface Overspent {
  reason: string;
  rule?: RuleReference;
  /** milliseconds until there is room again; absent where there will be none in this session */
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

/** Values that one rule counts by at a time. */
export const MAX_KEYS = 10_000;

interface Count {
  /** when each of those within the window happened, oldest first; of a session only how many, `times` stays empty */
  times: number[];
  total: number;
  bytes: number;
  isSpent: boolean;
}

export function createQuotas(options: QuotasOptions = {}): Quotas {
  const { outer, now = () => performance.now() } = options;
  /** by rule, and there by the value it counts by; '' for rules that count all as one */
  const counts = new Map<string, Map<string, Count>>();

  function countsOf({ rule }: RuleLimit): Map<string, Count> {
    const name = JSON.stringify([rule.id, rule.file, rule.line]);
    const known = counts.get(name) ?? new Map<string, Count>();
    counts.set(name, known);
    return known;
  }

  function countOf(one: RuleLimit): Count {
    const known = countsOf(one);
    const key = one.key ?? '';
    const count = known.get(key) ?? { times: [], total: 0, bytes: 0, isSpent: false };
    known.set(key, count);
    return count;
  }

  function faultOf(one: RuleLimit): Overspent | undefined {
    const { rule, limit, egress, key = '' } = one;
    const known = countsOf(one);
    const count = known.get(key);
    if (count === undefined) {
      if (known.size < MAX_KEYS || forgetPast(known, limit) > 0) return undefined;
      return { rule, reason: `${rule.id} counts by more values than can be counted` };
    }
    if (egress !== undefined && count.isSpent) return tooManyBytes(rule, egress);
    if (limit === undefined) return undefined;
    forgetBefore(count, limit);
    const happened = limit.per === 'session' ? count.total : count.times.length;
    if (happened < limit.count) return undefined;
    const [oldest] = count.times;
    return {
      rule,
      reason: `${rule.id} allows ${formatRate(limit)}, and this would be one more`,
      ...(oldest !== undefined && {
        retryAfterMs: Math.ceil(oldest + WINDOWS[limit.per] - now()),
      }),
    };
  }

  function forgetBefore({ times }: Count, limit: Rate): void {
    const since = now() - WINDOWS[limit.per];
    while ((times[0] ?? Infinity) <= since) times.shift();
  }

  /** Drops the values of which nothing is left to count; says how many. */
  function forgetPast(known: Map<string, Count>, limit: Rate | undefined): number {
    if (limit === undefined || limit.per === 'session') return 0;
    const before = known.size;
    for (const [key, count] of known) {
      forgetBefore(count, limit);
      if (count.times.length === 0 && count.bytes === 0) known.delete(key);
    }
    return before - known.size;
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
