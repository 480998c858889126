// Takes down all that servers say, for a reviewer: nothing is kept away, and nothing is served to anybody.

import type { Definition, DefinitionKind } from '../../../model/mcp.ts';
import type { PinnedServer, Pins } from '../pins.ts';

export function createSurvey(): Pins {
  const seen = new Map<string, PinnedServer>();
  const definitions = (): PinnedServer['definitions'] => ({
    tool: [],
    prompt: [],
    resource: [],
    template: [],
  });
  const listOf = (server: string, kind: DefinitionKind): Definition[] =>
    seen.get(server)?.definitions[kind] ?? [];
  return {
    find: (server) => seen.get(server),
    isLocked: () => false,
    meet: (server, facts) => {
      seen.set(server, { facts, definitions: definitions() });
      return [];
    },
    compare: (server, kind, live) => {
      const one = seen.get(server);
      if (one !== undefined) one.definitions[kind] = [...live];
      return [];
    },
    served: listOf,
    isServed: () => false,
  };
}
