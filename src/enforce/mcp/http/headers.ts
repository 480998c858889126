// Headers of the agent's requests that mean something: which era a message is of, and in the modern era that they say what the body says. Decisions
// are made on the body alone. https://modelcontextprotocol.io/specification/2026-07-28/basic/transports#request-metadata

import type { IncomingMessage } from 'node:http';

import type { JsonObject } from '../../../model/credential.ts';
import { type Era, LEGACY_REVISIONS, MODERN_REVISIONS, revisionOf } from '../message/era.ts';
import { CODE, type Refusal, refusal } from '../message/error.ts';
import { isObject, type Message } from '../message/message.ts';
import { headerValue, type HeaderParameters } from './parameters.ts';
import { decodeValue } from './sentinel.ts';

export interface RequestHeaders {
  session: string | undefined;
  /** `MCP-Protocol-Version` */
  revision: string | undefined;
  lastEventId: string | undefined;
  eraOf(message: Message): { era: Era; fault?: never } | { fault: Refusal; era?: never };
  /** of a header; undefined where there is none */
  value(name: string): string | undefined;
}

/** Headers that may stand once only. */
const SINGLE =
  /^(?:host|origin|authorization|content-type|content-length|accept|mcp-.*|last-event-id)$/;

/** The headers, or undefined where one that means something stands twice. */
export function readHeaders(request: IncomingMessage): RequestHeaders | undefined {
  const seen = new Set<string>();
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const name = (request.rawHeaders[at] ?? '').toLowerCase();
    if (!SINGLE.test(name)) continue;
    if (seen.has(name)) return undefined;
    seen.add(name);
  }
  const value = (name: string): string | undefined => {
    const found = request.headers[name];
    return typeof found === 'string' ? found : undefined;
  };
  const revision = value('mcp-protocol-version');
  return {
    session: value('mcp-session-id'),
    revision,
    lastEventId: value('last-event-id'),
    eraOf: (message) => eraOf(message, revision),
    value,
  };
}

function eraOf(
  message: Message,
  header: string | undefined,
): { era: Era; fault?: never } | { fault: Refusal; era?: never } {
  const said = 'params' in message ? revisionOf(message.params) : undefined;
  if (said !== undefined) return { era: 'modern' };
  if (header !== undefined && MODERN_REVISIONS.includes(header))
    return {
      fault: refusal(400, CODE.params, 'Invalid params: _meta lacks what every request must say'),
    };
  if (header !== undefined && !LEGACY_REVISIONS.includes(header))
    return {
      fault: refusal(400, CODE.request, 'Bad Request: Unsupported protocol version'),
    };
  return { era: 'legacy' };
}

/** Where the headers of a modern request do not say what its body says; undefined where they do. */
export function checkHeaders(
  headers: RequestHeaders,
  method: string,
  params: JsonObject,
  tools: ReadonlyMap<string, HeaderParameters>,
): string | undefined {
  const revision = revisionOf(params);
  if (headers.revision === undefined) return 'MCP-Protocol-Version is missing';
  if (headers.revision !== revision) return 'MCP-Protocol-Version is not that of the body';
  const named = headers.value('mcp-method');
  if (named === undefined) return 'Mcp-Method is missing';
  if (named !== method) return 'Mcp-Method is not that of the body';
  const source = method === 'resources/read' ? params['uri'] : params['name'];
  if (method !== 'tools/call' && method !== 'resources/read' && method !== 'prompts/get')
    return undefined;
  const header = headers.value('mcp-name');
  if (header === undefined) return 'Mcp-Name is missing';
  if (typeof source !== 'string' || decodeValue(header) !== source)
    return 'Mcp-Name is not that of the body';
  if (method !== 'tools/call') return undefined;
  const args = isObject(params['arguments']) ? params['arguments'] : {};
  for (const [name, path] of tools.get(source) ?? []) {
    const expected = headerValue(args, path);
    const given = headers.value(`mcp-param-${name}`);
    if (expected === undefined && given === undefined) continue;
    if (expected === undefined) return `Mcp-Param-${name} stands for nothing in the body`;
    if (given === undefined) return `Mcp-Param-${name} is missing`;
    const decoded = decodeValue(given);
    if (decoded === undefined || !isEqual(decoded, expected, args, path))
      return `Mcp-Param-${name} is not that of the body`;
  }
  return undefined;
}

/** Integers are compared as numbers: `42.0` is 42. */
function isEqual(
  decoded: string,
  expected: string,
  args: JsonObject,
  path: readonly string[],
): boolean {
  if (decoded === expected) return true;
  let value: unknown = args;
  for (const name of path)
    value = isObject(value as JsonObject) ? (value as JsonObject)[name] : undefined;
  return (
    typeof value === 'number' &&
    /^-?\d{1,16}(?:\.0{1,16})?$/.test(decoded) &&
    Number(decoded) === value
  );
}
