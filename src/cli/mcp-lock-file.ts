// The lock file of a workspace: what was reviewed of its tool servers.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { checkPlaces } from '../enforce/mcp/pins/lock-place.ts';
import { readLock as parseLock } from '../enforce/mcp/pins/lock-reader.ts';
import { errnoOf, messageOf, SandboxError } from '../model/error.ts';
import type { McpLock } from '../model/mcp-lock.ts';
import type { EffectivePolicy } from '../model/policy.ts';
import { MCP_LOCK } from '../source/builtin.ts';

export const lockPath = ({ workspace }: Pick<EffectivePolicy, 'workspace'>): string =>
  join(workspace, MCP_LOCK);

/**
 * Undefined where there is none; throws `MCP_LOCK_*` for one that cannot be read, or speaks of servers that are elsewhere. `root` stands
 * for the repository's root where policies are not the workspace's: what was reviewed is not either.
 */
export function readLock(
  policy: EffectivePolicy,
  frozen: boolean,
  root?: string,
): McpLock | undefined {
  const lock = readLockFile(root === undefined ? policy : { workspace: root });
  if (lock !== undefined) checkPlaces(lock, policy.mcp.servers, { frozen });
  return lock;
}

/** Whatever servers the policy has now. */
export function readLockFile(policy: Pick<EffectivePolicy, 'workspace'>): McpLock | undefined {
  const path = lockPath(policy);
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw new SandboxError({
      kind: 'environment',
      code: 'MCP_LOCK_UNREADABLE',
      message: `${path} cannot be read: ${messageOf(error)}`,
    });
  }
  return parseLock(bytes);
}
