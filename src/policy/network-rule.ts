// Turns the node of a network rule into a rule, with every fault that the schema cannot see.
import {
  formatBlock,
  maskBlock,
  parseBlock,
  parseLooseBlock,
  unwrapAddress,
} from '../match/address.ts';
import {
  RESERVED_REASON,
  canonicalName,
  formatHostPattern,
  isReservedName,
  parseHostPattern,
} from '../match/host.ts';
import { specialRangeOf, unreachedBy } from '../match/special.ts';
import { readUrlPattern } from '../match/url-path.ts';
import type { Effect } from '../model/decision.ts';
import type { NamedDestination, NetworkRule, RuleOrigin } from '../model/policy.ts';
import { parseRate, parseSize } from './quantity.ts';
import type { Reporter } from './reporter.ts';
import { entryOf, itemsOf, listOf, numberOf, stringOf, type TextNode } from './yaml-text.ts';

export function readNetwork(
  item: TextNode,
  origin: RuleOrigin,
  effect: Effect,
  report: Reporter,
): NetworkRule | undefined {
  const host = entryOf(item, 'host');
  const cidr = entryOf(item, 'cidr');
  if (host === undefined && cidr === undefined) {
    report.error(
      'missing-key',
      item.span,
      `\`${origin.place}\` names neither a \`host\` nor a \`cidr\``,
    );
    return undefined;
  }
  if (host !== undefined && cidr !== undefined)
    report.error(
      'conflict',
      cidr.keySpan,
      'a rule speaks of a `host` or of a `cidr`, not of both',
      'write two rules',
    );
  for (const entry of [host, cidr])
    if (entry !== undefined && listOf(entry.value).length === 0)
      report.warn(
        'empty-list',
        entry.keySpan,
        `\`${entry.key}\` is empty: the rule matches nothing`,
      );
  const portsEntry = entryOf(item, 'ports');
  const ports = listOf(portsEntry?.value).flatMap((node) => numberOf(node) ?? []);
  if (portsEntry !== undefined && ports.length === 0)
    report.warn('empty-list', portsEntry.keySpan, '`ports` is empty: the rule matches nothing');
  const named = readNamed(host?.value, portsEntry === undefined ? undefined : ports);
  const protocol = stringOf(entryOf(item, 'protocol')?.value);
  if (protocol === 'udp') checkDatagrams(item, effect, named, report);
  return {
    ...origin,
    ...(named.length > 0 ? { named } : {}),
    hosts: listOf(host?.value).flatMap((node) => readHost(node, effect, report) ?? []),
    cidrs: listOf(cidr?.value).flatMap((node) => readBlock(node, effect, report) ?? []),
    ...(protocol === 'tcp' || protocol === 'udp' ? { protocol } : {}),
    ...readLimits(item, effect, report),
    ...readRequests(item, 'methods', effect, report),
    ...readRequests(item, 'paths', effect, report),
    // A deny without ports closes the host altogether: nobody who writes it means to leave port 22 open.
    ...(portsEntry !== undefined ? { ports } : effect === 'allow' ? { ports: [80, 443] } : {}),
  };
}

/** What the rule counts. A deny allows nothing that could be counted. */
function readLimits(
  item: TextNode,
  effect: Effect,
  report: Reporter,
): Pick<NetworkRule, 'limit' | 'egress'> {
  for (const key of ['limit', 'egress']) {
    const entry = entryOf(item, key);
    if (entry !== undefined && effect === 'deny')
      report.error(
        'conflict',
        entry.keySpan,
        `\`${key}\` counts what a rule allows, and this is a deny`,
      );
  }
  const limit = parseRate(stringOf(entryOf(item, 'limit')?.value) ?? '');
  const size = entryOf(item, 'egress');
  const text = stringOf(size?.value);
  const egress = text === undefined ? undefined : parseSize(text);
  if (size !== undefined && text !== undefined && egress === undefined)
    report.error(
      'value',
      size.value.span,
      `\`egress\` may not be "${text}"`,
      'it must be more than nothing',
    );
  return { ...(limit && { limit }), ...(egress !== undefined && { egress }) };
}

/** Datagrams are never read, and 80 and 443 are no defaults that anybody means for them. */
function checkDatagrams(
  item: TextNode,
  effect: Effect,
  named: readonly NamedDestination[],
  report: Reporter,
): void {
  for (const key of ['methods', 'paths']) {
    const entry = entryOf(item, key);
    if (entry !== undefined)
      report.error(
        'conflict',
        entry.keySpan,
        `\`${key}\` speaks of HTTP over TCP, not of datagrams`,
      );
  }
  if (effect === 'allow' && entryOf(item, 'ports') === undefined)
    report.error('missing-key', item.span, 'a rule with `protocol: udp` states its `ports`');
  for (const { name, span } of named)
    report.error(
      'conflict',
      span,
      `"${name}" names a destination over TCP`,
      'write the host itself',
    );
}

/** A single word: the name of a destination. A host of a single label is written with a dot behind it. */
const isDestination = (text: string): boolean =>
  /^[A-Za-z0-9_-]+$/.test(text) && text.toLowerCase() !== 'localhost';

function readNamed(hosts: TextNode | undefined, ports: number[] | undefined): NamedDestination[] {
  return listOf(hosts).flatMap((node) => {
    const name = stringOf(node);
    if (name === undefined || !isDestination(name)) return [];
    return [{ name, span: node.span, ...(ports === undefined ? {} : { ports }) }];
  });
}

function readHost(node: TextNode, effect: Effect, report: Reporter): string | undefined {
  const text = stringOf(node);
  if (text === undefined) return undefined;
  if (parseLooseBlock(text) !== undefined || /^[\d.]+$/.test(text) || text.includes(':')) {
    report.error(
      'value',
      node.span,
      `"${text}" is no host name; a host rule never matches an address`,
      'write it under `cidr`; ports stand under `ports`',
    );
    return undefined;
  }
  if (isDestination(text)) return undefined; // kept by its name
  const pattern = parseHostPattern(text);
  if (pattern === undefined) {
    const isMisplaced = text.includes('*');
    report.error(
      'value',
      node.span,
      `"${text}" is no host ${isMisplaced ? 'pattern' : 'name'}`,
      isMisplaced
        ? '`*.x` is one label before x, `**.x` one or more; wildcards stand nowhere else'
        : undefined,
    );
    return undefined;
  }
  if (effect === 'allow' && pattern.kind === 'exact' && /^(?:.*\.)?localhost$/.test(pattern.name)) {
    report.error('never-allowed', node.span, "no layer can allow the host's own loopback");
    return undefined;
  }
  if (
    effect === 'allow' &&
    isReservedName(pattern.kind === 'exact' ? pattern.name : pattern.base)
  ) {
    report.error('not-enforced', node.span, `no rule can allow "${text}": ${RESERVED_REASON}`);
    return undefined;
  }
  return formatHostPattern(pattern);
}

function readBlock(node: TextNode, effect: Effect, report: Reporter): string | undefined {
  const text = stringOf(node);
  if (text === undefined) return undefined;
  const block = parseBlock(text);
  if (block === undefined) {
    const loose = parseLooseBlock(text);
    const help =
      loose === undefined
        ? canonicalName(text) === undefined
          ? 'write a block such as 10.20.0.0/16'
          : 'a name stands under `host`'
        : `did you mean \`${formatBlock(maskBlock(loose))}\`?`;
    report.error('value', node.span, `"${text}" is no block of addresses`, help);
    return undefined;
  }
  const unwrapped = unwrapAddress(block);
  if (block.family === 6 && unwrapped.family === 4) {
    report.error(
      'value',
      node.span,
      `"${text}" holds IPv4 addresses in another spelling; they are judged as IPv4`,
      'write the IPv4 block',
    );
    return undefined;
  }
  const special = specialRangeOf(block);
  if (effect === 'allow' && special?.kind === 'never') {
    report.error('never-allowed', node.span, `no layer can allow ${text}: it is ${special.what}`);
    return undefined;
  }
  const unreached = effect === 'allow' ? unreachedBy(block) : [];
  if (unreached.length > 0)
    report.warn(
      'broad-block',
      node.span,
      `${text} does not reach the special addresses in it (${unreached.join(', ')})`,
      'a block that lies inside such a range reaches it, where a policy can allow it at all',
    );
  return formatBlock(block);
}

/** `methods` or `paths`: what makes a rule speak of single requests. Present and empty it speaks of none. */
function readRequests<K extends 'methods' | 'paths'>(
  item: TextNode,
  key: K,
  effect: Effect,
  report: Reporter,
): Partial<Record<K, string[]>> {
  const entry = entryOf(item, key);
  if (entry === undefined) return {};
  const nodes = itemsOf(entry.value);
  if (nodes.length === 0 && effect === 'deny')
    report.error(
      'empty-list',
      entry.keySpan,
      `\`${key}\` is empty: the rule would deny nothing`,
      `leave \`${key}\` out to deny any, or remove the rule`,
    );
  else if (nodes.length === 0)
    report.warn('empty-list', entry.keySpan, `\`${key}\` is empty: the rule allows nothing`);
  const read = key === 'paths' ? (node: TextNode) => readUrlPath(node, report) : stringOf;
  return { [key]: nodes.flatMap((node) => read(node) ?? []) } as Partial<Record<K, string[]>>;
}

function readUrlPath(node: TextNode, report: Reporter): string | undefined {
  const text = stringOf(node);
  if (text === undefined) return undefined;
  const read = readUrlPattern(text);
  if (read.pattern === undefined) {
    report.error('value', node.span, read.fault, read.help);
    return undefined;
  }
  const { pattern } = read;
  if (text.length > 1 && text.endsWith('/'))
    report.warn(
      'trailing-slash',
      node.span,
      `"${text}" is read as "${pattern}": a trailing slash makes no difference`,
      `everything below it is \`${pattern}/**\``,
    );
  return pattern;
}
