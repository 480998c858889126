// Turns the nodes under `arguments` into schemas, with every fault that the schema of the policy cannot see.
import { faultOfPattern } from '../match/path.ts';
import { formatHostPattern, parseHostPattern } from '../match/host.ts';
import type { Json } from '../model/credential.ts';
import type { Effect } from '../model/decision.ts';
import type { ArgumentSchema } from '../model/mcp.ts';
import { faultOfRegexp } from './pattern.ts';
import type { Reporter } from './reporter.ts';
import {
  childOf,
  entryOf,
  itemsOf,
  jsonOf,
  listOf,
  numberOf,
  stringOf,
  type TextNode,
} from './yaml-text.ts';

const MAX_DEPTH = 8;
const MAX_NODES = 256;

/** Which type a keyword speaks of; the others speak of any. */
const TYPE_OF: Record<string, string> = {
  pattern: 'string',
  minLength: 'string',
  maxLength: 'string',
  within: 'string',
  hosts: 'string',
  minimum: 'number',
  maximum: 'number',
  items: 'array',
  minItems: 'array',
  maxItems: 'array',
  properties: 'object',
  required: 'object',
  additionalProperties: 'object',
};

interface Reading {
  effect: Effect;
  report: Reporter;
  /** schemas read so far in one rule */
  nodes: number;
}

/** By argument name, in an object where any name is a key of its own. */
export function readArguments(
  node: TextNode,
  effect: Effect,
  report: Reporter,
): Record<string, ArgumentSchema> {
  const reading: Reading = { effect, report, nodes: 0 };
  return readMap(node, 1, reading);
}

function readMap(node: TextNode, depth: number, reading: Reading): Record<string, ArgumentSchema> {
  if (node.kind !== 'map') return {};
  return Object.fromEntries(
    node.entries.map(({ key, value }) => [key, readSchema(value, depth, reading)]),
  );
}

function readSchema(node: TextNode, depth: number, reading: Reading): ArgumentSchema {
  const { effect, report } = reading;
  reading.nodes++;
  const isOver = depth > MAX_DEPTH || reading.nodes > MAX_NODES;
  if (isOver) {
    if (reading.nodes <= MAX_NODES + 1)
      report.error(
        'value',
        node.span,
        `what an argument is judged by is at most ${MAX_DEPTH} deep, and ${MAX_NODES} in one rule`,
      );
    return {};
  }
  const schema: ArgumentSchema = {
    ...readTypes(node, effect, report),
    ...readValues(node, report),
    ...readTexts(node, effect, report),
    ...readNumbers(node, report),
  };
  const items = childOf(node, 'items');
  if (items !== undefined) schema.items = readSchema(items, depth + 1, reading);
  const properties = childOf(node, 'properties');
  if (properties !== undefined) schema.properties = readMap(properties, depth + 1, reading);
  const required = childOf(node, 'required');
  if (required !== undefined)
    schema.required = itemsOf(required).flatMap((item) => stringOf(item) ?? []);
  const others = booleanOf(childOf(node, 'additionalProperties'));
  if (others !== undefined) schema.additionalProperties = others;
  const lacking = (schema.required ?? []).find(
    (key) => others !== true && !Object.hasOwn(schema.properties ?? {}, key),
  );
  if (lacking !== undefined && effect === 'allow')
    report.error(
      'conflict',
      (required ?? node).span,
      `"${lacking}" is required and not among the \`properties\`, so nothing fits`,
    );
  readOptional(node, depth, schema, reading);
  return schema;
}

function readOptional(
  node: TextNode,
  depth: number,
  schema: ArgumentSchema,
  { effect, report }: Reading,
): void {
  const optional = entryOf(node, 'optional');
  if (optional === undefined) return;
  if (depth > 1)
    report.error(
      'conflict',
      optional.keySpan,
      '`optional` speaks of an argument, not of what is in one',
      'name what must be there under `required`',
    );
  else if (effect === 'deny')
    report.error(
      'conflict',
      optional.keySpan,
      'a deny speaks of calls that have the argument: nothing in it is `optional`',
    );
  else if (booleanOf(optional.value) === true) schema.optional = true;
}

/** The types as they are stated; in an allow else those that the keywords speak of. */
function readTypes(node: TextNode, effect: Effect, report: Reporter): ArgumentSchema {
  const stated = entryOf(node, 'type');
  const types = [...new Set(listOf(stated?.value).flatMap((item) => stringOf(item) ?? []))];
  const implied = new Set<string>();
  for (const { key, keySpan } of node.kind === 'map' ? node.entries : []) {
    const type = Object.hasOwn(TYPE_OF, key) ? TYPE_OF[key] : undefined;
    if (type === undefined) continue;
    implied.add(type);
    if (stated === undefined || types.includes(type)) continue;
    if (type === 'number' && types.includes('integer')) continue;
    report.error(
      'conflict',
      keySpan,
      `\`${key}\` speaks of type ${type}, and the argument is ${types.join(' or ') || 'nothing'}`,
    );
  }
  if (stated !== undefined) {
    if (types.length === 0)
      report.error('empty-list', stated.keySpan, '`type` is empty: nothing fits');
    return { type: types };
  }
  const isFixed = entryOf(node, 'const') !== undefined || entryOf(node, 'enum') !== undefined;
  return effect === 'deny' || isFixed || implied.size === 0 ? {} : { type: [...implied] };
}

function readValues(node: TextNode, report: Reporter): ArgumentSchema {
  const fixed = entryOf(node, 'const');
  const choice = entryOf(node, 'enum');
  const read = (value: TextNode): Json => {
    const json = jsonOf(value);
    if (!isFinite(json))
      report.error('value', value.span, 'JSON has no such number, so no call can hold it');
    return json;
  };
  return {
    ...(fixed && { const: read(fixed.value) }),
    ...(choice && { enum: itemsOf(choice.value).map(read) }),
  };
}

const isFinite = (value: Json): boolean =>
  typeof value === 'number'
    ? Number.isFinite(value)
    : typeof value !== 'object' || value === null || Object.values(value).every(isFinite);

function readTexts(node: TextNode, effect: Effect, report: Reporter): ArgumentSchema {
  const pattern = childOf(node, 'pattern');
  const text = stringOf(pattern);
  const fault = text === undefined ? undefined : faultOfRegexp(text);
  if (pattern !== undefined && fault !== undefined)
    report.error(
      'value',
      pattern.span,
      `the pattern is no RE2: ${fault}`,
      'RE2 has no look-around and no back-references; see https://github.com/google/re2/wiki/Syntax',
    );
  const within = entryOf(node, 'within');
  const hosts = entryOf(node, 'hosts');
  for (const entry of [within, hosts])
    if (entry !== undefined && listOf(entry.value).length === 0)
      report[effect === 'deny' ? 'error' : 'warn'](
        'empty-list',
        entry.keySpan,
        `\`${entry.key}\` is empty: nothing fits`,
      );
  return {
    ...(text !== undefined && fault === undefined && { pattern: text }),
    ...(within && { within: listOf(within.value).flatMap((one) => readPath(one, report) ?? []) }),
    ...(hosts && { hosts: listOf(hosts.value).flatMap((one) => readHost(one, report) ?? []) }),
  };
}

function readPath(node: TextNode, report: Reporter): string | undefined {
  const text = stringOf(node);
  if (text === undefined) return undefined;
  const fault = faultOfPattern(text);
  if (fault !== undefined) report.error('value', node.span, fault.message, fault.help);
  return fault === undefined ? text : undefined;
}

function readHost(node: TextNode, report: Reporter): string | undefined {
  const text = stringOf(node);
  if (text === undefined) return undefined;
  const pattern = parseHostPattern(text);
  if (pattern === undefined)
    report.error(
      'value',
      node.span,
      `"${text}" is no host name or pattern`,
      'addresses fit no pattern; `*.x` is one label before x, `**.x` one or more',
    );
  return pattern && formatHostPattern(pattern);
}

function readNumbers(node: TextNode, report: Reporter): ArgumentSchema {
  const schema: ArgumentSchema = {};
  for (const key of [
    'minLength',
    'maxLength',
    'minimum',
    'maximum',
    'minItems',
    'maxItems',
  ] as const) {
    const child = childOf(node, key);
    const value = numberOf(child);
    if (value === undefined) continue;
    if (!Number.isFinite(value) && child !== undefined)
      report.error('value', child.span, `\`${key}\` is a number that JSON can hold`);
    schema[key] = value;
  }
  for (const [low, high] of [
    ['minLength', 'maxLength'],
    ['minimum', 'maximum'],
    ['minItems', 'maxItems'],
  ] as const)
    if ((schema[low] ?? -Infinity) > (schema[high] ?? Infinity))
      report.error('conflict', node.span, `\`${low}\` is above \`${high}\`: nothing fits`);
  return schema;
}

function booleanOf(node: TextNode | undefined): boolean | undefined {
  return node?.kind === 'scalar' && typeof node.value === 'boolean' ? node.value : undefined;
}
