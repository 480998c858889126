// Why a request is decided as it is: what each layer says, which ceiling fails, and the smallest edit that would allow it.
import type { Decision, RuleReference } from '../model/decision.ts';
import type { EffectivePolicy, Layer, LayerName } from '../model/policy.ts';
import type { Request } from '../model/request.ts';
import { READ, referenceTo } from './compile.ts';
import { createDecider, createJudge } from './decide.ts';
import { smallestEdit } from './edit.ts';
import { formatRequest } from './request-syntax.ts';

/** What one layer says about a request. */
export interface Considered {
  layer: LayerName;
  file: string;
  allows: RuleReference[];
  denies: RuleReference[];
  /** whether the request lies within what the layer lets lower ones allow; `none`: it sets no ceiling */
  ceiling: 'none' | 'within' | 'outside';
}

export interface Explanation {
  request: string;
  decision: Decision;
  considered: Considered[];
  /** what to write where, or why nothing can be written; empty when the request is allowed */
  edit: string;
}

function definitions(layer: Layer, id: string): RuleReference[] {
  return layer.credentials.filter((one) => one.id === id).map((one) => referenceTo(one, layer));
}

export function explain(policy: EffectivePolicy, request: Request): Explanation {
  // A nested session is first of all within the one that started it.
  if (policy.within !== undefined && createDecider(policy.within)(request).effect === 'deny')
    return explain(policy.within, request);
  const judge = createJudge(policy);
  const decision = createDecider(policy)(request);
  const finding = request.kind === 'mint' ? undefined : judge.find(request);
  // Weighed by what the request needs least: a private copy for a write, judged requests for a connection.
  const level = finding?.wanted.at(-1) ?? READ;
  const considered = policy.layers.map((layer, i): Considered => {
    const of = (list: 'allow' | 'deny'): RuleReference[] =>
      (finding?.entries ?? [])
        .filter((entry) => entry.layer === i && entry.list === list && (entry.bits & level) !== 0)
        .map((entry) => entry.reference)
        .filter(
          (rule, at, all) =>
            all.findIndex((other) => other.id === rule.id && other.line === rule.line) === at,
        );
    const hasCeiling =
      layer.name === 'org' || (layer.max !== undefined && layer.name !== 'builtin');
    const isWithin = ((finding?.outcome.within[i] ?? 0) & level) !== 0;
    return {
      layer: layer.name,
      file: layer.file,
      allows: request.kind === 'mint' ? definitions(layer, request.id) : of('allow'),
      denies: of('deny'),
      ceiling: !hasCeiling ? 'none' : isWithin ? 'within' : 'outside',
    };
  });
  return {
    request: formatRequest(request),
    decision,
    considered,
    edit: decision.effect === 'allow' ? '' : smallestEdit(policy, decision, request),
  };
}
