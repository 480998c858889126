// Every method of both eras, and what becomes of it. What is not in the table does not exist.
// https://modelcontextprotocol.io/specification/2025-11-25/schema, https://modelcontextprotocol.io/specification/2026-07-28/schema

import type { DefinitionKind, Feature } from '../../../model/mcp.ts';
import type { Era } from './era.ts';

/** What an agent's request is. */
export type AgentMethod =
  /** the beginning of a session, or what a server says of itself */
  | { does: 'handshake'; era: Era }
  /** answered by the gateway */
  | { does: 'pong'; era: Era }
  /** answered from what was reviewed; `member`: of the result that holds the list */
  | { does: 'list'; kind: DefinitionKind; member: string }
  /** judged by the rules for `kind`, and by name or URI */
  | { does: 'call'; kind: 'tool' | 'prompt' | 'resource'; by: 'name' | 'uri' }
  /** judged by the rule for the feature */
  | { does: 'feature'; feature: Feature; era?: Era }
  /** a stream of news; what of it a rule must name is judged by itself */
  | { does: 'subscribe'; era: Era };

export const AGENT_REQUESTS: ReadonlyMap<string, AgentMethod> = new Map<string, AgentMethod>([
  ['initialize', { does: 'handshake', era: 'legacy' }],
  ['server/discover', { does: 'handshake', era: 'modern' }],
  ['ping', { does: 'pong', era: 'legacy' }],
  ['tools/list', { does: 'list', kind: 'tool', member: 'tools' }],
  ['prompts/list', { does: 'list', kind: 'prompt', member: 'prompts' }],
  ['resources/list', { does: 'list', kind: 'resource', member: 'resources' }],
  ['resources/templates/list', { does: 'list', kind: 'template', member: 'resourceTemplates' }],
  ['tools/call', { does: 'call', kind: 'tool', by: 'name' }],
  ['prompts/get', { does: 'call', kind: 'prompt', by: 'name' }],
  ['resources/read', { does: 'call', kind: 'resource', by: 'uri' }],
  ['completion/complete', { does: 'feature', feature: 'completions' }],
  ['logging/setLevel', { does: 'feature', feature: 'logging', era: 'legacy' }],
  ['resources/subscribe', { does: 'feature', feature: 'subscriptions', era: 'legacy' }],
  ['resources/unsubscribe', { does: 'feature', feature: 'subscriptions', era: 'legacy' }],
  ['subscriptions/listen', { does: 'subscribe', era: 'modern' }],
]);

/** What no rule can open: named here so that its refusal says why. */
export function refusedBy(method: string): string {
  return method.startsWith('tasks/') ? 'builtin/mcp-tasks' : 'builtin/mcp-unknown-method';
}

/** Requests that a legacy server may make, and modern ones may ask for in a result. */
export const SERVER_REQUESTS: ReadonlyMap<string, Feature> = new Map([
  ['sampling/createMessage', 'sampling'],
  ['elicitation/create', 'elicitation'],
  ['roots/list', 'roots'],
]);

/** Notifications that a server makes of what it offers, and the lists that have to be looked at again. */
export const LIST_NEWS: ReadonlyMap<string, readonly DefinitionKind[]> = new Map([
  ['notifications/tools/list_changed', ['tool']],
  ['notifications/prompts/list_changed', ['prompt']],
  ['notifications/resources/list_changed', ['resource', 'template']],
]);

/** method and member of the result, by what is listed */
export const LISTS: Readonly<Record<DefinitionKind, { method: string; member: string }>> = {
  tool: { method: 'tools/list', member: 'tools' },
  prompt: { method: 'prompts/list', member: 'prompts' },
  resource: { method: 'resources/list', member: 'resources' },
  template: { method: 'resources/templates/list', member: 'resourceTemplates' },
};
