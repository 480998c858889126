// Turns the node of a rule over tool servers into a rule, with every fault that the schema cannot see.
import type { Effect } from '../model/decision.ts';
import {
  CONTENT_TYPES,
  FEATURES,
  type ContentType,
  type Feature,
  type McpRule,
  type ResultRule,
} from '../model/mcp.ts';
import type { RuleOrigin } from '../model/policy.ts';
import { readArguments } from './argument-rule.ts';
import { parseRate, parseSize } from './quantity.ts';
import type { Reporter } from './reporter.ts';
import { childOf, entryOf, itemsOf, listOf, stringOf, type TextNode } from './yaml-text.ts';

const LISTS = ['tools', 'prompts', 'resources', 'features'] as const;

export function readMcpRule(
  item: TextNode,
  origin: RuleOrigin,
  effect: Effect,
  report: Reporter,
): McpRule {
  const stated = LISTS.flatMap((key) => entryOf(item, key) ?? []);
  if (effect === 'allow' && stated.length === 0)
    report.error(
      'missing-key',
      item.span,
      `\`${origin.place}\` does not say what it allows`,
      `name it under ${LISTS.map((key) => `\`${key}\``).join(', ')}`,
    );
  const server = entryOf(item, 'server');
  for (const { key, keySpan, value } of [...stated, ...(server ? [server] : [])])
    if (listOf(value).filter((node) => stringOf(node) !== undefined).length === 0)
      report[effect === 'deny' ? 'error' : 'warn'](
        'empty-list',
        keySpan,
        `\`${key}\` is empty: ${effect === 'deny' ? 'the rule denies' : 'it allows'} nothing of it`,
        effect === 'deny' ? `leave \`${key}\` out to deny all, or remove the rule` : undefined,
      );
  refuseMisplaced(item, effect, report);
  const limit = parseRate(stringOf(childOf(item, 'limit')) ?? '');
  const given = entryOf(item, 'arguments');
  const per = entryOf(item, 'per');
  const results = entryOf(item, 'results');
  return {
    ...origin,
    servers: listOf(childOf(item, 'server')).flatMap((node) => readServerName(node, report) ?? []),
    ...readNames(item, 'tools', report),
    ...readNames(item, 'prompts', report),
    ...readNames(item, 'resources', report),
    ...(entryOf(item, 'features') && {
      features: textsOf(item, 'features').filter((name): name is Feature =>
        FEATURES.some((one) => one === name),
      ),
    }),
    ...(given && { arguments: readArguments(given.value, effect, report) }),
    ...(limit && { limit }),
    ...(per && { per: textsOf(item, 'per') }),
    ...(results && { results: readResults(results.value, report) }),
  };
}

/** Keys that say nothing where they stand. */
function refuseMisplaced(item: TextNode, effect: Effect, report: Reporter): void {
  const has = (key: string): boolean => entryOf(item, key) !== undefined;
  const refuse = (key: string, message: string, help?: string): void => {
    const entry = entryOf(item, key);
    if (entry !== undefined) report.error('conflict', entry.keySpan, message, help);
  };
  if (effect === 'deny')
    for (const key of ['limit', 'per', 'results'])
      refuse(key, `\`${key}\` speaks of what a rule allows, and this is a deny`);
  else if (!has('limit')) refuse('per', '`per` says what `limit` counts by, and there is none');
  const speaksOfCalls = has('tools') || has('prompts');
  for (const key of ['arguments', 'per']) {
    if (!speaksOfCalls)
      refuse(key, `\`${key}\` speaks of calls: the rule names no \`tools\` and no \`prompts\``);
    for (const other of ['resources', 'features'])
      if (has(other))
        refuse(key, `\`${key}\` says nothing of \`${other}\`, which have none`, 'write two rules');
  }
  if (has('features'))
    for (const key of ['results'])
      refuse(key, `\`${key}\` says nothing of \`features\``, 'write two rules');
  const given = entryOf(item, 'arguments');
  if (effect === 'deny' && given?.value.kind === 'map' && given.value.entries.length === 0)
    report.error(
      'empty-list',
      given.keySpan,
      '`arguments` is empty, and to a deny that is any call',
      'remove it',
    );
  const { length } = itemsOf(childOf(item, 'per'));
  if (has('per') && length === 0) refuse('per', '`per` names no argument', 'remove it');
}

function readServerName(node: TextNode, report: Reporter): string | undefined {
  const text = stringOf(node);
  if (text === undefined || /^[a-z0-9*-]{1,64}$/.test(text)) return text;
  report.error(
    'value',
    node.span,
    `no server can be called "${text}"`,
    'an id is of lower-case letters, digits and `-`; `*` matches any part',
  );
  return undefined;
}

function readNames<K extends 'tools' | 'prompts' | 'resources'>(
  item: TextNode,
  key: K,
  report: Reporter,
): Partial<Record<K, string[]>> {
  const entry = entryOf(item, key);
  if (entry === undefined) return {};
  const names = itemsOf(entry.value).flatMap((node) => {
    const text = stringOf(node);
    if (text === undefined) return [];
    if (/[\u0000-\u001f\u007f-\u009f]|[\ud800-\udbff](?![\udc00-\udfff])/.test(text))
      report.error('control-character', node.span, 'a name holds no control characters');
    if (key === 'resources' && !/^(?:\*|[a-z][a-z0-9+.*-]*(?::|\*))/.test(text))
      report.error(
        'value',
        node.span,
        `"${text}" matches no URI`,
        'write the whole URI, such as `file:///workspace/*`, its scheme in lower case',
      );
    return [text];
  });
  return { [key]: names } as Partial<Record<K, string[]>>;
}

function readResults(node: TextNode, report: Reporter): ResultRule {
  const size = childOf(node, 'size');
  const text = stringOf(size);
  const maxBytes = text === undefined ? undefined : parseSize(text);
  if (size !== undefined && text !== undefined && maxBytes === undefined)
    report.error(
      'value',
      size.span,
      `\`size\` may not be "${text}"`,
      'it must be more than nothing',
    );
  const types = entryOf(node, 'types');
  const schema = stringOf(childOf(node, 'schema'));
  return {
    ...(maxBytes !== undefined && { maxBytes }),
    ...(types && {
      types: textsOf(node, 'types').filter((name): name is ContentType =>
        CONTENT_TYPES.some((one) => one === name),
      ),
    }),
    ...((schema === 'off' || schema === 'warn' || schema === 'strict') && { schema }),
  };
}

const textsOf = (node: TextNode, key: string): string[] =>
  itemsOf(childOf(node, key)).flatMap((one) => stringOf(one) ?? []);
