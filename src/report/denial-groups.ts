// Denials as a log has them, put together by the rule that decided and by what was asked. Invariant: memory is bounded,
// and every denial is counted, with its rule where there is room for one.

import type { LogRecord } from '../log/record.ts';
import { visible } from './bounded.ts';

/** Rules told apart; a policy has fewer. Denials by further ones are only counted. */
const MAX_RULES = 1000;
/** Requests told apart, of all rules together. */
export const MAX_REQUESTS = 10_000;
const MAX_REQUEST = 1000;
const MAX_PLACE = 300;
const MAX_REASON = 300;

export interface DeniedRequest {
  request: string;
  reason: string;
  count: number;
  /** place among all requests, in order of appearance */
  at: number;
}

/** What one rule denied on one surface. */
export interface RuleDenials {
  surface: string;
  rule: { id: string; file: string; line: number; layer: string };
  /** false: audit mode let it through */
  enforced: boolean;
  /** of the first denial */
  reason: string;
  count: number;
  /** most frequent first, then in order of appearance */
  requests: DeniedRequest[];
  /** of `count`, those that no entry of `requests` stands for */
  ungrouped: number;
}

export interface DenialTotals {
  /** most frequent first, then in order of appearance */
  rules: RuleDenials[];
  /** denied requests, all of them */
  total: number;
  /** of `total`, those that audit mode let through */
  audited: number;
  /** of `total`, those that no entry of a rule's `requests` stands for */
  ungrouped: number;
}

interface Collected {
  group: RuleDenials;
  requests: Map<string, DeniedRequest>;
}

export interface DenialCollector {
  add(record: LogRecord): void;
  finish(): DenialTotals;
}

export function createDenialCollector(maxRequests: number = MAX_REQUESTS): DenialCollector {
  const rules = new Map<string, Collected>();
  const totals = { total: 0, audited: 0, ungrouped: 0 };
  let distinct = 0;

  function ruleOf(record: LogRecord): Collected | undefined {
    const { rule = { id: '', file: '', line: 0, layer: '' }, enforced = true } = record;
    const surface = record.surface ?? '';
    const key = [surface, rule.id, rule.file, rule.line, enforced].join('\u0000');
    const known = rules.get(key);
    if (known !== undefined || rules.size >= MAX_RULES) return known;
    const group: RuleDenials = {
      surface: visible(surface, 40),
      rule: {
        id: visible(rule.id, MAX_PLACE),
        file: visible(rule.file, MAX_PLACE),
        line: rule.line,
        layer: visible(rule.layer, 40),
      },
      enforced,
      reason: visible(record.reason, MAX_REASON),
      count: 0,
      requests: [],
      ungrouped: 0,
    };
    const made = { group, requests: new Map<string, DeniedRequest>() };
    rules.set(key, made);
    return made;
  }

  return {
    add(record) {
      if (record.type !== 'decision' || record.effect !== 'deny') return;
      const { enforced = true, count = 1 } = record;
      totals.total += count;
      if (!enforced) totals.audited += count;
      const rule = ruleOf(record);
      if (rule === undefined) {
        totals.ungrouped += count;
        return;
      }
      const { group, requests } = rule;
      group.count += count;
      const request = visible(record.request, MAX_REQUEST);
      const known = requests.get(request);
      if (known !== undefined) known.count += count;
      else if (distinct < maxRequests) {
        const reason = visible(record.reason, MAX_REASON);
        requests.set(request, { request, reason, count, at: distinct });
        distinct += 1;
      } else {
        group.ungrouped += count;
        totals.ungrouped += count;
      }
    },
    finish() {
      const all = [...rules.values()].map(({ group, requests }) => ({
        ...group,
        requests: [...requests.values()].sort((a, b) => b.count - a.count),
      }));
      return { rules: all.sort((a, b) => b.count - a.count), ...totals };
    },
  };
}
