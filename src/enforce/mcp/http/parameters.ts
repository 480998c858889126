// Arguments that a tool's schema wants to see in headers (`x-mcp-header`), found in the definition and in a call.
// https://modelcontextprotocol.io/specification/2026-07-28/server/tools#x-mcp-header

import type { Json, JsonObject } from '../../../model/credential.ts';
import { isObject } from '../message/message.ts';

/** lower-case name behind `Mcp-Param-` → the names that lead to the argument */
export type HeaderParameters = ReadonlyMap<string, readonly string[]>;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;
const TYPES = new Set(['string', 'integer', 'boolean']);
const MAX_DEPTH = 16;

/** What stands in headers; undefined where an annotation breaks the rules, and the tool may not be served. */
export function headerParameters(inputSchema: Json | undefined): HeaderParameters | undefined {
  const found = new Map<string, readonly string[]>();
  const annotations = count(inputSchema);
  const walk = (schema: Json | undefined, path: readonly string[]): boolean => {
    if (!isObject(schema) || !isObject(schema['properties']) || path.length > MAX_DEPTH)
      return true;
    return Object.entries(schema['properties']).every(([name, property]) => {
      if (!isObject(property)) return true;
      const header = property['x-mcp-header'];
      if (header !== undefined) {
        const type = property['type'];
        if (typeof header !== 'string' || !TOKEN.test(header)) return false;
        if (typeof type !== 'string' || !TYPES.has(type)) return false;
        if (found.has(header.toLowerCase())) return false;
        found.set(header.toLowerCase(), [...path, name]);
      }
      return walk(property, [...path, name]);
    });
  };
  // An annotation anywhere else than at a property that is reached through properties alone makes the definition invalid.
  return walk(inputSchema, []) && found.size === annotations ? found : undefined;
}

/** The text that a header must stand for; undefined where there is to be none. */
export function headerValue(args: JsonObject, path: readonly string[]): string | undefined {
  let value: Json | undefined = args;
  for (const name of path)
    value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'boolean':
      return String(value);
    default:
      return undefined;
  }
}

function count(schema: Json | undefined): number {
  let total = 0;
  const open: Json[] = schema === undefined ? [] : [schema];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (Array.isArray(one)) for (const item of one) open.push(item);
    else if (isObject(one)) {
      // A property may be called so; what annotates stands beside its type as a text.
      if (Object.hasOwn(one, 'x-mcp-header') && !isObject(one['x-mcp-header'])) total += 1;
      for (const value of Object.values(one)) open.push(value);
    }
  }
  return total;
}
