// What is found about a request to a tool server: by the same formula as everything else, and only for servers that there are.
import type { Decision, RuleReference } from '../model/decision.ts';
import type { EffectivePolicy } from '../model/policy.ts';
import { REQUEST } from './compile.ts';
import type { Finding } from './conclude.ts';
import type { Formula } from './formula.ts';
import { createMcpIndex, type McpRequest } from './mcp-index.ts';
import { joinResults } from './mcp-results.ts';
import { escapeText } from './request-syntax.ts';

export interface McpJudge {
  find(request: McpRequest): Finding | undefined;
  /** why a server is not there for anybody; undefined for one that is */
  refuse(request: McpRequest): Decision | undefined;
}

export function createMcpJudge(policy: EffectivePolicy, formula: Formula): McpJudge {
  const index = createMcpIndex(policy);
  const servers = new Set(policy.mcp.servers.map(({ id }) => id));
  return {
    find(request) {
      const found = index(request);
      if (found === undefined) return undefined;
      const { entries, keys, rules, near } = found;
      const allows = entries.filter(({ list }) => list === 'allow' || list === 'maxAllow');
      const results =
        request.kind === 'feature'
          ? undefined
          : joinResults(allows.flatMap((entry) => rules.get(entry) ?? []));
      const [miss] = near;
      return {
        entries,
        outcome: formula(entries),
        wanted: [REQUEST],
        keys,
        near,
        ...(results && { results }),
        ...(miss && {
          defaultReason: `${miss.entry.reference.id} allows it with other arguments: ${miss.unfit.map(show).join(', ')} ${miss.unfit.length === 1 ? 'does' : 'do'} not fit`,
        }),
      };
    },
    refuse: ({ server }) => (servers.has(server) ? undefined : noServer(policy, server)),
  };
}

/** Names come from the agent: shown short, and with nothing that a terminal would obey. */
export const show = (name: string): string => `\`${escapeText(name.slice(0, 64))}\``;

function noServer(policy: EffectivePolicy, server: string): Decision {
  const clamp = policy.clamps.find(
    ({ rule }) => rule.id === server && rule.place.startsWith('mcp.servers'),
  );
  const layer = policy.layers.find(({ name }) => clamp?.by === `${name}/max`);
  const rule: RuleReference =
    clamp !== undefined && layer !== undefined
      ? { id: clamp.by, file: layer.file, line: layer.maxLine ?? 0, layer: layer.name }
      : { id: 'builtin/default', file: 'builtin', line: 0, layer: 'builtin' };
  return {
    effect: 'deny',
    rule,
    reason: clamp?.message ?? `no layer defines a tool server ${show(server)}`,
    matched: [],
    isPrivate: false,
    isInspected: false,
  };
}
