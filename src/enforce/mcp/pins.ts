// What the gateway asks of whoever keeps what was reviewed of the servers.

import type { JsonObject } from '../../model/credential.ts';
import type { Definition, DefinitionKind } from '../../model/mcp.ts';

/** What a server says of itself when a session begins. */
export interface ServerFacts {
  era: 'legacy' | 'modern';
  /** protocol revision agreed on, e.g. `2025-11-25` */
  revision: string;
  serverInfo: JsonObject;
  capabilities: JsonObject;
  instructions?: string;
}

export interface Drift {
  server: string;
  /** `server` for what it says of itself */
  kind: DefinitionKind | 'server';
  /** name, URI or template; the field for `server` */
  name: string;
  change: 'added' | 'removed' | 'changed' | 'refused';
  /** told, and nothing is quarantined for it */
  isNews?: boolean;
  /** lines for people: what was, what is; already safe to show */
  difference: string[];
}

export interface PinnedServer {
  facts: ServerFacts;
  definitions: Record<DefinitionKind, Definition[]>;
}

export interface Pins {
  /** what was reviewed, or what was seen first in this session where nothing was; undefined before that */
  find(server: string): PinnedServer | undefined;
  /** whether it comes from the lock file */
  isLocked(server: string): boolean;
  /** Compares, and takes what it sees for reviewed where nothing was. Drift of capabilities or instructions quarantines the server. */
  meet(server: string, facts: ServerFacts): Drift[];
  /** Compares a whole list with what was reviewed. What differs is quarantined until the end of the session. */
  compare(server: string, kind: DefinitionKind, live: readonly Definition[]): Drift[];
  /** What the agent may be shown, in the order of the lock; nothing where the server is quarantined. */
  served(server: string, kind: DefinitionKind): Definition[];
  /** Whether it may be called. `name`: of a tool or prompt, URI of a resource, pattern of a template. */
  isServed(server: string, kind: DefinitionKind, name: string): boolean;
}
