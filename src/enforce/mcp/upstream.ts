// What the gateway asks of the way to a tool server: Streamable HTTP's own exchanges, whatever is behind them. A server that
// speaks over stdio is made to look like one that speaks HTTP, so that one pipeline judges both.
// https://modelcontextprotocol.io/specification/2025-11-25/basic/transports

import type { JsonObject } from '../../model/credential.ts';

export interface UpstreamEvent {
  /** one JSON-RPC message as it was received, not looked at: hostile; an empty one primes a stream that can be resumed */
  data: Buffer;
  /** of the event stream, to resume it behind this event */
  id?: string;
  /** milliseconds that the server asks a client to wait before it connects again */
  retry?: number;
}

export interface UpstreamAnswer {
  /** HTTP status: 200, 202, 4xx, 5xx */
  status: number;
  /** `Mcp-Session-Id`, where the server gave one with this answer */
  session?: string;
  /** `json`: at most one event; `none`: nothing was sent that could be a message */
  kind: 'none' | 'json' | 'stream';
  /** Ends with the stream; throws where it breaks off or a limit is reached. Leaving the loop gives the exchange up. */
  events: AsyncIterable<UpstreamEvent>;
}

export interface UpstreamCall {
  /** the upstream's session id */
  session?: string | undefined;
  /** `[name, value]`, lower-case names: `mcp-protocol-version` and the like; no credentials */
  headers: readonly (readonly [string, string])[];
  /** gives the exchange up: the agent is gone, or cancelled */
  signal: AbortSignal;
}

/** Throws `MCP_UPSTREAM_*` with messages that hold nothing the server said. */
export interface Upstream {
  /** the message that was judged is what is serialised */
  post(message: JsonObject, call: UpstreamCall): Promise<UpstreamAnswer>;
  /** the stream of what the server says by itself */
  listen(call: UpstreamCall & { lastEventId?: string }): Promise<UpstreamAnswer>;
  /** the session is over */
  end(call: UpstreamCall): Promise<void>;
  close(): Promise<void>;
}
