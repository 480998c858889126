// What was reviewed of tool servers, as it stands in a repository: `.github/agent-sandbox.mcp.lock`.

import type { JsonObject } from './credential.ts';
import type { Definition } from './mcp.ts';

export const MCP_LOCK_VERSION = 1;

/** Where a server is, as far as it is reviewed: names of variables, not their values. */
export type LockedPlace =
  { kind: 'remote'; url: string } | { kind: 'local'; command: string[]; environment: string[] };

/** Any definition, without icons and what extensions draw with: those never reach an agent. */
export interface LockedDefinition {
  /** `sha256:` over the canonical JSON of all of its fields */
  digest: string;
  definition: Definition;
  /** tools: the name under which clients see it beside those of other servers, where it had to be made shorter */
  shownAs?: string;
}

export interface LockedServer {
  at: LockedPlace;
  /** what a local server's program was resolved to: name and version, and the digest it had */
  packages?: Record<string, string>;
  era: 'legacy' | 'modern';
  /** protocol revision */
  revision: string;
  serverInfo: JsonObject;
  capabilities: JsonObject;
  instructions?: string;
  tools: LockedDefinition[];
  prompts: LockedDefinition[];
  resources: LockedDefinition[];
  templates: LockedDefinition[];
}

export interface McpLock {
  version: typeof MCP_LOCK_VERSION;
  /** by id */
  servers: Record<string, LockedServer>;
}
