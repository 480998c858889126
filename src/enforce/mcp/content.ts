// What the gateway asks of whoever reads the contents of messages: secrets on their way out, and whatever a server may have put
// into what the agent reads.

import type { Json, JsonObject } from '../../model/credential.ts';
import type { Definition, ResultRule } from '../../model/mcp.ts';

/** Never holds what was found: a kind of thing, and where. */
export interface Finding {
  /** e.g. `known-secret`, `github-token`, `injection`, `invisible-unicode`, `terminal-escape`, `size`, `schema` */
  detector: string;
  /** JSON path within the message, with names of the server's or the agent's, e.g. `arguments.body`; escaped when recorded */
  place: string;
  /** first 8 hex digits of an HMAC of the value under the session's key, where two findings of one value should be told to be one */
  fingerprint?: string;
}

export type Reading<T> =
  | { action: 'pass'; value: T; findings: Finding[] }
  /** `reason`: one clause for the agent, which does not help to find out what is looked for */
  | { action: 'block'; reason: string; findings: Finding[] };

export interface Content {
  /**
   * All that an agent wrote into a message that is to go to `server`: arguments, names, URIs, cursors, tokens, `_meta`.
   * `secrets: redact` does not exist on this way: a changed argument is another call than the one that was judged.
   */
  outgoing(server: string, params: JsonObject): Reading<JsonObject>;
  /** A result, an error, a notification or a request of a server's on its way to the agent. */
  incoming(
    server: string,
    message: Json,
    rule: ResultRule & { outputSchema?: Json },
  ): Reading<Json>;
  /** A name, URI or method as it may stand on record and in messages of ours: a secret in it is replaced by a mark. */
  readonly name: (text: string) => string;
  /** Findings of one definition: instructions, invisible characters, look-alike names, what hides in schemas. */
  definition(definition: Definition): Finding[];
}
