// From what was found about a request to the answer: which level it gets, by which rule, or which rule refuses it.
import type { Decision, RuleLimit, RuleReference } from '../model/decision.ts';
import type { ResultRule } from '../model/mcp.ts';
import type { EffectivePolicy } from '../model/policy.ts';
import { type Request, surfaceOf } from '../model/request.ts';
import { type Entry, INSPECT, PRIVATE, READ, WRITE } from './compile.ts';
import type { Outcome } from './formula.ts';

/** What the judging of one request found: enough to decide, and to explain. */
export interface Finding {
  entries: Entry[];
  outcome: Outcome;
  /** the levels, any of which is enough, best first */
  wanted: number[];
  /** said instead of "no rule allows it" */
  defaultReason?: string;
  defaultRule?: string;
  /** of entries that count some calls apart from others: by which values */
  keys?: ReadonlyMap<Entry, string>;
  /** what may come back */
  results?: ResultRule;
  /** allows that name what was asked for, and which arguments do not fit them */
  near?: readonly { entry: Entry; unfit: string[] }[];
}

const builtinRule = (id: string): RuleReference => ({
  id,
  file: 'builtin',
  line: 0,
  layer: 'builtin',
});

export const MALFORMED: Decision = {
  effect: 'deny',
  rule: builtinRule('builtin/malformed'),
  reason: 'the request is not in canonical form',
  matched: [],
  isPrivate: false,
  isInspected: false,
};

/** The answer that a finding comes to. */
export function conclude(policy: EffectivePolicy, request: Request, finding: Finding): Decision {
  const { entries, outcome, wanted } = finding;
  const matched = rulesOf(
    entries,
    wanted.reduce((all, bit) => all | bit, 0),
  );
  const level = wanted.find((bit) => (outcome.allowed & bit) !== 0);
  if (level === undefined)
    return { ...refuse(policy, finding), matched, isPrivate: false, isInspected: false };
  const isPrivate = level === PRIVATE;
  const isInspected = level === INSPECT && request.kind === 'connect';
  const granting = grantOf(finding, level);
  // What makes a write private is the better answer to "which rule decided" than what would have let it through.
  const cap = isPrivate
    ? entries.find((e) => (e.list === 'deny' || e.list === 'cap') && (e.bits & WRITE) !== 0)
    : undefined;
  const entry = cap ?? granting;
  return {
    effect: 'allow',
    rule: entry?.reference ?? builtinRule('builtin/default'),
    reason:
      entry?.reason ??
      (isPrivate
        ? 'writes go to a copy that belongs to the session'
        : `allowed by ${entry?.reference.id ?? 'builtin'}${isInspected ? ', every request judged' : ''}`),
    matched,
    isPrivate,
    isInspected,
    ...limitsOf(finding, request),
    ...(finding.results && { results: finding.results }),
  };
}

/** The rules that count the request. Those for requests count no connections, and those for connections no requests. */
function limitsOf({ entries, wanted, keys }: Finding, request: Request): Pick<Decision, 'limits'> {
  const isMcp = surfaceOf(request) === 'mcp';
  if (!isMcp && request.kind !== 'connect' && request.kind !== 'http') return {};
  const levels = wanted.reduce((all, bit) => all | bit, 0);
  const limits = new Map<string, RuleLimit>();
  for (const entry of entries) {
    const { counts, bits, requests, reference } = entry;
    if (counts === undefined || (bits & levels) === 0) continue;
    if (!isMcp && (requests !== undefined) !== (request.kind === 'http')) continue;
    const { limit, egress } = counts;
    const key = keys?.get(entry);
    limits.set(JSON.stringify(reference), {
      rule: reference,
      depth: 0,
      ...(limit && { limit }),
      ...(egress !== undefined && { egress }),
      ...(key !== undefined && { key }),
    });
  }
  return limits.size === 0 ? {} : { limits: [...limits.values()] };
}

/** The rule that grants a level: of a written layer if one does, highest first; of the builtin layer otherwise. */
function grantOf({ entries, outcome }: Finding, level: number): Entry | undefined {
  const grants = entries.filter(
    (entry) =>
      entry.list === 'allow' &&
      (entry.bits & level) !== 0 &&
      (entry.isDefault ? outcome.byDefault & level : (outcome.room[entry.layer] ?? 0) & level) !==
        0,
  );
  const written = grants.find((entry) => entry.layer > 0);
  if (written !== undefined) return written;
  if (grants.every((entry) => !entry.isDefault)) return grants[0];
  // A default grant that layers narrowed: what they state is the rule a person looks for.
  return (
    entries.find((e) => e.list === 'allow' && e.layer > 0 && (e.bits & level) !== 0) ?? grants[0]
  );
}

function refuse(
  policy: EffectivePolicy,
  finding: Finding,
): Pick<Decision, 'effect' | 'rule' | 'reason'> {
  const { entries, outcome, wanted } = finding;
  const level = wanted.at(-1) ?? READ;
  const denial = entries.find(
    (e) => (e.list === 'deny' || e.list === 'cap') && (e.bits & level) !== 0,
  );
  if (denial !== undefined)
    return {
      effect: 'deny',
      rule: denial.reference,
      reason: denial.reason ?? `denied by ${denial.reference.id}`,
    };
  const over = entries.find((e) => e.list === 'allow' && !e.isDefault && (e.bits & level) !== 0);
  const ceiling =
    over === undefined ? undefined : failedCeiling(policy, outcome, over.layer, level);
  if (over !== undefined && ceiling !== undefined)
    return {
      effect: 'deny',
      rule: ceiling,
      reason: `${over.reference.id} allows it, but it is not within what the ${ceiling.layer} layer lets lower layers allow`,
    };
  return {
    effect: 'deny',
    rule: builtinRule(finding.defaultRule ?? 'builtin/default'),
    reason: finding.defaultReason ?? 'no rule allows it',
  };
}

/** The highest layer, other than the granting one and not below it, whose ceiling leaves the level out. */
function failedCeiling(
  policy: EffectivePolicy,
  outcome: Outcome,
  granting: number,
  level: number,
): RuleReference | undefined {
  const name = policy.layers[granting]?.name;
  const index = policy.layers.findIndex(
    (layer, i) =>
      i !== granting &&
      (i < granting || layer.name === name) &&
      ((outcome.within[i] ?? 0) & level) === 0,
  );
  const layer = policy.layers[index];
  if (layer === undefined) return undefined;
  return { id: `${layer.name}/max`, file: layer.file, line: layer.maxLine ?? 0, layer: layer.name };
}

function rulesOf(entries: readonly Entry[], levels: number): RuleReference[] {
  const rules: RuleReference[] = [];
  for (const { list, reference, bits } of entries) {
    if ((bits & levels) === 0) continue;
    const last = rules.at(-1);
    const isSame =
      last?.id === reference.id && last.line === reference.line && last.file === reference.file;
    if ((list === 'allow' || list === 'deny') && !isSame) rules.push(reference);
  }
  return rules;
}
