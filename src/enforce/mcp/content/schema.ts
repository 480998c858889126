// Whether a value fits a JSON Schema that a server sent. Draft 2020-12, https://json-schema.org/draft/2020-12/json-schema-validation
// Own code, because the schema is hostile: what it costs has a bound whatever it says, patterns are RE2, and nothing is ever
// fetched. Invariant: an answer within `MOST_STEPS` steps; what cannot be judged is said to be so, never taken to fit.

import type { Json, JsonObject } from '../../../model/credential.ts';
import { compilePattern } from './schema-pattern.ts';
import type { Pattern } from './schema-pattern.ts';
import { fitsNumber, fitsText, isType, sameJson } from './schema-words.ts';
import { isObject } from './shape.ts';

const MOST_STEPS = 200_000;
const MOST_DEPTH = 128;

export type Fit = 'fits' | 'differs' | 'unjudged';

/** Keywords that change what a schema means and are not read here. */
const UNREAD = ['$dynamicRef', '$recursiveRef', 'unevaluatedProperties', 'unevaluatedItems'];

class Unjudged extends Error {}

interface Run {
  root: Json;
  steps: number;
  patterns: Map<string, Pattern>;
}

export function fitsJsonSchema(schema: Json, value: Json): Fit {
  const run: Run = { root: schema, steps: 0, patterns: new Map() };
  try {
    return fits(run, schema, value, 0) ? 'fits' : 'differs';
  } catch (error) {
    if (error instanceof Unjudged) return 'unjudged';
    throw error;
  }
}

function fits(run: Run, schema: Json | undefined, value: Json, depth: number): boolean {
  run.steps += 1;
  if (run.steps > MOST_STEPS || depth > MOST_DEPTH) throw new Unjudged('too much work');
  if (schema === undefined || schema === true) return true;
  if (schema === false) return false;
  if (!isObject(schema)) throw new Unjudged('no schema');
  if (UNREAD.some((word) => Object.hasOwn(schema, word))) throw new Unjudged('unread keyword');
  const { type, enum: choices } = schema;
  if (
    type !== undefined &&
    !(Array.isArray(type) ? type : [type]).some((one) => isType(value, one))
  )
    return false;
  if (Object.hasOwn(schema, 'const') && !same(run, schema.const as Json, value)) return false;
  if (Array.isArray(choices) && !choices.some((one) => same(run, one, value))) return false;
  if (typeof value === 'number' && !fitsNumber(schema, value)) return false;
  if (typeof value === 'string') {
    if (!fitsText(schema, value)) return false;
    if (typeof schema.pattern === 'string' && !matches(run, schema.pattern, value)) return false;
  }
  if (Array.isArray(value) && !fitsArray(run, schema, value, depth)) return false;
  if (isObject(value) && !fitsObject(run, schema, value, depth)) return false;
  return fitsOthers(run, schema, value, depth);
}

function same(run: Run, a: Json, b: Json): boolean {
  const cost = { left: MOST_STEPS - run.steps };
  const answer = sameJson(a, b, cost);
  run.steps = MOST_STEPS - cost.left;
  if (cost.left < 0) throw new Unjudged('too much work');
  return answer;
}

function matches(run: Run, source: string, text: string): boolean {
  let pattern = run.patterns.get(source);
  if (pattern === undefined) {
    if (run.patterns.size >= 64) throw new Unjudged('too many patterns');
    run.patterns.set(source, (pattern = compilePattern(source)));
  }
  if (pattern === 'unread') throw new Unjudged('pattern');
  run.steps += text.length >> 4;
  return pattern(text);
}

function fitsOthers(run: Run, schema: JsonObject, value: Json, depth: number): boolean {
  const fit = (one: Json | undefined): boolean => fits(run, one, value, depth + 1);
  const { allOf, anyOf, oneOf } = schema;
  if (typeof schema.$ref === 'string' && !fit(referred(run.root, schema.$ref))) return false;
  if (Array.isArray(allOf) && !allOf.every(fit)) return false;
  if (Array.isArray(anyOf) && !anyOf.some(fit)) return false;
  if (Array.isArray(oneOf) && oneOf.filter(fit).length !== 1) return false;
  if (schema.not !== undefined && fit(schema.not)) return false;
  if (schema.if === undefined) return true;
  return fit(schema.if) ? fit(schema.then) : fit(schema.else);
}

/** Within the schema only: `#` and a JSON pointer (RFC 6901). */
function referred(root: Json, reference: string): Json {
  if (!/^#(?:\/|$)/.test(reference)) throw new Unjudged('reference');
  let at: Json | undefined = root;
  for (const part of reference.split('/').slice(1)) {
    const name = unescapePointer(part);
    if (Array.isArray(at)) at = at[Number(name)];
    else at = isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  }
  if (at === undefined) throw new Unjudged('reference');
  return at;
}

function unescapePointer(part: string): string {
  try {
    return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    throw new Unjudged('reference');
  }
}

function fitsArray(run: Run, schema: JsonObject, value: Json[], depth: number): boolean {
  const { minItems, maxItems, prefixItems, items, contains } = schema;
  if (typeof minItems === 'number' && value.length < minItems) return false;
  if (typeof maxItems === 'number' && value.length > maxItems) return false;
  // Before 2020-12 the list stood in `items`, and the rest in `additionalItems`.
  const [list, rest] = Array.isArray(items)
    ? [items, schema.additionalItems]
    : [Array.isArray(prefixItems) ? prefixItems : [], items];
  const isFit = value.every((item, index) =>
    fits(run, index < list.length ? list[index] : rest, item, depth + 1),
  );
  if (!isFit || (schema.uniqueItems === true && !areUnique(run, value))) return false;
  if (contains === undefined) return true;
  const count = value.filter((item) => fits(run, contains, item, depth + 1)).length;
  const { minContains, maxContains } = schema;
  if (count < (typeof minContains === 'number' ? minContains : 1)) return false;
  return typeof maxContains !== 'number' || count <= maxContains;
}

function areUnique(run: Run, value: Json[]): boolean {
  return value.every((item, index) =>
    value.slice(index + 1).every((other) => {
      run.steps += 1;
      return !same(run, item, other);
    }),
  );
}

function fitsObject(run: Run, schema: JsonObject, value: JsonObject, depth: number): boolean {
  const keys = Object.keys(value);
  const { minProperties, maxProperties, required } = schema;
  if (typeof minProperties === 'number' && keys.length < minProperties) return false;
  if (typeof maxProperties === 'number' && keys.length > maxProperties) return false;
  const isThere = (name: Json): boolean => typeof name === 'string' && Object.hasOwn(value, name);
  if (Array.isArray(required) && !required.every(isThere)) return false;
  const dependent = isObject(schema.dependentRequired) ? schema.dependentRequired : {};
  for (const [name, names] of Object.entries(dependent))
    if (isThere(name) && Array.isArray(names) && !names.every(isThere)) return false;
  const schemas = isObject(schema.dependentSchemas) ? schema.dependentSchemas : {};
  for (const [name, one] of Object.entries(schemas))
    if (isThere(name) && !fits(run, one, value, depth + 1)) return false;
  return keys.every((key) => fitsProperty(run, schema, key, value[key] as Json, depth));
}

function fitsProperty(
  run: Run,
  schema: JsonObject,
  key: string,
  value: Json,
  depth: number,
): boolean {
  const { properties, patternProperties, propertyNames, additionalProperties } = schema;
  if (propertyNames !== undefined && !fits(run, propertyNames, key, depth + 1)) return false;
  let isNamed = false;
  if (isObject(properties) && Object.hasOwn(properties, key)) {
    isNamed = true;
    if (!fits(run, properties[key], value, depth + 1)) return false;
  }
  for (const [pattern, one] of Object.entries(isObject(patternProperties) ? patternProperties : {}))
    if (matches(run, pattern, key)) {
      isNamed = true;
      if (!fits(run, one, value, depth + 1)) return false;
    }
  return isNamed || fits(run, additionalProperties, value, depth + 1);
}
