// Links in results to resources that the agent may not read: it would be sent to ask for them.

import type { Json, JsonObject } from '../../model/credential.ts';
import { isListed } from './judge.ts';
import { isObject } from './message/message.ts';
import { note } from './note.ts';
import type { Core } from './state.ts';

/** The result with each `resource_link` replaced by a remark whose resource no rule opens. */
export function withoutHiddenLinks(core: Core, server: string, result: JsonObject): JsonObject {
  const { content } = result;
  if (!Array.isArray(content)) return result;
  const isHidden = (block: Json): boolean =>
    isObject(block) &&
    block['type'] === 'resource_link' &&
    !(
      typeof block['uri'] === 'string' &&
      isListed(core, { kind: 'resource', server, uri: block['uri'] })
    );
  if (!content.some(isHidden)) return result;
  note(core, server, 'a link to a resource that may not be read was left out');
  const text = '[a link to a resource that the policy does not open was left out]';
  return {
    ...result,
    content: content.map((block) => (isHidden(block) ? { type: 'text', text } : block)),
  };
}
