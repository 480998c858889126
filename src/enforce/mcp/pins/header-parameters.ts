// Arguments that a client is to send as headers as well. A client MUST leave out a tool that gets this wrong.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/transports#custom-headers-from-tool-parameters

import type { Json } from '../../../model/credential.ts';
import { isObject } from '../content/shape.ts';

const KEY = 'x-mcp-header';
/** RFC 9110 §5.6.2 */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
const TYPES = ['string', 'integer', 'boolean'];
/** keywords under which names of properties stand, not keywords */
const MAPS = new Set([
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'dependentSchemas',
]);

/** Where the first fault is, as a path. Depth is bounded by whoever calls. */
export function headerFault(inputSchema: Json | undefined): string | undefined {
  const used = new Set<string>();
  const look = (node: Json | undefined, path: string, isReachable: boolean): string | undefined => {
    if (Array.isArray(node)) return first(node, (item, at) => look(item, `${path}[${at}]`, false));
    if (!isObject(node)) return undefined;
    if (Object.hasOwn(node, KEY)) {
      const name = node[KEY];
      const isProper =
        isReachable &&
        typeof name === 'string' &&
        TOKEN.test(name) &&
        TYPES.includes(node.type as string);
      if (!isProper || used.has(name.toLowerCase())) return path;
      used.add(name.toLowerCase());
    }
    return first(Object.entries(node), ([key, value]) => {
      const isMap = MAPS.has(key) && isObject(value);
      if (!isMap) return look(value, `${path}.${key}`, false);
      const within = key === 'properties' && (isReachable || path === 'inputSchema');
      return first(Object.entries(value), ([name, one]) =>
        look(one, `${path}.${key}.${name}`, within),
      );
    });
  };
  return look(inputSchema, 'inputSchema', false);
}

function first<T>(
  items: readonly T[],
  look: (item: T, index: number) => string | undefined,
): string | undefined {
  for (const [index, item] of items.entries()) {
    const found = look(item, index);
    if (found !== undefined) return found;
  }
  return undefined;
}
