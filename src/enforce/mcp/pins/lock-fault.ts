// Faults of a lock file. Whoever reads one refuses to go on: what was reviewed is not known.

import { SandboxError } from '../../../model/error.ts';

export type LockFault =
  /** longer than a lock may be, or deeper */
  | 'MCP_LOCK_SIZE'
  /** no JSON that every reader reads alike */
  | 'MCP_LOCK_JSON'
  | 'MCP_LOCK_VERSION'
  /** a field that is missing, of another type, or not known */
  | 'MCP_LOCK_SHAPE'
  /** a definition is not the one that its digest is of */
  | 'MCP_LOCK_DIGEST'
  /** a server is elsewhere than where it was reviewed */
  | 'MCP_LOCK_PLACE';

export function lockFault(code: LockFault, message: string): SandboxError {
  return new SandboxError({
    kind: 'policy',
    code,
    message: `lock of tool servers: ${message}`,
    hint: 'review the servers and write the lock anew: agent-sandbox mcp pin',
  });
}
