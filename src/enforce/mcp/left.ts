// What of a server an agent can use, once its lists have been read: to tell a session that may begin from one that only looks as if it could.

import type { DefinitionKind } from '../../model/mcp.ts';
import { isListed } from './judge.ts';
import { nameOf, requestFor, served } from './lists.ts';
import type { Core, ServerState } from './state.ts';

export interface Left {
  /** tools that the server offers, or that were reviewed, and that rules allow */
  allowedTools: number;
  /** those of them that can be called: neither refused nor other than they were reviewed */
  tools: number;
  /** prompts, resources and templates that are shown */
  others: number;
}

export function leftOf(core: Core, server: ServerState): Left {
  const { pins } = core.options;
  const reviewed = pins.find(server.id)?.definitions.tool ?? [];
  const names = new Set([
    ...server.lists.tool.live,
    ...reviewed.flatMap((one) => nameOf('tool', one) ?? []),
  ]);
  const allowed = [...names].filter((name) => isListed(core, requestFor(server.id, 'tool', name)));
  const isUsable = (kind: DefinitionKind, name: string): boolean =>
    !server.isQuarantined && pins.isServed(server.id, kind, name);
  return {
    allowedTools: allowed.length,
    tools: allowed.filter((name) => isUsable('tool', name)).length,
    others: (['prompt', 'resource', 'template'] as const).flatMap((kind) =>
      served(core, server, kind).filter((one) => isUsable(kind, nameOf(kind, one) ?? '')),
    ).length,
  };
}
