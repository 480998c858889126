// Links in what a server says to resources that the agent may not read: it would be sent to ask for them.

import type { Json, JsonObject } from '../../model/credential.ts';
import { isListed } from './judge.ts';
import { isObject } from './message/message.ts';
import { note } from './note.ts';
import type { Core } from './state.ts';

const REMARK: JsonObject = {
  type: 'text',
  text: '[a link to a resource that the policy does not open was left out]',
};

/** The result, of a tool or a prompt, with each `resource_link` replaced by a remark whose resource no rule opens. */
export function withoutHiddenLinks(core: Core, server: string, result: JsonObject): JsonObject {
  let count = 0;
  const block = (item: Json): Json => {
    if (!isHidden(core, server, item)) return item;
    count += 1;
    return REMARK;
  };
  // One block, or a list of them: whoever reads may take either.
  const blocks = (item: Json): Json => (Array.isArray(item) ? item.map(block) : block(item));
  const { content, messages } = result;
  const shown: JsonObject = { ...result };
  if (content !== undefined) shown['content'] = blocks(content);
  if (Array.isArray(messages))
    shown['messages'] = messages.map((message) =>
      isObject(message) && message['content'] !== undefined
        ? { ...message, content: blocks(message['content']) }
        : message,
    );
  if (count === 0) return result;
  note(core, server, 'a link to a resource that may not be read was left out');
  return shown;
}

function isHidden(core: Core, server: string, item: Json): boolean {
  if (!isObject(item) || item['type'] !== 'resource_link') return false;
  const { uri } = item;
  return typeof uri !== 'string' || !isListed(core, { kind: 'resource', server, uri });
}
