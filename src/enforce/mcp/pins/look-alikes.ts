// What servers say of one another: tools whose names are alike, and descriptions that speak of another server's tools, by which
// one server changes how a model uses the other's.

import type { LockedServer, McpLock } from '../../../model/mcp-lock.ts';
import { skeletonOf } from '../content/script.ts';
import { isObject } from '../content/shape.ts';
import type { Json } from '../../../model/credential.ts';
import type { PinFinding } from './lock-build.ts';

/** Shorter names, and names that are one word of a language, stand in any text. */
const TELLING = /^(?=.{6,})(?=.*(?:[_.-]|[a-z][A-Z])).*$/;

interface Tool {
  server: string;
  name: string;
  texts: string;
}

/** All are `note`: two servers may well have a `search` each. */
export function lookAlikes(lock: McpLock): PinFinding[] {
  const tools = Object.entries(lock.servers).flatMap(([id, server]) => toolsOf(id, server));
  return [...alikeNames(tools), ...foreignNames(tools, lock)];
}

function toolsOf(server: string, { tools }: LockedServer): Tool[] {
  return tools.map(({ definition }) => ({
    server,
    name: typeof definition.name === 'string' ? definition.name : '',
    texts: textsOf(definition).join('\n'),
  }));
}

function textsOf(node: Json): string[] {
  if (typeof node === 'string') return [node];
  if (Array.isArray(node)) return node.flatMap(textsOf);
  return isObject(node) ? Object.values(node).flatMap(textsOf) : [];
}

function alikeNames(tools: readonly Tool[]): PinFinding[] {
  const bySkeleton = new Map<string, Tool[]>();
  for (const tool of tools) {
    const skeleton = skeletonOf(tool.name);
    bySkeleton.set(skeleton, [...(bySkeleton.get(skeleton) ?? []), tool]);
  }
  return [...bySkeleton.values()].flatMap((alike) =>
    alike.flatMap((tool) => {
      const other = alike.find(
        (one) => one !== tool && (one.server !== tool.server || one.name !== tool.name),
      );
      if (other === undefined) return [];
      const detector = other.name === tool.name ? 'same-name' : 'look-alike-name';
      return [note(tool, detector, `${other.server}/${other.name}`)];
    }),
  );
}

function foreignNames(tools: readonly Tool[], lock: McpLock): PinFinding[] {
  const owners = new Map<string, string[]>();
  for (const { server, name } of tools)
    if (TELLING.test(name)) owners.set(name, [...(owners.get(name) ?? []), server]);
  const own = new Map(
    Object.keys(lock.servers).map((id) => [
      id,
      new Set(tools.filter(({ server }) => server === id).map(({ name }) => name)),
    ]),
  );
  return tools.flatMap((tool) => {
    const words = new Set(tool.texts.match(/[\w.-]+/g) ?? []);
    return [...words].flatMap((word) => {
      const name = owners.has(word) ? word : word.replace(/[.-]+$/, '');
      const owner = owners.get(name)?.find((id) => id !== tool.server);
      if (owner === undefined || own.get(tool.server)?.has(name) === true) return [];
      return [note(tool, 'foreign-tool-name', `${owner}/${name}`)];
    });
  });
}

function note({ server, name }: Tool, detector: string, place: string): PinFinding {
  return { server, kind: 'tool', name, detector, place, effect: 'note' };
}
