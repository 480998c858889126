// Checks a tree of nodes against the schema and says every fault with its place, what was expected and what is near.
import type { Diagnostic, Span } from '../model/diagnostic.ts';
import { nearest } from './spelling.ts';
import type { Schema } from './schema-words.ts';
import { type MapNode, MAX_FAULTS, type TextNode } from './yaml-text.ts';

export function checkSchema(root: TextNode, schema: Schema, file: string): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const defs = schema.$defs ?? {};
  const report = (code: string, span: Span, message: string, help?: string): void => {
    diagnostics.push({
      code,
      severity: 'error',
      file,
      span,
      message,
      ...(help === undefined ? {} : { help }),
    });
  };
  check(root, schema, '');
  return diagnostics;

  function check(node: TextNode, given: Schema, place: string): void {
    if (diagnostics.length > MAX_FAULTS) return;
    const here = follow(given, defs);
    if (here.anyOf !== undefined) {
      const fitting = here.anyOf.find((branch) => acceptsType(node, follow(branch, defs)));
      if (fitting === undefined)
        report(
          'type',
          node.span,
          expected(
            place,
            here.anyOf.map((b) => follow(b, defs)),
            node,
          ),
        );
      else check(node, fitting, place);
      return;
    }
    if (!acceptsType(node, here)) {
      report('type', node.span, expected(place, [here], node));
      return;
    }
    if (node.kind === 'map') checkMap(node, here, place);
    else if (node.kind === 'list') {
      for (const [i, item] of node.items.entries())
        if (here.items) check(item, here.items, `${place}[${i}]`);
      if (node.items.length < (here.minItems ?? 0))
        report('value', node.span, `\`${place}\` may not be empty`);
    } else checkScalar(node.value, node.span, here, place);
  }

  function checkMap(node: MapNode, here: Schema, place: string): void {
    const properties = { ...here.properties, ...clausesOf(node, here) };
    for (const { key, keySpan, value } of node.entries) {
      const { additionalProperties: others } = here;
      const property = Object.hasOwn(properties, key)
        ? properties[key]
        : typeof others === 'object'
          ? others
          : undefined;
      if (property !== undefined) check(value, property, place === '' ? key : `${place}.${key}`);
      else if (here.additionalProperties === false && diagnostics.length <= MAX_FAULTS) {
        const near = nearest(key, Object.keys(properties));
        report(
          'unknown-key',
          keySpan,
          `unknown key "${key}"${place === '' ? '' : ` in \`${place}\``}`,
          near === undefined
            ? `known here: ${Object.keys(properties).join(', ')}`
            : `did you mean \`${near}\`?`,
        );
      }
    }
    for (const key of here.required ?? [])
      if (!node.entries.some((entry) => entry.key === key))
        report(
          'missing-key',
          node.span,
          `\`${key}\` is missing${place === '' ? '' : ` in \`${place}\``}`,
        );
  }

  function checkScalar(value: unknown, span: Span, here: Schema, place: string): void {
    if ('const' in here && value !== here.const)
      report(
        'value',
        span,
        `\`${place}\` is ${JSON.stringify(here.const)}, not ${JSON.stringify(value)}`,
      );
    if (here.enum !== undefined && !here.enum.includes(value)) {
      const near = nearest(String(value), here.enum.map(String));
      report(
        'value',
        span,
        `\`${place}\` is one of ${here.enum.join(', ')}, not ${JSON.stringify(value)}`,
        near === undefined ? undefined : `did you mean \`${near}\`?`,
      );
    }
    if (typeof value === 'string') {
      if (here.pattern !== undefined && !new RegExp(here.pattern).test(value))
        report(
          'value',
          span,
          `\`${place}\` cannot be ${JSON.stringify(value)}`,
          here.description && `write ${here.description}`,
        );
      if (value.length < (here.minLength ?? 0))
        report('value', span, `\`${place}\` may not be empty`);
      if (value.length > (here.maxLength ?? Infinity))
        report('value', span, `\`${place}\` is longer than ${here.maxLength} characters`);
    }
    if (typeof value === 'number') {
      const low = here.minimum ?? -Infinity;
      const high = here.maximum ?? Infinity;
      if (value < low || value > high)
        report('value', span, `\`${place}\` is from ${low} to ${high}, not ${value}`);
    }
  }
}

/** The properties that a map has for what it says in others. */
function clausesOf(node: MapNode, { allOf = [] }: Schema): Record<string, Schema> {
  const says = (key: string, value: unknown): boolean =>
    node.entries.some(
      (entry) => entry.key === key && entry.value.kind === 'scalar' && entry.value.value === value,
    );
  const holding = allOf.find((clause) =>
    Object.entries(clause.if.properties ?? {}).every(([key, { const: value }]) => says(key, value)),
  );
  return holding?.then.properties ?? {};
}

function follow(schema: Schema, defs: Record<string, Schema>): Schema {
  if (schema.$ref === undefined) return schema;
  return defs[schema.$ref.slice('#/$defs/'.length)] ?? {};
}

function typesOf(schema: Schema): string[] {
  if (schema.type !== undefined) return [schema.type].flat();
  if (schema.enum !== undefined) return schema.enum.map((value) => typeof value);
  return 'const' in schema ? [typeof schema.const] : [];
}

function acceptsType(node: TextNode, schema: Schema): boolean {
  const types = typesOf(schema);
  return types.length === 0 || types.some((type) => isType(node, type));
}

function isType(node: TextNode, type: string): boolean {
  if (node.kind === 'map') return type === 'object';
  if (node.kind === 'list') return type === 'array';
  if (node.value === null) return type === 'null';
  if (type === 'integer') return Number.isSafeInteger(node.value);
  return typeof node.value === type;
}

const WORDS: Record<string, string> = {
  object: 'a map',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
};

function expected(place: string, schemas: Schema[], node: TextNode): string {
  const types = new Set(schemas.flatMap(typesOf).filter((type) => type !== 'null'));
  const wanted = [...types].map((type) => WORDS[type] ?? type).join(' or ');
  const found =
    node.kind === 'map'
      ? 'a map'
      : node.kind === 'list'
        ? 'a list'
        : node.value === null
          ? 'nothing'
          : JSON.stringify(node.value);
  return `expected ${place === '' ? 'the policy' : `\`${place}\``} to be ${wanted}, found ${found}`;
}
