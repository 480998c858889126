// What may come back from a call: the strictest of all rules that allow it.
import type { McpRule, ResultRule } from '../model/mcp.ts';

const SCHEMAS = ['strict', 'warn', 'off'] as const;

export function joinResults(rules: readonly McpRule[]): ResultRule | undefined {
  const stated = rules.flatMap(({ results }) => results ?? []);
  if (stated.length === 0) return undefined;
  const sizes = stated.flatMap(({ maxBytes }) => maxBytes ?? []);
  const lists = stated.flatMap(({ types }) => (types === undefined ? [] : [types]));
  const [first] = lists;
  const schema = SCHEMAS.find((one) => stated.some((result) => result.schema === one));
  return {
    ...(sizes.length > 0 && { maxBytes: Math.min(...sizes) }),
    ...(first && { types: first.filter((type) => lists.every((list) => list.includes(type))) }),
    ...(schema && { schema }),
  };
}
