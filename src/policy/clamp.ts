// Which rules exceed a ceiling. For people: the ceiling itself holds request by request, in the formula. Containment is
// decided conservatively: what is not surely within counts as exceeding.
import { blockWithin, parseBlock } from '../match/address.ts';
import {
  containsAllowed,
  containsHost,
  type HostPattern,
  parseHostPattern,
} from '../match/host.ts';
import {
  arePathsApart,
  compilePath,
  containsPath,
  namesDirectory,
  type PathPattern,
} from '../match/path.ts';
import { specialRangeOf } from '../match/special.ts';
import type {
  Clamp,
  DefaultGrant,
  ExecutionRule,
  FilesystemRule,
  Layer,
  NetworkRule,
  RuleOrigin,
  Sections,
} from '../model/policy.ts';
import type { McpRule } from '../model/mcp.ts';
import { isRuleWithin } from './argument-within.ts';
import { GRANTED, isBareName } from './compile.ts';
import { containsRequests, matchesNoRequest, mayMeet } from './request-rule.ts';

export interface Ceiling {
  layer: Layer;
  /** default grants of the builtin layer that neither the layer nor its ceiling speaks of: it does not bound them */
  leaves: DefaultGrant[];
  network: { allow: NetworkRule[]; deny: NetworkRule[] };
  filesystem: { allow: FilesystemRule[]; deny: FilesystemRule[] };
  execution: { allow: ExecutionRule[]; deny: ExecutionRule[] };
  mcp: { allow: McpRule[]; deny: McpRule[] };
}

export function findClamps(layers: readonly Layer[]): Clamp[] {
  const workspace = defaultWorkspace(layers);
  const clamps: Clamp[] = [];
  for (const layer of layers) {
    for (const ceiling of ceilingsAbove(layers, layer)) {
      const report = (rule: RuleOrigin): void => {
        const by = `${ceiling.layer.name}/max`;
        const delegates =
          ceiling.layer.max === undefined
            ? 'which delegates nothing'
            : `whose ceiling is ${ceiling.layer.file}:${ceiling.layer.maxLine ?? 1}`;
        clamps.push({
          rule: { ...rule, layer: layer.name },
          by,
          message: `${layer.name}/${rule.id ?? rule.place} exceeds what the ${ceiling.layer.name} layer allows, ${delegates}`,
        });
      };
      exceedingRules(layer, ceiling, workspace).forEach(report);
    }
  }
  return clamps;
}

/** The place of the builtin layer's default grant. */
export function defaultWorkspace(layers: readonly Layer[]): string | undefined {
  return layers
    .flatMap((layer) => layer.filesystem.allow)
    .find((rule) => rule.default === 'workspace')?.path;
}

/** The ceilings of the layers above, and of those beside. */
export function ceilingsAbove(layers: readonly Layer[], layer: Layer): Ceiling[] {
  const index = layers.indexOf(layer);
  return layers
    .filter((other, i) => other !== layer && (i < index || other.name === layer.name))
    .flatMap(ceilingOf);
}

/** The allows among these that do not surely lie within a ceiling. */
export function exceedingRules(
  { network, filesystem, execution, mcp }: Omit<Sections, 'narrows' | 'credentials'>,
  ceiling: Ceiling,
  workspace: string | undefined,
): RuleOrigin[] {
  return [
    ...network.allow.filter((rule) => !isNetworkWithin(rule, ceiling)),
    ...filesystem.allow.filter((rule) => !isFileWithin(rule, ceiling, workspace)),
    ...execution.allow.filter((rule) => !isProgramWithin(rule, ceiling)),
    ...mcp.allow.filter((rule) => !isRuleWithin(rule, ceiling.mcp.allow, ceiling.mcp.deny)),
  ];
}

function ceilingOf(layer: Layer): Ceiling[] {
  if (layer.name === 'builtin' || (layer.max === undefined && layer.name !== 'org')) return [];
  const join = <R>(
    own: R[],
    max: { allow: R[]; deny: R[] } | undefined,
  ): { allow: R[]; deny: R[] } => ({
    allow: [...own, ...(max?.allow ?? [])],
    deny: max?.deny ?? [],
  });
  const grants: DefaultGrant[] = ['workspace', 'execution'];
  return [
    {
      layer,
      leaves: grants.filter(
        (grant) => !layer.narrows.includes(grant) && layer.max?.narrows.includes(grant) !== true,
      ),
      network: join(layer.network.allow, layer.max?.network),
      filesystem: join(layer.filesystem.allow, layer.max?.filesystem),
      execution: join(layer.execution.allow, layer.max?.execution),
      mcp: join(layer.mcp.allow, layer.max?.mcp),
    },
  ];
}

function isNetworkWithin(rule: NetworkRule, ceiling: Ceiling): boolean {
  if (matchesNoRequest(rule)) return true;
  // Whole rules only: requests that two rules of a ceiling share between them count as exceeding it.
  const network = {
    allow: ceiling.network.allow.filter((bound) => containsRequests(bound, rule)),
    deny: ceiling.network.deny.filter((bound) => mayMeet(bound, rule)),
  };
  const ports = rule.ports ?? [];
  const admits = (bound: NetworkRule, port: number): boolean =>
    bound.ports === undefined || bound.ports.includes(port);
  const hostsFit = rule.hosts.every((text) => {
    const inner = parseHostPattern(text);
    const contains = (bound: NetworkRule): boolean =>
      patternsOf(bound).some((outer) => inner !== undefined && containsAllowed(outer, inner));
    const touches = (bound: NetworkRule): boolean =>
      patternsOf(bound).some(
        (outer) => inner === undefined || containsHost(outer, inner) || overlaps(outer, inner),
      );
    return ports.every(
      (port) =>
        network.allow.some((bound) => admits(bound, port) && contains(bound)) &&
        !network.deny.some((bound) => admits(bound, port) && touches(bound)),
    );
  });
  const blocksFit = rule.cidrs.every((text) => {
    const inner = parseBlock(text);
    if (inner === undefined) return false;
    const contains = (bound: NetworkRule): boolean =>
      bound.cidrs.some((outerText) => {
        const outer = parseBlock(outerText);
        if (outer === undefined || !blockWithin(outer, inner)) return false;
        // A block that holds a special range does not reach into it, so it is no ceiling for what does.
        const special = specialRangeOf(inner);
        return special === undefined || blockWithin(special.block, outer);
      });
    return (
      ports.every((port) =>
        network.allow.some((bound) => admits(bound, port) && contains(bound)),
      ) && network.deny.every((bound) => bound.cidrs.length === 0)
    );
  });
  return hostsFit && blocksFit;
}

function patternsOf(rule: NetworkRule): HostPattern[] {
  return rule.hosts.flatMap((text) => parseHostPattern(text) ?? []);
}

function overlaps(a: HostPattern, b: HostPattern): boolean {
  const base = (pattern: HostPattern): string =>
    pattern.kind === 'exact' ? pattern.name : pattern.base;
  if (a.kind === 'exact' || b.kind === 'exact') return containsHost(a, b) || containsHost(b, a);
  return (
    base(a) === '' ||
    base(b) === '' ||
    `.${base(a)}`.endsWith(`.${base(b)}`) ||
    `.${base(b)}`.endsWith(`.${base(a)}`)
  );
}

function isFileWithin(
  rule: FilesystemRule,
  { filesystem, leaves }: Ceiling,
  workspace: string | undefined,
): boolean {
  const inner = compilePath(rule.path, namesDirectory(rule.path));
  if (
    workspace !== undefined &&
    leaves.includes('workspace') &&
    containsPath(compilePath(workspace, true), inner)
  )
    return true;
  const wanted = GRANTED[rule.access ?? 'read'];
  let given = 0;
  for (const bound of filesystem.allow)
    if (containsPath(compilePath(bound.path, namesDirectory(bound.path)), inner))
      given |= GRANTED[bound.access ?? 'read'];
  return (
    (wanted & ~given) === 0 &&
    filesystem.deny.every((bound) => arePathsApart(compilePath(bound.path, true), inner))
  );
}

function isProgramWithin(rule: ExecutionRule, { execution, leaves }: Ceiling): boolean {
  if (leaves.includes('execution')) return true;
  const toPattern = ({ path }: ExecutionRule): PathPattern =>
    isBareName(path) ? compilePath(`/**/${path}`, false) : compilePath(path, namesDirectory(path));
  const inner = toPattern(rule);
  return (
    execution.allow.some((bound) => containsPath(toPattern(bound), inner)) &&
    execution.deny.every((bound) => arePathsApart(toPattern(bound), inner))
  );
}
