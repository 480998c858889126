// Whether every call that one rule over tool servers speaks of surely lies within another. Sound and not complete: what cannot be
// seen from the schemas alone counts as not within.
import { containsAllowed, parseHostPattern } from '../match/host.ts';
import { compilePath, containsPath, namesDirectory } from '../match/path.ts';
import { containsName, mayShareName } from '../match/tool.ts';
import type { ArgumentSchema, McpRule } from '../model/mcp.ts';
import { closesMaps, createJudgement } from './argument-judge.ts';
import { canonicalJson } from './canonical.ts';

const LISTS = ['tools', 'prompts', 'resources', 'features'] as const;

/** Whether the allow `inner` lies within the allows `outers`, and apart from the denies `denies`, of a ceiling. */
export function isRuleWithin(
  inner: McpRule,
  outers: readonly McpRule[],
  denies: readonly McpRule[],
): boolean {
  const isHeld = inner.servers.every((server) =>
    LISTS.every((list) =>
      (inner[list] ?? []).every((name) =>
        outers.some(
          (outer) =>
            outer.servers.some((one) => containsName(one, server)) &&
            outer[list]?.some((one) => containsName(one, name)) === true &&
            areArgumentsWithin(inner.arguments, outer.arguments),
        ),
      ),
    ),
  );
  return isHeld && denies.every((deny) => !mayMeet(deny, inner));
}

/** Whether some request could be spoken of by both. */
function mayMeet(deny: McpRule, allow: McpRule): boolean {
  if (!deny.servers.some((one) => allow.servers.some((other) => mayShareName(one, other))))
    return false;
  if (LISTS.every((list) => deny[list] === undefined)) return true;
  return LISTS.some((list) =>
    deny[list]?.some((one) =>
      allow[list]?.some((other) => mayShareName(one.toLowerCase(), other.toLowerCase())),
    ),
  );
}

function areArgumentsWithin(inner: McpRule['arguments'], outer: McpRule['arguments']): boolean {
  if (outer === undefined) return true;
  if (inner === undefined) return false;
  return (
    Object.entries(inner).every(
      ([name, schema]) => Object.hasOwn(outer, name) && isSchemaWithin(schema, outer[name] ?? {}),
    ) &&
    Object.entries(outer).every(
      ([name, { optional }]) =>
        optional === true || (Object.hasOwn(inner, name) && inner[name]?.optional !== true),
    )
  );
}

/** Whether every value that fits the one, in an allow, fits the other. */
export function isSchemaWithin(inner: ArgumentSchema, outer: ArgumentSchema): boolean {
  const { optional: _, ...bare } = outer;
  const { optional: __, ...own } = inner;
  if (canonicalJson(own) === canonicalJson(bare)) return true;
  // Of values that are named, each is tried.
  const values = 'const' in inner ? [inner.const] : inner.enum;
  if (values !== undefined) return values.every(createJudgement(outer, 'allow'));
  if ('const' in outer || outer.enum !== undefined) return false;
  return (
    isTypeWithin(inner.type, outer.type) &&
    areTextsWithin(inner, outer) &&
    (['minLength', 'minimum', 'minItems'] as const).every(
      (key) => outer[key] === undefined || (inner[key] ?? -Infinity) >= outer[key],
    ) &&
    (['maxLength', 'maximum', 'maxItems'] as const).every(
      (key) => outer[key] === undefined || (inner[key] ?? Infinity) <= outer[key],
    ) &&
    (outer.items === undefined ||
      inner.type?.includes('array') === false ||
      (inner.items !== undefined && isSchemaWithin(inner.items, outer.items))) &&
    areMapsWithin(inner, outer)
  );
}

function isTypeWithin(inner: string[] | undefined, outer: string[] | undefined): boolean {
  if (outer === undefined) return true;
  return (
    inner?.every(
      (type) => outer.includes(type) || (type === 'integer' && outer.includes('number')),
    ) === true
  );
}

function areTextsWithin(inner: ArgumentSchema, outer: ArgumentSchema): boolean {
  if (outer.pattern !== undefined && inner.pattern !== outer.pattern) return false;
  const paths = outer.within?.map((text) => compileRooted(text));
  const isPathWithin =
    paths === undefined ||
    inner.within?.every((text) =>
      outer.within?.some(
        (bound, i) =>
          bound.startsWith('/') === text.startsWith('/') &&
          containsPath(paths[i] ?? compileRooted(bound), compileRooted(text)),
      ),
    ) === true;
  const hosts = outer.hosts?.flatMap((text) => parseHostPattern(text) ?? []);
  const isHostWithin =
    hosts === undefined ||
    inner.hosts?.every((text) => {
      const pattern = parseHostPattern(text);
      return pattern !== undefined && hosts.some((bound) => containsAllowed(bound, pattern));
    }) === true;
  return isPathWithin && isHostWithin;
}

function compileRooted(text: string): ReturnType<typeof compilePath> {
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  const path = `/${parts.join('/')}`;
  return compilePath(path, namesDirectory(path));
}

function areMapsWithin(inner: ArgumentSchema, outer: ArgumentSchema): boolean {
  if (inner.type?.includes('object') === false) return true;
  const isClosed = closesMaps(inner, 'allow');
  const isBound = closesMaps(outer, 'allow');
  const [own, bounds] = [inner.properties ?? {}, outer.properties ?? {}];
  return (
    (isClosed || !isBound) &&
    outer.required?.some((key) => inner.required?.includes(key) !== true) !== true &&
    Object.entries(own).every(([key, schema]) =>
      Object.hasOwn(bounds, key) ? isSchemaWithin(schema, bounds[key] ?? {}) : !isBound,
    ) &&
    (isClosed || Object.keys(bounds).every((key) => Object.hasOwn(own, key)))
  );
}
