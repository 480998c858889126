// What a rule says of what may come back: its size and its kinds of content; and the mark that findings leave in a result.

import type { Json, JsonObject } from '../../../model/credential.ts';
import { CONTENT_TYPES } from '../../../model/mcp.ts';
import type { ContentType, ResultRule } from '../../../model/mcp.ts';
import type { Finding } from '../content.ts';
import type { Findings } from './findings.ts';
import { isObject } from './shape.ts';

/** In `_meta` of a result: what its reader should be wary of. https://modelcontextprotocol.io/specification/2025-11-25/basic#_meta */
export const FINDINGS_KEY = 'agent-sandbox/findings';

export interface Body {
  body: Json;
  kind: 'result' | 'error' | 'other';
  /** the message with another body */
  put: (body: Json) => Json;
}

/** The part of a message that a server wrote freely: a whole message's result, error or params, or the message itself. */
export function bodyOf(message: Json): Body {
  if (!isObject(message) || message.jsonrpc === undefined)
    return { body: message, kind: isError(message) ? 'error' : 'result', put: (body) => body };
  for (const [key, kind] of [
    ['result', 'result'],
    ['error', 'error'],
    ['params', 'other'],
  ] as const)
    if (message[key] !== undefined)
      return { body: message[key], kind, put: (body) => ({ ...message, [key]: body }) };
  return { body: {}, kind: 'other', put: () => message };
}

function isError(message: Json): boolean {
  return (
    isObject(message) && typeof message.code === 'number' && typeof message.message === 'string'
  );
}

export type Ruled = { action: 'pass'; value: Json } | { action: 'block'; reason: string };

/** Content of a kind that the rule does not name is taken out; a result that is too long is withheld. */
export function applyRule(body: Json, rule: ResultRule, findings: Findings): Ruled {
  if (rule.maxBytes !== undefined && Buffer.byteLength(JSON.stringify(body)) > rule.maxBytes) {
    findings.add({ detector: 'size', place: '' });
    return { action: 'block', reason: 'size' };
  }
  if (rule.types === undefined || !isObject(body)) return { action: 'pass', value: body };
  return onlyTypes(body, new Set(rule.types), findings);
}

function onlyTypes(body: JsonObject, types: Set<ContentType>, findings: Findings): Ruled {
  const isNamed = (item: Json, place: string): boolean => {
    const type = isObject(item) ? item.type : undefined;
    const isKnown = CONTENT_TYPES.some((known) => known === type && types.has(known));
    if (!isKnown) findings.add({ detector: 'content-type', place });
    return isKnown;
  };
  const copy = { ...body };
  const { content, messages, contents, structuredContent } = body;
  if (Array.isArray(content))
    copy.content = content.filter((item, index) => isNamed(item, `content[${index}]`));
  else if (content !== undefined && !isNamed(content, 'content')) delete copy.content;
  if (Array.isArray(messages))
    copy.messages = messages.flatMap((message, index) => {
      if (!isObject(message)) return [];
      const place = `messages[${index}].content`;
      const inner = message.content ?? null;
      if (!Array.isArray(inner)) return isNamed(inner, place) ? [message] : [];
      // No revision has lists here, but clients may read them.
      return [
        { ...message, content: inner.filter((item, at) => isNamed(item, `${place}[${at}]`)) },
      ];
    });
  // What `resources/read` gives is a resource without the name.
  if (contents !== undefined && !types.has('resource')) {
    findings.add({ detector: 'content-type', place: 'contents' });
    copy.contents = [];
  }
  if (structuredContent !== undefined && !types.has('text')) {
    findings.add({ detector: 'content-type', place: 'structuredContent' });
    delete copy.structuredContent;
  }
  return { action: 'pass', value: copy };
}

/** Replaces what the server put there itself: it does not speak for the gateway. */
export function annotate(body: Json, kind: Body['kind'], findings: readonly Finding[]): Json {
  if (kind !== 'result' || !isObject(body)) return body;
  const meta = isObject(body._meta) ? body._meta : {};
  const isForged = Object.hasOwn(meta, FINDINGS_KEY);
  if (findings.length === 0 && !isForged) return body;
  const { [FINDINGS_KEY]: _, ...others } = meta;
  const list = findings.map(({ detector, place }): JsonObject => ({ detector, place }));
  const marked = list.length === 0 ? others : { ...others, [FINDINGS_KEY]: list };
  return { ...body, _meta: marked };
}
