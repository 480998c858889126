// Whether servers are where they were reviewed: a lock of one server must not vouch for another.

import type { McpServer, ServerPlace } from '../../../model/mcp.ts';
import type { LockedPlace, McpLock } from '../../../model/mcp-lock.ts';
import { toMessage } from '../../../log/redact.ts';
import { canonicalJson } from '../../../policy/canonical.ts';
import { lockFault } from './lock-fault.ts';

export function placeOf(at: ServerPlace): LockedPlace {
  if (at.kind === 'remote') return { kind: 'remote', url: at.url };
  const environment = Object.keys(at.environment).sort();
  return { kind: 'local', command: [...at.command], environment };
}

/**
 * Throws `MCP_LOCK_PLACE` for the first server of a policy whose URL, command or names of variables are not those of its entry in
 * the lock. A server that is not in the lock was not reviewed: `frozen` (in CI) throws for it, too.
 */
export function checkPlaces(
  lock: McpLock,
  servers: readonly Pick<McpServer, 'id' | 'at'>[],
  { frozen = false }: { frozen?: boolean } = {},
): void {
  for (const { id, at } of servers) {
    const locked = Object.hasOwn(lock.servers, id) ? lock.servers[id] : undefined;
    if (locked === undefined) {
      if (frozen) throw lockFault('MCP_LOCK_PLACE', `server ${id} is not in it`);
      continue;
    }
    const [then, now] = [canonicalJson(placeOf(asPlace(locked.at))), canonicalJson(placeOf(at))];
    if (then !== now)
      throw lockFault(
        'MCP_LOCK_PLACE',
        `server ${id} was reviewed as ${toMessage(then, 300)} and is ${toMessage(now, 300)}`,
      );
  }
}

function asPlace(at: LockedPlace): ServerPlace {
  if (at.kind === 'remote') return at;
  const environment = Object.fromEntries(at.environment.map((name) => [name, '']));
  return { ...at, environment };
}

/** Throws `MCP_LOCK_PLACE` where what a command was resolved to now is not what was reviewed. */
export function checkPackages(
  lock: McpLock,
  id: string,
  resolved: Readonly<Record<string, string>>,
): void {
  const reviewed = Object.hasOwn(lock.servers, id) ? lock.servers[id]?.packages : undefined;
  if (reviewed === undefined) return;
  for (const name of new Set([...Object.keys(reviewed), ...Object.keys(resolved)]))
    if (reviewed[name] !== resolved[name])
      throw lockFault(
        'MCP_LOCK_PLACE',
        `package ${toMessage(name, 120)} of server ${id}: expected ${reviewed[name] ?? 'none'}, got ${toMessage(resolved[name] ?? 'none', 200)}`,
      );
}
