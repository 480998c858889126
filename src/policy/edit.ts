// The smallest edit that would allow a denied request, as lines to copy, and whose file they belong in. Each edit is tried
// on the policy before it is offered.
import type { Decision, RuleReference } from '../model/decision.ts';
import type {
  EffectivePolicy,
  Layer,
  LayerName,
  NetworkRule,
  RuleOrigin,
} from '../model/policy.ts';
import type { Request } from '../model/request.ts';
import { referenceTo } from './compile.ts';
import { createDecider, createJudge } from './decide.ts';
import { show } from './decide-mcp.ts';
import { type Grant, grantsFor } from './grants.ts';
import { isRequestLevel } from './request-rule.ts';
import { escapeText } from './request-syntax.ts';
import { noSections } from './sections.ts';

type AnyRule = RuleOrigin & Pick<NetworkRule, 'methods' | 'paths'>;

/** Where a repository's policy lies unless it says otherwise. */
export const OWN_FILE = '.github/agent-sandbox.yml';
const NONE = 'no edit can allow this';
/** What is denied because no rule names it, and allowed once one does. */
export const OPENED_BY_NAMING = new Set([
  'builtin/default',
  'builtin/private-address',
  'builtin/host-service',
]);

/** Empty for an allowed request; otherwise where to write what, or why nothing can be written. */
export function smallestEdit(
  policy: EffectivePolicy,
  decision: Decision,
  request: Request,
): string {
  if (decision.effect === 'allow') return '';
  if (request.kind === 'mint')
    return policyHas(policy, request.id)
      ? `keep "${request.id}" within the ceiling of ${decision.rule.file}, or ask whoever owns that file`
      : `define "${request.id}" under \`credentials\`, with its provider, what to request and where it is bound`;
  if ('server' in request && !policy.mcp.servers.some(({ id }) => id === request.server))
    return policy.layers.some(({ mcp }) => mcp.servers.some(({ id }) => id === request.server))
      ? `keep the tool server "${request.server}" within what ${decision.rule.file} allows, or ask whoever owns that file`
      : `define the tool server "${escapeText(request.server)}" under \`mcp.servers\`, with its \`url\` or \`command\``;
  const { rule } = decision;
  if (rule.id === 'builtin/malformed') return `${NONE}: the request is not in canonical form`;
  if (rule.layer === 'builtin' && !OPENED_BY_NAMING.has(rule.id))
    return `${NONE}: ${rule.id} protects the host, whatever a policy says`;

  const edits: string[] = [];
  const opened = withoutDenies(policy, decision, request, edits);
  if (widenArguments(opened, request, edits)) return edits.join('\n');
  if (createDecider(opened)(request).effect === 'deny' && !addGrant(opened, request, edits))
    return `${NONE}: no rule can name it`;
  return edits.join('\n');
}

const policyHas = (policy: EffectivePolicy, id: string): boolean =>
  policy.layers.some(({ credentials }) => credentials.some((one) => one.id === id));

/** The policy without the denies that hit the request; says which they are. */
function withoutDenies(
  policy: EffectivePolicy,
  { matched }: Decision,
  request: Request,
  edits: string[],
): EffectivePolicy {
  const isHit = (layer: Layer, rule: AnyRule): boolean =>
    // A connection that must be judged request by request is not denied by that.
    (request.kind !== 'connect' || !isRequestLevel(rule)) &&
    matched.some(
      (hit) =>
        hit.id === `${layer.name}/${rule.id ?? rule.place}` &&
        hit.line === rule.line &&
        hit.file === rule.file,
    );
  const layers = policy.layers.map((layer): Layer => {
    if (layer.name === 'builtin') return layer;
    const keep = (rule: AnyRule): boolean => !isHit(layer, rule);
    return {
      ...layer,
      network: { ...layer.network, deny: layer.network.deny.filter(keep) },
      filesystem: { ...layer.filesystem, deny: layer.filesystem.deny.filter(keep) },
      execution: { ...layer.execution, deny: layer.execution.deny.filter(keep) },
      mcp: { ...layer.mcp, deny: layer.mcp.deny.filter(keep) },
    };
  });
  const denies = matched.filter((hit) =>
    policy.layers.some(
      (layer) =>
        layer.name === hit.layer &&
        [
          ...layer.network.deny,
          ...layer.filesystem.deny,
          ...layer.execution.deny,
          ...layer.mcp.deny,
        ].some((rule) => isHit(layer, rule) && hit.id === `${layer.name}/${rule.id ?? rule.place}`),
    ),
  );
  for (const deny of denies)
    edits.push(`remove or narrow ${deny.id} at ${placeOf(deny)} (${ownerOf(deny.layer)})`);
  return { ...policy, layers };
}

/** Where a rule names the call and its arguments alone do not fit: what to widen there. */
function widenArguments(policy: EffectivePolicy, request: Request, edits: string[]): boolean {
  if (createDecider(policy)(request).effect === 'allow') return false;
  const near = createJudge(policy).find(request)?.near ?? [];
  for (const { entry, unfit } of near) {
    const widened = policy.layers.map((layer, i) => {
      if (i !== entry.layer) return layer;
      const allow = layer.mcp.allow.map((rule) => {
        const { arguments: _, ...open } = rule;
        return referenceTo(rule, layer).id === entry.reference.id ? open : rule;
      });
      return { ...layer, mcp: { ...layer.mcp, allow } };
    });
    if (createDecider({ ...policy, layers: widened })(request).effect === 'deny') continue;
    const { id, layer } = entry.reference;
    edits.push(
      `widen what \`arguments\` of ${id} at ${placeOf(entry.reference)} says of ${unfit.map(show).join(', ')} (${ownerOf(layer)})`,
    );
    return true;
  }
  return false;
}

/** Adds the rule where it is least: to the lowest layer alone, or to the ceilings above as well. */
function addGrant(policy: EffectivePolicy, request: Request, edits: string[]): boolean {
  const lowest = policy.layers.findLast(
    (layer) => layer.name !== 'builtin' && layer.name !== 'run' && layer.name !== 'org',
  );
  const file = lowest?.file ?? OWN_FILE;
  for (const grant of grantsFor(request)) {
    const allow = `add to ${file} (${ownerOf(lowest?.name ?? 'repo')}):\n${grant.lines}`;
    const isAllowed = (changed: EffectivePolicy): boolean =>
      createDecider(changed)(request).effect === 'allow';
    const bounded = policy.layers.filter(
      (layer) =>
        layer !== lowest &&
        (layer.name === 'org' || (layer.max !== undefined && layer.name !== 'builtin')),
    );
    const withRule = grantIn(policy, lowest, grant);
    const raised = raiseCeilings(policy, bounded, grant);
    const both = raiseCeilings(withRule, bounded, grant);
    const ceilings = bounded
      .filter(
        (layer) =>
          !isAllowed(
            raiseCeilings(
              withRule,
              bounded.filter((other) => other !== layer),
              grant,
            ),
          ),
      )
      .map(
        (layer) =>
          `add to ${layer.file} (${ownerOf(layer.name)}):\nmax:\n${grant.lines.replace(/^/gm, '  ')}`,
      );
    if (isAllowed(withRule)) edits.push(allow);
    else if (isAllowed(raised)) edits.push(...ceilings);
    else if (isAllowed(both)) edits.push(allow, ...ceilings);
    else continue;
    return true;
  }
  return false;
}

function grantIn(
  policy: EffectivePolicy,
  target: Layer | undefined,
  grant: Grant,
): EffectivePolicy {
  const empty: Layer = {
    name: 'repo',
    file: OWN_FILE,
    digest: '',
    ...noSections(),
  };
  const at = policy.layers.findIndex((layer) => layer.name === 'run');
  const place = at < 0 ? policy.layers.length : at;
  const layers =
    target === undefined
      ? [
          ...policy.layers.slice(0, place),
          { ...empty, ...grant.add(empty) },
          ...policy.layers.slice(place),
        ]
      : policy.layers.map((layer) =>
          layer === target ? { ...layer, ...grant.add(layer) } : layer,
        );
  return { ...policy, layers };
}

function raiseCeilings(
  policy: EffectivePolicy,
  targets: readonly Layer[],
  grant: Grant,
): EffectivePolicy {
  const isTarget = (layer: Layer): boolean =>
    targets.some((target) => target.name === layer.name && target.file === layer.file);
  return {
    ...policy,
    layers: policy.layers.map((layer) =>
      isTarget(layer) ? { ...layer, max: grant.add(layer.max ?? noSections()) } : layer,
    ),
  };
}

function placeOf(rule: RuleReference): string {
  return rule.line === 0 ? rule.file : `${rule.file}:${rule.line}`;
}

const OWNERS: Record<LayerName, string> = {
  builtin: 'nobody may',
  org: "the organisation's policy",
  team: "the team's policy",
  user: 'your own policy on this machine',
  repo: "the repository's policy",
  run: 'the flags of this run',
};

/** Who may change what a layer says. */
export function ownerOf(layer: LayerName): string {
  return OWNERS[layer];
}
