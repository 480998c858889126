// Judges the arguments of a call by what a rule says of them. Pure, and linear in the size of both.
// Invariant: what cannot be judged fits no allow and every deny.
// https://json-schema.org/draft/2020-12/json-schema-validation for the keywords that are JSON Schema's.
import { readFilePlace } from '../match/file-spelling.ts';
import { matchesHost, parseHostPattern } from '../match/host.ts';
import { compilePath, foldPath, matchesPath, namesDirectory } from '../match/path.ts';
import { hostOfUrl } from '../match/url-text.ts';
import type { Effect } from '../model/decision.ts';
import type { ArgumentSchema } from '../model/mcp.ts';
import { canonicalJson } from './canonical.ts';
import { compileRegexp, MAX_JUDGED_TEXT } from './pattern.ts';

/** Whether a value fits. */
export type Judgement = (value: unknown) => boolean;

export interface ArgumentsJudge {
  /** whether a call with these arguments is one the rule speaks of */
  speaksOf(given: Record<string, unknown>): boolean;
  /** in an allow: names of arguments that do not fit, are missing, or are not among those it allows; at most 8 */
  unfit(given: Record<string, unknown>): string[];
}

export function createArgumentsJudge(
  schemas: Record<string, ArgumentSchema>,
  effect: Effect,
): ArgumentsJudge {
  const judges = new Map(
    Object.entries(schemas).map(([name, schema]) => [
      name,
      { fits: createJudgement(schema, effect), isOptional: schema.optional === true },
    ]),
  );
  const unfit = (given: Record<string, unknown>): string[] => {
    const names: string[] = [];
    for (const [name, { fits, isOptional }] of judges)
      if (Object.hasOwn(given, name) ? !fits(given[name]) : !isOptional) names.push(name);
    if (effect === 'allow')
      for (const name of Object.keys(given)) if (!judges.has(name)) names.push(name);
    return names.slice(0, 8);
  };
  return { unfit, speaksOf: (given) => unfit(given).length === 0 };
}

export function createJudgement(schema: ArgumentSchema, effect: Effect): Judgement {
  const checks: Judgement[] = [];
  const { type, minimum, maximum } = schema;
  if (type !== undefined) checks.push((value) => type.some((one) => isOfType(value, one)));
  if ('const' in schema) checks.push(equals(schema.const));
  if (schema.enum !== undefined) {
    const choices = schema.enum.map(equals);
    checks.push((value) => choices.some((is) => is(value)));
  }
  const texts = textChecks(schema, effect);
  if (texts.length > 0)
    checks.push((value) => typeof value !== 'string' || texts.every((fits) => fits(value)));
  if (minimum !== undefined) checks.push((value) => typeof value !== 'number' || value >= minimum);
  if (maximum !== undefined) checks.push((value) => typeof value !== 'number' || value <= maximum);
  const items = listChecks(schema, effect);
  if (items.length > 0)
    checks.push((value) => !Array.isArray(value) || items.every((fits) => fits(value)));
  const keys = mapChecks(schema, effect);
  if (keys.length > 0)
    checks.push((value) => !isObject(value) || keys.every((fits) => fits(value)));
  return (value) => checks.every((fits) => fits(value));
}

/** Half a character: what different readers make of it differs. */
const BROKEN = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

function textChecks(schema: ArgumentSchema, effect: Effect): ((text: string) => boolean)[] {
  const { minLength, maxLength, pattern, within, hosts } = schema;
  const isDeny = effect === 'deny';
  const checks: ((text: string) => boolean)[] = [];
  if (minLength !== undefined) checks.push((text) => lengthOf(text) >= minLength);
  if (maxLength !== undefined) checks.push((text) => lengthOf(text) <= maxLength);
  if (pattern !== undefined) {
    const expression = compileRegexp(pattern);
    checks.push((text) => {
      if (text.length > MAX_JUDGED_TEXT || BROKEN.test(text)) return isDeny;
      return isDeny ? expression.matchesPart(text) : expression.matchesAll(text);
    });
  }
  if (within !== undefined) checks.push(withinCheck(within, isDeny));
  if (hosts !== undefined) {
    const patterns = hosts.flatMap((text) => parseHostPattern(text) ?? []);
    checks.push((text) => {
      const host = hostOfUrl(text);
      return host === undefined ? isDeny : patterns.some((one) => matchesHost(one, host));
    });
  }
  return checks;
}

function withinCheck(within: readonly string[], isDeny: boolean): (text: string) => boolean {
  const patterns = within.map((text) => {
    const isAbsolute = text.startsWith('/');
    // Both kinds are compared from their own root.
    const rooted = isAbsolute ? text : `/${text.replace(/^(?:\.\/)+|^\.$/, '')}`;
    const path = isDeny ? foldPath(rooted) : rooted;
    const clean = `/${path
      .split('/')
      .filter((part) => part !== '' && part !== '.')
      .join('/')}`;
    return { isAbsolute, pattern: compilePath(clean, isDeny || namesDirectory(clean)) };
  });
  const isMixed = new Set(patterns.map(({ isAbsolute }) => isAbsolute)).size > 1;
  return (text) => {
    const place = readFilePlace(text);
    if (place === undefined) return isDeny;
    const alike = patterns.filter(({ isAbsolute }) => isAbsolute === place.isAbsolute);
    // Where a relative text leads from an absolute pattern's root, and the other way round, nobody here knows.
    if (alike.length === 0 && !isMixed) return isDeny;
    const segments = isDeny ? place.segments.map((one) => foldPath(one)) : place.segments;
    return alike.some(({ pattern }) => matchesPath(pattern, segments));
  };
}

function listChecks(schema: ArgumentSchema, effect: Effect): ((list: unknown[]) => boolean)[] {
  const { items, minItems, maxItems } = schema;
  const checks: ((list: unknown[]) => boolean)[] = [];
  if (minItems !== undefined) checks.push((list) => list.length >= minItems);
  if (maxItems !== undefined) checks.push((list) => list.length <= maxItems);
  if (items !== undefined) {
    const fits = createJudgement(items, effect);
    checks.push((list) => list.every(fits));
  }
  return checks;
}

function mapChecks(
  schema: ArgumentSchema,
  effect: Effect,
): ((map: Record<string, unknown>) => boolean)[] {
  const { properties, required } = schema;
  const judges = new Map(
    Object.entries(properties ?? {}).map(([key, one]) => [key, createJudgement(one, effect)]),
  );
  const checks: ((map: Record<string, unknown>) => boolean)[] = [];
  if (required !== undefined)
    checks.push((map) => required.every((key) => Object.hasOwn(map, key)));
  if (judges.size > 0)
    checks.push((map) =>
      Object.entries(map).every(([key, value]) => judges.get(key)?.(value) ?? true),
    );
  if (closesMaps(schema, effect))
    checks.push((map) => Object.keys(map).every((key) => judges.has(key)));
  return checks;
}

/**
 * Whether a map may hold no other keys than those that are named. In an allow that is so unless said, wherever the schema speaks of
 * maps; one that speaks of anything, or states a fixed value, does not.
 */
export function closesMaps(schema: ArgumentSchema, effect: Effect): boolean {
  const { type, properties, required, additionalProperties } = schema;
  if (additionalProperties !== undefined) return !additionalProperties;
  const speaksOfMaps =
    properties !== undefined || required !== undefined || type?.includes('object') === true;
  return effect === 'allow' && speaksOfMaps;
}

function equals(fixed: unknown): Judgement {
  if (typeof fixed !== 'object' || fixed === null) return (value) => value === fixed;
  const text = canonicalJson(fixed);
  return (value) => typeof value === 'object' && value !== null && canonicalJson(value) === text;
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case 'integer':
      return Number.isInteger(value);
    case 'number':
      return typeof value === 'number' && Number.isFinite(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case 'null':
      return value === null;
    default:
      return typeof value === type;
  }
}

/** Characters, as JSON Schema counts them: a pair of surrogates is one. */
function lengthOf(text: string): number {
  let length = text.length;
  for (let i = 1; i < text.length; i++)
    if (isHigh(text.charCodeAt(i - 1)) && isLow(text.charCodeAt(i))) length--;
  return length;
}

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
