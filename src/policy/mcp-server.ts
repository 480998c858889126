// Turns the node of a tool server into data, with every fault that the schema cannot see.
import type { ServerPlace } from '../model/mcp.ts';
import type { RuleOrigin } from '../model/policy.ts';
import type { DocumentSections, DocumentServer } from './document.ts';
import type { Reporter } from './reporter.ts';
import { exactPackage, faultOfCommand, faultOfVariable } from './server-command.ts';
import { readServerUrl } from './server-url.ts';
import { childOf, entryOf, itemsOf, stringOf, type TextNode } from './yaml-text.ts';

/** `readSandbox`: reads the sections under a node, whose rules stand at places with this prefix. */
export function readServer(
  item: TextNode,
  origin: RuleOrigin,
  isCeiling: boolean,
  readSandbox: (node: TextNode, prefix: string) => DocumentSections,
  report: Reporter,
): DocumentServer | undefined {
  const id = stringOf(childOf(item, 'id'));
  const at = readPlace(item, origin, isCeiling, report);
  if (id === undefined || (at === undefined && !isCeiling)) return undefined;
  const isRemote = at?.kind === 'remote';
  const refuse = (key: string, isWrong: boolean, message: string, help?: string): void => {
    const entry = entryOf(item, key);
    if (entry !== undefined && isWrong) report.error('conflict', entry.keySpan, message, help);
  };
  for (const key of ['env', 'sandbox', 'shell', 'require'])
    refuse(key, isRemote, `\`${key}\` speaks of a command, and this server is at a \`url\``);
  refuse(
    'credential',
    at?.kind === 'local',
    'a credential goes to a `url`; a command gets none',
    'put the server behind a `url`',
  );
  const provenance = isTrue(childOf(childOf(item, 'require'), 'provenance'));
  if (provenance && at?.kind === 'local' && exactPackage(at.command) === undefined)
    report.error(
      'conflict',
      (entryOf(item, 'require') ?? { keySpan: item.span }).keySpan,
      'provenance is that of one package: the command is no `npx` or `uvx` with an exact version',
      'write `[npx, -y, NAME@1.2.3]` or `[uvx, NAME==1.2.3]`',
    );
  const credential = stringOf(childOf(item, 'credential'));
  const sandbox = entryOf(item, 'sandbox');
  const user = entryOf(childOf(sandbox?.value, 'execution'), 'user');
  if (user !== undefined)
    report.error(
      'not-enforced',
      user.keySpan,
      'a server always runs as `agent`: `user` has no effect here',
      'remove it',
    );
  const required = childOf(item, 'required');
  return {
    ...origin,
    id,
    ...(at && { at }),
    ...(credential !== undefined && { credential }),
    required: !(required?.kind === 'scalar' && required.value === false),
    provenance,
    ...(sandbox && { sandbox: readSandbox(sandbox.value, `${origin.place}.sandbox.`) }),
  };
}

function readPlace(
  item: TextNode,
  { place }: RuleOrigin,
  isCeiling: boolean,
  report: Reporter,
): ServerPlace | undefined {
  const url = entryOf(item, 'url');
  const command = entryOf(item, 'command');
  const environment = readEnvironment(item, report);
  if (url !== undefined && command !== undefined) {
    report.error(
      'conflict',
      command.keySpan,
      'a server is at a `url` or is a `command`, not both',
      'write two servers',
    );
    return undefined;
  }
  if (url === undefined && command === undefined) {
    if (!isCeiling)
      report.error(
        'missing-key',
        item.span,
        `\`${place}\` has neither a \`url\` nor a \`command\``,
      );
    else if (entryOf(item, 'env') !== undefined)
      report.error('conflict', item.span, '`env` bounds a `command`, and there is none');
    return undefined;
  }
  if (url !== undefined) {
    const text = stringOf(url.value);
    if (text === undefined) return undefined;
    const { fault, ...read } = readServerUrl(text);
    if (fault === undefined) return { kind: 'remote', url: text };
    report.error('value', url.value.span, fault, 'help' in read ? read.help : undefined);
    return undefined;
  }
  const nodes = itemsOf(command?.value);
  const words = nodes.flatMap((node) => stringOf(node) ?? []);
  if (words.length === 0) return undefined;
  const fault = faultOfCommand(words, isCeiling || isTrue(childOf(item, 'shell')));
  if (fault !== undefined)
    report.error('value', (nodes[fault.at] ?? item).span, fault.message, fault.help);
  return { kind: 'local', command: words, environment };
}

function readEnvironment(item: TextNode, report: Reporter): Record<string, string> {
  const node = childOf(item, 'env');
  if (node?.kind !== 'map') return {};
  if (node.entries.length > 64) report.error('value', node.span, 'at most 64 variables');
  return Object.fromEntries(
    node.entries.flatMap(({ key, keySpan, value }) => {
      const text = stringOf(value);
      if (text === undefined) return [];
      const fault = faultOfVariable(key, text);
      if (fault !== undefined) report.error('value', keySpan, fault);
      return [[key, text]];
    }),
  );
}

const isTrue = (node: TextNode | undefined): boolean =>
  node?.kind === 'scalar' && node.value === true;
