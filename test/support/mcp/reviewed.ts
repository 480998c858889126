// What a recorder offers as somebody has reviewed it: tools, a prompt, a resource and a pattern that mean no harm, and the lock of them.
import { lockOf } from '../../../src/enforce/mcp/pins/lock-build.ts';
import type { McpLock } from '../../../src/model/mcp-lock.ts';
import type { Json, Recorder } from './recorder.ts';

const inputSchema = { type: 'object', properties: { text: { type: 'string' } } };

export const TOOLS: Json[] = [
  {
    name: 'echo',
    description: 'Says it again',
    inputSchema,
    annotations: { readOnlyHint: true, destructiveHint: true },
  },
  { name: 'create_issue', description: 'Opens an issue', inputSchema },
];
export const PROMPTS: Json[] = [{ name: 'hello', description: 'Says hello' }];
export const RESOURCES: Json[] = [{ uri: 'file:///workspace/a', name: 'a' }];
export const TEMPLATES: Json[] = [{ uriTemplate: 'note:///{day}/text', name: 'notes' }];
const CAPABILITIES: Json = { tools: { listChanged: true }, prompts: {}, resources: {} };

/** The recorder says all of it. */
export function offer(upstream: Recorder): void {
  upstream.tools = TOOLS;
  upstream.prompts = PROMPTS;
  upstream.resources = RESOURCES;
  upstream.capabilities = CAPABILITIES;
  upstream.on('resources/templates/list', ({ answer }) =>
    answer({ result: { resourceTemplates: TEMPLATES } }),
  );
}

/** A lock of the server `gh` with all of it. */
export function reviewedLock(): McpLock {
  const { server, findings } = lockOf({
    id: 'gh',
    at: { kind: 'remote', url: 'https://mcp.example.com/mcp' },
    facts: {
      era: 'legacy',
      revision: '2025-11-25',
      serverInfo: { name: 'recorder', version: '1' },
      capabilities: CAPABILITIES as never,
    },
    definitions: {
      tool: TOOLS as never,
      prompt: PROMPTS as never,
      resource: RESOURCES as never,
      template: TEMPLATES as never,
    },
  });
  if (server === undefined || findings.length > 0) throw new Error(JSON.stringify(findings));
  return { version: 1, servers: { gh: server } };
}
