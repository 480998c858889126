// Where the paths that arguments are judged by are on this host. A relative one speaks of the text as it stands, too: a server that
// works in the workspace is asked for `src/a.ts` as well as for the absolute path.
import { absolutePattern } from '../match/path.ts';
import type { ArgumentSchema, McpRule } from '../model/mcp.ts';
import type { Host } from './place.ts';

export function placeArguments(rule: McpRule, host: Host): McpRule {
  return rule.arguments === undefined
    ? rule
    : { ...rule, arguments: placeAll(rule.arguments, host) };
}

function placeAll(
  schemas: Record<string, ArgumentSchema>,
  host: Host,
): Record<string, ArgumentSchema> {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, placeSchema(schema, host)]),
  );
}

function placeSchema(schema: ArgumentSchema, host: Host): ArgumentSchema {
  const { within, items, properties } = schema;
  return {
    ...schema,
    ...(within && {
      within: within.flatMap((path) => {
        const absolute = absolutePattern(path, host.workspace, host.home);
        const isRelative = !path.startsWith('/') && !path.startsWith('~');
        return isRelative ? [path, absolute] : [absolute];
      }),
    }),
    ...(items && { items: placeSchema(items, host) }),
    ...(properties && { properties: placeAll(properties, host) }),
  };
}
