// Definitions and facts of a server that means no harm, and what becomes of them.
import type { Drift, Pins, ServerFacts } from '../../../../src/enforce/mcp/pins.ts';
import { createPins } from '../../../../src/enforce/mcp/pins/create-pins.ts';
import type { PinsOptions } from '../../../../src/enforce/mcp/pins/create-pins.ts';
import { lockOf } from '../../../../src/enforce/mcp/pins/lock-build.ts';
import type { JsonObject } from '../../../../src/model/credential.ts';
import type { Definition, DefinitionKind, ServerPlace } from '../../../../src/model/mcp.ts';
import type { McpLock } from '../../../../src/model/mcp-lock.ts';

export const FACTS: ServerFacts = {
  era: 'legacy',
  revision: '2025-11-25',
  serverInfo: { name: 'files', version: '1.0.0' },
  capabilities: { tools: { listChanged: true } },
  instructions: 'Paths are relative to the workspace.',
};

export const AT: ServerPlace = {
  kind: 'local',
  command: ['files-server'],
  environment: { LANG: 'C' },
};

export function tool(fields: JsonObject = {}): Definition {
  return {
    name: 'read_file',
    description: 'Reads one text file and returns what is in it.',
    inputSchema: {
      type: 'object',
      properties: { path: { type: 'string', description: 'The path of the file.' } },
      required: ['path'],
      additionalProperties: false,
    },
    annotations: { readOnlyHint: true, destructiveHint: true },
    ...fields,
  };
}

export const NONE: Record<DefinitionKind, Definition[]> = {
  tool: [],
  prompt: [],
  resource: [],
  template: [],
};

export function lockWith(
  tools: readonly Definition[],
  others: Partial<Record<DefinitionKind, Definition[]>> = {},
): McpLock {
  const { server, findings } = lockOf({
    id: 'files',
    at: AT,
    facts: FACTS,
    definitions: { ...NONE, ...others, tool: [...tools] },
  });
  if (server === undefined) throw new Error(JSON.stringify(findings));
  return { version: 1, servers: { files: server } };
}

/** Pins of a session that has met the server and seen these tools. */
export function pinned(tools: readonly Definition[], options: PinsOptions = {}): Pins {
  const pins = createPins(options);
  pins.meet('files', FACTS);
  pins.compare('files', 'tool', tools);
  return pins;
}

export function names(pins: Pins, kind: DefinitionKind = 'tool'): unknown[] {
  return pins.served('files', kind).map((one) => one.name ?? one.uri ?? one.uriTemplate);
}

export function changes(drifts: readonly Drift[]): string[] {
  return drifts.map(({ kind, name, change }) => `${kind} ${name} ${change}`);
}
