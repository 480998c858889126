// Writes a lock file so that people can read what changed: one field a line, servers and definitions in one order, keys of
// definitions as their server sent them.

import type { LockedDefinition, LockedServer, McpLock } from '../../../model/mcp-lock.ts';
import { KINDS, nameOf } from './names.ts';

const LIST_OF = {
  tool: 'tools',
  prompt: 'prompts',
  resource: 'resources',
  template: 'templates',
} as const;

/** Equal locks come to equal bytes. Invisible and bidi characters are escaped: a reviewer sees what a model would read. */
export function writeLock(lock: McpLock): Buffer {
  const ids = Object.keys(lock.servers).sort();
  const servers = ids.map((id) => [id, inOrder(lock.servers[id] as LockedServer)]);
  const text = JSON.stringify(
    { version: lock.version, servers: Object.fromEntries(servers) as unknown },
    null,
    2,
  );
  return Buffer.from(`${text.replace(UNSEEN, escaped)}\n`, 'utf8');
}

const UNSEEN =
  /[\x7f-\x9f\u00ad\u115f\u1160\u3164\uffa0\p{Cf}\p{Zl}\p{Zp}\u{e0000}-\u{e0fff}]|[\ufe00-\ufe0f]/gu;

/** By UTF-16 units (RFC 8259 §7). Such a character stands in a text only, never between. */
function escaped(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}

function inOrder(server: LockedServer): LockedServer {
  const { at, packages, era, revision, serverInfo, capabilities, instructions } = server;
  const lists = Object.fromEntries(
    KINDS.map((kind) => [
      LIST_OF[kind],
      [...server[LIST_OF[kind]]].sort(byName(({ definition }) => nameOf(kind, definition) ?? '')),
    ]),
  ) as Pick<LockedServer, 'tools' | 'prompts' | 'resources' | 'templates'>;
  return {
    at: at.kind === 'remote' ? at : { ...at, environment: [...at.environment].sort() },
    ...(packages === undefined ? {} : { packages: sorted(packages) }),
    era,
    revision,
    serverInfo,
    capabilities,
    ...(instructions === undefined ? {} : { instructions }),
    ...lists,
  };
}

function byName(
  read: (one: LockedDefinition) => string,
): (a: LockedDefinition, b: LockedDefinition) => number {
  return (a, b) => (read(a) < read(b) ? -1 : 1);
}

function sorted(packages: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)));
}
