// Finds the rules that speak of a request to a tool server. Invariant: a name that is not in one canonical form is spoken of by
// none, and an allow never matches more than the bytes it states.
import { foldUri, isCanonicalUri } from '../match/resource.ts';
import {
  compileName,
  foldName,
  matchesToolName,
  type NamePattern,
  SERVER_ID,
} from '../match/tool.ts';
import { FEATURES, type McpRule } from '../model/mcp.ts';
import type { EffectivePolicy } from '../model/policy.ts';
import type { Request } from '../model/request.ts';
import { type ArgumentsJudge, createArgumentsJudge, isObject } from './argument-judge.ts';
import { canonicalJson } from './canonical.ts';
import { createEntry, type Entry, isDenying, type ListName, REQUEST } from './compile.ts';

export type McpRequest = Extract<Request, { kind: 'tool' | 'resource' | 'prompt' | 'feature' }>;

/** A rule of `allow` that names what was asked for, and that the arguments do not fit. */
export interface NearMiss {
  entry: Entry;
  /** names of arguments */
  unfit: string[];
}

export interface McpFound {
  entries: Entry[];
  /** of rules that count by values: which values */
  keys: ReadonlyMap<Entry, string>;
  rules: ReadonlyMap<Entry, McpRule>;
  near: NearMiss[];
}

interface CompiledRule {
  entry: Entry;
  rule: McpRule;
  isDeny: boolean;
  servers: NamePattern[];
  names: Record<'tool' | 'prompt' | 'resource' | 'feature', NamePattern[] | undefined>;
  /** a deny that names nothing */
  speaksOfAll: boolean;
  judge: ArgumentsJudge | undefined;
}

const MAX_NAME = 1024;
/** Characters of the values that a rule counts by. */
export const MAX_KEY = 256;

export function createMcpIndex(
  policy: EffectivePolicy,
): (request: McpRequest) => McpFound | undefined {
  const compiled = compileRules(policy);
  return (request) => {
    const name = nameOf(request);
    if (!SERVER_ID.test(request.server) || name === undefined) return undefined;
    const given = 'arguments' in request ? request.arguments : undefined;
    if (given !== undefined && !isObject(given)) return undefined;
    const look = request.kind === 'resource' ? foldUri(name) : foldName(name);
    const entries: Entry[] = [];
    const keys = new Map<Entry, string>();
    const rules = new Map<Entry, McpRule>();
    const near: NearMiss[] = [];
    for (const one of compiled) {
      if (!namesIt(one, request, name, one.isDeny ? look : undefined)) continue;
      const { entry, judge, isDeny } = one;
      if (judge !== undefined) {
        if (given === undefined && isDeny) continue;
        const unfit = given === undefined ? [] : judge.unfit(given);
        if (unfit.length > 0) {
          if (entry.list === 'allow') near.push({ entry, unfit });
          continue;
        }
      }
      entries.push(entry);
      rules.set(entry, one.rule);
      const key = given === undefined ? undefined : keyOf(one.rule, given);
      if (key === undefined) continue;
      if (key.length <= MAX_KEY) keys.set(entry, key);
      else entries.push({ ...entry, list: 'deny', counts: undefined, reason: TOO_LONG });
    }
    return { entries, keys, rules, near };
  };
}

const TOO_LONG = `the values that calls are counted by are longer than ${MAX_KEY} characters`;

function compileRules({ layers }: EffectivePolicy): CompiledRule[] {
  let order = 0;
  return layers.flatMap((layer, index) => {
    const compile = (rules: readonly McpRule[], list: ListName): CompiledRule[] =>
      rules.map((rule) => {
        const isDeny = isDenying(list);
        const { servers, tools, prompts, resources, features, limit } = rule;
        const entry: Entry = {
          ...createEntry(rule, layer, index, list, REQUEST, order++),
          counts: limit === undefined ? undefined : { limit, egress: undefined },
        };
        const names = {
          tool: tools?.map(compileName),
          prompt: prompts?.map(compileName),
          resource: resources?.map((text) => ({ text, folded: foldUri(text) })),
          feature: features?.map(compileName),
        };
        return {
          entry,
          rule,
          isDeny,
          servers: servers.map(compileName),
          names,
          speaksOfAll: isDeny && Object.values(names).every((list) => list === undefined),
          judge: rule.arguments && createArgumentsJudge(rule.arguments, isDeny ? 'deny' : 'allow'),
        };
      });
    return [
      ...compile(layer.mcp.allow, 'allow'),
      ...compile(layer.mcp.deny, 'deny'),
      ...compile(layer.max?.mcp.allow ?? [], 'maxAllow'),
      ...compile(layer.max?.mcp.deny ?? [], 'maxDeny'),
    ];
  });
}

/** The name to be matched; undefined for one that is in no canonical form. */
function nameOf(request: McpRequest): string | undefined {
  switch (request.kind) {
    case 'tool':
      return isPlain(request.tool) ? request.tool : undefined;
    case 'prompt':
      return isPlain(request.name) ? request.name : undefined;
    case 'feature':
      return FEATURES.find((one) => one === request.name);
    case 'resource':
      return isCanonicalUri(request.uri) ? request.uri : undefined;
  }
}

const isPlain = (name: string): boolean =>
  name !== '' &&
  name.length <= MAX_NAME &&
  !/[\u0000-\u001f\u007f-\u009f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(
    name,
  );

function namesIt(
  { servers, names, speaksOfAll }: CompiledRule,
  { kind, server }: McpRequest,
  name: string,
  look: string | undefined,
): boolean {
  if (!servers.some((pattern) => matchesToolName(pattern, server, undefined))) return false;
  return speaksOfAll || names[kind]?.some((one) => matchesToolName(one, name, look)) === true;
}

/** Equal for equal values, whatever the order of their keys; an argument that is not there counts as `null`. */
function keyOf({ per }: McpRule, given: Record<string, unknown>): string | undefined {
  if (per === undefined) return undefined;
  return canonicalJson(per.map((name) => (Object.hasOwn(given, name) ? given[name] : null)));
}
