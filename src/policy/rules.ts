// Turns the nodes of rules and credentials into data, with every fault that the schema cannot see.
import { faultOfPattern } from '../match/path.ts';
import type { Effect } from '../model/decision.ts';
import { SECRET_ACTIONS } from '../model/mcp.ts';
import type {
  Access,
  ExecutionRule,
  FilesystemRule,
  RuleOrigin,
  RuleSet,
  SecretActions,
} from '../model/policy.ts';
import { readCredential } from './credential-rule.ts';
import type { DocumentSections, StatedList } from './document.ts';
import { readMcpLimits } from './mcp-limits.ts';
import { readMcpRule } from './mcp-rule.ts';
import { readServer } from './mcp-server.ts';
import { readNetwork } from './network-rule.ts';
import type { Reporter } from './reporter.ts';
import { childOf, entryOf, itemsOf, stringOf, type TextNode } from './yaml-text.ts';

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
    credentials: itemsOf(childOf(node, 'credentials')).flatMap((item, i) => {
      const origin = originOf(item, `${prefix}credentials[${i}]`, report);
      return readCredential(item, origin, prefix !== '', report) ?? [];
    }),
    mcp: {
      ...rules('mcp', (item, origin, effect) => readMcpRule(item, origin, effect, report)),
      servers: itemsOf(childOf(childOf(node, 'mcp'), 'servers')).flatMap((item, i) => {
        const origin = originOf(item, `${prefix}mcp.servers[${i}]`, report);
        const readSandbox = (under: TextNode, at: string): DocumentSections =>
          readSections(under, at, report);
        return readServer(item, origin, prefix !== '', readSandbox, report) ?? [];
      }),
      secrets: readSecrets(childOf(childOf(node, 'mcp'), 'secrets')),
      limits: readMcpLimits(childOf(childOf(node, 'mcp'), 'limits'), report),
    },
    states,
    ...(user === 'agent' || user === 'root' ? { user } : {}),
  };
}

function readSecrets(node: TextNode | undefined): Partial<SecretActions> {
  const secrets: Partial<SecretActions> = {};
  for (const key of ['arguments', 'results'] as const) {
    const action = SECRET_ACTIONS.find((one) => one === stringOf(childOf(node, key)));
    if (action !== undefined) secrets[key] = action;
  }
  return secrets;
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
