// An answer with all the fields that GitHub's description requires, of which a fake knows only those that matter.

import { resolve } from './description.ts';

type Json = Record<string, unknown>;
const DEEPEST = 12;

/** `facts` go over what is made up; what is made up is the emptiest value that fits. */
export function complete(schema: Json, facts: unknown, depth = 0): unknown {
  const own = flatten(schema);
  if (Array.isArray(facts)) {
    const items = (own['items'] ?? {}) as Json;
    return facts.map((item) => complete(items, item, depth + 1));
  }
  if (facts !== undefined && (typeof facts !== 'object' || facts === null)) return facts;
  if (facts === undefined && isNullable(schema)) return null;
  if (own['type'] === 'object' || own['properties'] !== undefined || facts !== undefined)
    return completeObject(own, (facts ?? {}) as Json, depth);
  return emptiest(own);
}

function completeObject(schema: Json, facts: Json, depth: number): Json {
  const properties = (schema['properties'] ?? {}) as Record<string, Json>;
  const required = (schema['required'] ?? []) as string[];
  const names = new Set([...(depth < DEEPEST ? required : []), ...Object.keys(facts)]);
  const pairs = [...names].map((name) => [
    name,
    complete(properties[name] ?? {}, facts[name], depth + 1),
  ]);
  return Object.fromEntries(pairs) as Json;
}

function emptiest(schema: Json): unknown {
  const [first] = (schema['enum'] ?? []) as unknown[];
  if (first !== undefined) return first;
  if (schema['format'] === 'date-time') return '2026-01-01T00:00:00Z';
  if (schema['format'] === 'uri') return 'https://example.com/';
  switch (schema['type']) {
    case 'integer':
    case 'number':
      return schema['minimum'] ?? 0;
    case 'boolean':
      return false;
    case 'array':
      return [];
    case 'string':
      return '';
    default:
      return null;
  }
}

/** References followed; of alternatives the first that is not null; all parts of `allOf` in one. */
function flatten(schema: Json): Json {
  const own = resolve(schema);
  const parts = (own['allOf'] ?? []) as Json[];
  const choices = ((own['anyOf'] ?? own['oneOf'] ?? []) as Json[]).filter(
    (choice) => choice['type'] !== 'null',
  );
  const [choice] = choices;
  if (own['properties'] === undefined && choice !== undefined) return flatten(choice);
  return parts.map(flatten).reduce<Json>(
    (all, part) => ({
      ...all,
      ...part,
      properties: { ...(all['properties'] as Json), ...(part['properties'] as Json) },
      required: [
        ...((all['required'] ?? []) as string[]),
        ...((part['required'] ?? []) as string[]),
      ],
    }),
    own,
  );
}

function isNullable(schema: Json): boolean {
  const choices = (resolve(schema)['anyOf'] ?? []) as Json[];
  return choices.some((choice) => choice['type'] === 'null');
}
