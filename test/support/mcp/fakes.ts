// The plainest parts that a gateway can be made of: content that passes, pins that take what they see first, rules as a function.
import type { Content } from '../../../src/enforce/mcp/content.ts';
import { nameOf } from '../../../src/enforce/mcp/lists.ts';
import type { Pins, PinnedServer } from '../../../src/enforce/mcp/pins.ts';
import type { Decision } from '../../../src/model/decision.ts';
import type { Definition, DefinitionKind } from '../../../src/model/mcp.ts';
import type { Request } from '../../../src/model/request.ts';

export const passContent: Content = {
  outgoing: (_server, value) => ({ action: 'pass', value, findings: [] }),
  incoming: (_server, value) => ({ action: 'pass', value, findings: [] }),
  name: (text) => text,
  definition: () => [],
};

const keyOf = (kind: DefinitionKind, one: Definition): string => nameOf(kind, one) ?? '';

/** Serves what was seen first; what has changed since is served no more. */
export function firstSeenPins(): Pins {
  const servers = new Map<string, PinnedServer>();
  const seen = new Set<string>();
  const away = new Set<string>();
  const id = (...parts: string[]): string => JSON.stringify(parts);
  return {
    find: (server) => servers.get(server),
    isLocked: () => false,
    meet: (server, facts) => {
      const known = servers.get(server);
      if (known === undefined)
        servers.set(server, {
          facts,
          definitions: { tool: [], prompt: [], resource: [], template: [] },
        });
      else if (known.facts.instructions !== facts.instructions)
        return [
          { server, kind: 'server', name: 'instructions', change: 'changed', difference: [] },
        ];
      return [];
    },
    compare: (server, kind, live) => {
      const known = servers.get(server);
      if (known === undefined) return [];
      if (!seen.has(id(server, kind))) {
        seen.add(id(server, kind));
        known.definitions[kind] = [...live];
        return [];
      }
      const now = new Map(live.map((one) => [keyOf(kind, one), JSON.stringify(one)]));
      return known.definitions[kind]
        .filter((one) => now.get(keyOf(kind, one)) !== JSON.stringify(one))
        .map((one) => {
          away.add(id(server, kind, keyOf(kind, one)));
          return { server, kind, name: keyOf(kind, one), change: 'changed', difference: [] };
        });
    },
    served: (server, kind) =>
      (servers.get(server)?.definitions[kind] ?? []).filter(
        (one) => !away.has(id(server, kind, keyOf(kind, one))),
      ),
    isServed: (server, kind, name) =>
      (servers.get(server)?.definitions[kind] ?? []).some((one) => keyOf(kind, one) === name) &&
      !away.has(id(server, kind, name)),
  };
}

const RULE = {
  id: 'repo/mcp.allow[0]',
  file: '.github/agent-sandbox.yml',
  line: 7,
  layer: 'repo',
} as const;
const NONE = { id: 'builtin/default', file: 'builtin', line: 0, layer: 'builtin' } as const;

/** Allows what the function says, by one rule. */
export function rules(
  isAllowed: (request: Request) => boolean,
  more: Partial<Decision> = {},
): (request: Request) => Decision {
  return (request) => {
    const effect = isAllowed(request) ? 'allow' : 'deny';
    const rule = effect === 'allow' ? RULE : NONE;
    return {
      effect,
      rule,
      reason: effect === 'allow' ? 'a rule allows it' : 'no rule allows it',
      matched: [rule],
      isPrivate: false,
      isInspected: false,
      ...(effect === 'allow' && more),
    };
  };
}
