// What a person can change so that a denied request is allowed: the same rules that a refusal names to the guest, found
// from the log alone. A log has no policy, so that an edit is not tried before it is shown: a ceiling above may still be
// in the way, and a remedy says whose that is.

import type { LayerName } from '../model/policy.ts';
import { OPENED_BY_NAMING, OWN_FILE, ownerOf } from '../policy/edit.ts';
import { grantsFor } from '../policy/grants.ts';
import { parseRequest } from '../policy/request-syntax.ts';
import { visible } from './bounded.ts';
import type { RuleDenials } from './denial-groups.ts';
import type { PolicyLayer } from './session-facts.ts';

/** Requests that one remedy is made for; what a flood asked for is no list to copy. */
const MAX_GRANTS = 10;

export type Remedy =
  /** rules to add to `file`, as YAML; `left` requests are in none of them */
  | { kind: 'add'; file: string; owner: string; yaml: string; left: number }
  /** a rule that is in the way, and whose file it is in */
  | { kind: 'change'; rule: string; place: string; owner: string }
  /** one sentence without a text of the log's */
  | { kind: 'none'; why: string };

export function remedyOf(denials: RuleDenials, layers: readonly PolicyLayer[]): Remedy {
  const { rule } = denials;
  if (OPENED_BY_NAMING.has(rule.id)) return grantRemedy(denials, layers, '');
  if (rule.id === 'builtin/malformed')
    return { kind: 'none', why: 'The request is not in canonical form: no policy can allow it.' };
  if (rule.layer === 'builtin' || rule.id.startsWith('builtin/'))
    return { kind: 'none', why: 'This is built in: no policy can allow it.' };
  const isCeiling = rule.id === `${rule.layer}/max`;
  if (isCeiling) return grantRemedy(denials, layers, rule.file);
  const place = rule.line > 0 ? `${rule.file}:${rule.line}` : rule.file;
  return { kind: 'change', rule: rule.id, place, owner: ownerOfLayer(rule.layer) };
}

/** Rules for what was asked, for the file at `ceiling` under `max` where there is one. */
function grantRemedy(
  { rule, requests, surface, count }: RuleDenials,
  layers: readonly PolicyLayer[],
  ceiling: string,
): Remedy {
  if (surface === 'credentials')
    return {
      kind: 'none',
      why: 'Define it under `credentials`, with its provider, what to request and where it is bound.',
    };
  const sections = new Map<string, Set<string>>();
  let granted = 0;
  let covered = 0;
  for (const { request, count: times } of requests) {
    if (granted >= MAX_GRANTS) break;
    const lines = linesFor(request);
    if (lines === undefined) continue;
    const { head, item } = lines;
    const items = sections.get(head) ?? new Set();
    if (!items.has(item)) granted += 1;
    sections.set(head, items.add(item));
    covered += times;
  }
  if (granted === 0) return { kind: 'none', why: 'No rule can name this request.' };
  const yaml = [...sections].map(([head, items]) => [head, ...items].join('\n')).join('\n');
  const own = layers.findLast(({ layer }) => layer === 'repo' || layer === 'user');
  return {
    kind: 'add',
    file: ceiling === '' ? (own?.file ?? OWN_FILE) : ceiling,
    owner: ceiling === '' ? ownerOfLayer(own?.layer ?? 'repo') : ownerOfLayer(rule.layer),
    yaml: ceiling === '' ? yaml : `max:\n${yaml.replace(/^/gm, '  ')}`,
    left: count - covered,
  };
}

/** The likeliest rule for one request, as the lines of its section and its own. */
function linesFor(request: string): { head: string; item: string } | undefined {
  const parsed = parseRequest(request);
  if (parsed.request === undefined) return undefined;
  const lines = grantsFor(parsed.request)[0]?.lines.split('\n');
  const [section, list, item] = lines ?? [];
  if (lines?.length !== 3 || item === undefined || visible(item, 4096) !== item) return undefined;
  return { head: `${section}\n${list}`, item };
}

const LAYERS: readonly string[] = ['builtin', 'org', 'team', 'user', 'repo', 'run'];

function ownerOfLayer(layer: string): string {
  return LAYERS.includes(layer) ? ownerOf(layer as LayerName) : 'whoever owns that file';
}

/** The remedy in one line of plain text, for annotations; `show` makes the log's texts fit where the line goes. */
export function remedyLine(remedy: Remedy, show: (text: string) => string): string {
  switch (remedy.kind) {
    case 'add':
      return `To allow it, add to ${show(remedy.file)} (${remedy.owner}):\n${show(remedy.yaml)}`;
    case 'change':
      return `To allow it, remove or narrow ${show(remedy.rule)} at ${show(remedy.place)} (${remedy.owner}).`;
    case 'none':
      return remedy.why;
  }
}
