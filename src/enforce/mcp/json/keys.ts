// Keys that are refused wherever they stand, and keys that a reader which ignores case would take for one of the protocol.

/** Members of messages, of their params and of their results that the gateway or a server acts upon. */
const PROTOCOL_KEYS = [
  'jsonrpc',
  'id',
  'method',
  'params',
  'result',
  'error',
  'name',
  'arguments',
  'uri',
  '_meta',
  'code',
  'message',
  'data',
  'cursor',
  'nextCursor',
  'ref',
  'argument',
  'context',
  'level',
  'task',
  'protocolVersion',
  'capabilities',
  'clientInfo',
  'serverInfo',
  'instructions',
  'requestId',
  'progressToken',
  'progress',
  'tools',
  'prompts',
  'resources',
  'resourceTemplates',
  'content',
  'contents',
  'messages',
  'structuredContent',
  'isError',
  'resultType',
  'inputRequests',
  'inputResponses',
  'requestState',
  'notifications',
  'supportedVersions',
  'ttlMs',
  'cacheScope',
];

/**
 * Equal for names that a reader which ignores case takes for the same. Both ways: U+017F becomes `s` only by upper case, U+212A `k`
 * only by lower case, as in Go's `EqualFold`.
 */
export const foldName = (key: string): string => key.toUpperCase().toLowerCase();

const EXACT = new Set(PROTOCOL_KEYS);
const FOLDED = new Set(PROTOCOL_KEYS.map(foldName));

/** Keys that careless code in JavaScript assigns through; `within`: key of the object that it stands in. */
export function isForbiddenKey(key: string, within: string | undefined): boolean {
  return key === '__proto__' || (key === 'prototype' && within === 'constructor');
}

/** Whether it is a key of the protocol but for the case of its letters. */
export function isTwin(key: string): boolean {
  return !EXACT.has(key) && FOLDED.has(foldName(key));
}
