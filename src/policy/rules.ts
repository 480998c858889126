// Turns the nodes of network, filesystem and execution rules into rules, with every fault that the schema cannot see.
import {
  formatBlock,
  maskBlock,
  parseBlock,
  parseLooseBlock,
  unwrapAddress,
} from '../match/address.ts';
import { canonicalName, formatHostPattern, parseHostPattern } from '../match/host.ts';
import { faultOfPattern } from '../match/path.ts';
import { specialRangeOf, unreachedBy } from '../match/special.ts';
import type { Span } from '../model/diagnostic.ts';
import type {
  Access,
  ExecutionRule,
  FilesystemRule,
  NamedDestination,
  NetworkRule,
  RuleOrigin,
  RuleSet,
} from '../model/policy.ts';
import type { DocumentSections, StatedList } from './document.ts';
import {
  childOf,
  entryOf,
  itemsOf,
  listOf,
  numberOf,
  stringOf,
  type TextNode,
} from './yaml-text.ts';

export interface Reporter {
  file: string;
  error(code: string, span: Span, message: string, help?: string): void;
  warn(code: string, span: Span, message: string, help?: string): void;
}

type Effect = 'allow' | 'deny';

/** Reads the sections under `node`; `prefix` is `max.` within a ceiling. */
export function readSections(
  node: TextNode | undefined,
  prefix: string,
  report: Reporter,
): DocumentSections {
  const rules = <R>(
    section: string,
    read: (item: TextNode, origin: RuleOrigin, effect: Effect) => R | undefined,
  ): RuleSet<R> => {
    const readList = (effect: Effect): R[] => {
      const entry = entryOf(childOf(node, section), effect);
      if (entry === undefined) return [];
      const place = `${prefix}${section}.${effect}`;
      if (entry.value.kind === 'scalar')
        report.warn(
          'empty-list',
          entry.keySpan,
          `\`${place}\` holds nothing: it ${effect === 'allow' ? 'allows' : 'denies'} nothing`,
          'write `[]` to mean that',
        );
      return itemsOf(entry.value).flatMap(
        (item, i) => read(item, originOf(item, `${place}[${i}]`, report), effect) ?? [],
      );
    };
    return { allow: readList('allow'), deny: readList('deny') };
  };
  const states = (['filesystem.allow', 'execution.allow'] as const).filter(
    (key): key is StatedList => {
      const [section = '', list = ''] = key.split('.');
      return entryOf(childOf(node, section), list) !== undefined;
    },
  );
  const user = stringOf(childOf(childOf(node, 'execution'), 'user'));
  return {
    network: rules('network', (item, origin, effect) => readNetwork(item, origin, effect, report)),
    filesystem: rules('filesystem', (item, origin, effect) =>
      readFilesystem(item, origin, effect, report),
    ),
    execution: rules('execution', (item, origin) => readExecution(item, origin, report)),
    states,
    ...(user === 'agent' || user === 'root' ? { user } : {}),
  };
}

function originOf(item: TextNode, place: string, report: Reporter): RuleOrigin {
  const id = stringOf(childOf(item, 'id'));
  const reason = childOf(item, 'reason');
  const words = stringOf(reason);
  if (
    reason !== undefined &&
    words !== undefined &&
    /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/.test(words)
  )
    report.error('control-character', reason.span, 'a reason is one line of plain text');
  return {
    ...(id === undefined ? {} : { id }),
    place,
    file: report.file,
    line: item.span.line,
    column: item.span.column,
    ...(words === undefined ? {} : { reason: words }),
  };
}

function readNetwork(
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
  for (const key of ['methods', 'paths']) {
    const entry = entryOf(item, key);
    if (entry !== undefined)
      report.error(
        'not-enforced',
        entry.keySpan,
        `\`${key}\` is not enforced by this version: single HTTP requests are not judged yet, so this rule is refused`,
        'leave it out to speak of the whole connection, or remove the rule',
      );
  }
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
  return {
    ...origin,
    ...(named.length > 0 ? { named } : {}),
    hosts: listOf(host?.value).flatMap((node) => readHost(node, effect, report) ?? []),
    cidrs: listOf(cidr?.value).flatMap((node) => readBlock(node, effect, report) ?? []),
    // A deny without ports closes the host altogether: nobody who writes it means to leave port 22 open.
    ...(portsEntry !== undefined ? { ports } : effect === 'allow' ? { ports: [80, 443] } : {}),
  };
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
  if (isDestination(text)) {
    return undefined; // a named destination
  }
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

function readPath(item: TextNode, report: Reporter): string | undefined {
  const node = childOf(item, 'path');
  const text = stringOf(node);
  if (node === undefined || text === undefined) return undefined;
  const fault = faultOfPattern(text);
  if (fault !== undefined) report.error('value', node.span, fault.message, fault.help);
  else if (/[[\]]/.test(text))
    report.warn(
      'literal',
      node.span,
      '`[` and `]` are ordinary characters in a path here, not a set',
    );
  return fault === undefined ? text : undefined;
}

function readFilesystem(
  item: TextNode,
  origin: RuleOrigin,
  effect: Effect,
  report: Reporter,
): FilesystemRule | undefined {
  const path = readPath(item, report);
  const node = childOf(item, 'access');
  const access = stringOf(node);
  if (effect === 'allow' && access === undefined) {
    if (childOf(item, 'path') !== undefined)
      report.error(
        'missing-key',
        item.span,
        `\`${origin.place}\` does not say which \`access\` it allows`,
        'write `access: read`, `write` or `private`',
      );
    return undefined;
  }
  if (effect === 'deny' && access === 'private' && node !== undefined)
    report.error(
      'value',
      node.span,
      'a deny takes away `read` or `write`',
      'to keep writes in the session, allow the path with `access: private`',
    );
  if (path === undefined) return undefined;
  return { ...origin, path, ...(isAccess(access) ? { access } : {}) };
}

function isAccess(text: string | undefined): text is Access {
  return text === 'read' || text === 'write' || text === 'private';
}

function readExecution(
  item: TextNode,
  origin: RuleOrigin,
  report: Reporter,
): ExecutionRule | undefined {
  const path = readPath(item, report);
  return path === undefined ? undefined : { ...origin, path };
}
