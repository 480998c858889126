// What one server says, on a stream of an agent that sees all servers: URIs get their server in front. Names of tools and prompts stand in
// no message but lists.

import type { Json, JsonObject } from '../../../model/credential.ts';
import type { AgentStream } from '../http/answer.ts';
import { isObject } from '../message/message.ts';
import type { Channel } from '../state.ts';
import { shownUri } from './names.ts';

/** The same stream, for what this server says on it. */
export function streamOf(stream: AgentStream, { server, era }: Channel): AgentStream {
  const show = (message: JsonObject): JsonObject => shownMessage(server.id, message);
  const own = Object.create(stream) as AgentStream;
  own.event = (message, id) => stream.event(show(message), id);
  own.last = (message, how = {}) => {
    // That one server has forgotten its session does not end the agent's.
    const isSessionOver = era === 'legacy' && how.status === 404;
    stream.last(show(message), isSessionOver ? { ...how, status: 200 } : how);
  };
  return own;
}

/** The message with each URI that a server states as such in the place where the protocol has one. */
export function shownMessage(server: string, message: JsonObject): JsonObject {
  const { result, params, method } = message;
  if (isObject(result)) return { ...message, result: shownResult(server, result) };
  if (method === 'notifications/resources/updated' && isObject(params))
    return { ...message, params: withUri(server, params) };
  return message;
}

function shownResult(server: string, result: JsonObject): JsonObject {
  const { content, contents, messages } = result;
  const each = (list: Json[], show: (item: JsonObject) => JsonObject): Json[] =>
    list.map((item) => (isObject(item) ? show(item) : item));
  const block = (item: JsonObject): JsonObject => shownBlock(server, item);
  return {
    ...result,
    ...(Array.isArray(contents) && { contents: each(contents, (one) => withUri(server, one)) }),
    ...(Array.isArray(content) && { content: each(content, block) }),
    ...(isObject(content) && { content: block(content) }),
    ...(Array.isArray(messages) && {
      messages: each(messages, (message) => {
        const inner = message['content'];
        if (Array.isArray(inner)) return { ...message, content: each(inner, block) };
        return isObject(inner) ? { ...message, content: block(inner) } : message;
      }),
    }),
  };
}

function shownBlock(server: string, item: JsonObject): JsonObject {
  if (item['type'] === 'resource_link') return withUri(server, item);
  const { resource } = item;
  return item['type'] === 'resource' && isObject(resource)
    ? { ...item, resource: withUri(server, resource) }
    : item;
}

function withUri(server: string, item: JsonObject): JsonObject {
  const { uri } = item;
  return typeof uri === 'string' ? { ...item, uri: shownUri(server, uri) } : item;
}
