// Errors of JSON-RPC as the gateway writes them. Codes: JSON-RPC 2.0 §5.1, MCP 2026-07-28 basic "Error Codes"; our own are positive, outside
// of every reserved range.

import type { Json, JsonObject } from '../../../model/credential.ts';
import type { Id } from './message.ts';

export const CODE = {
  parse: -32700,
  request: -32600,
  method: -32601,
  params: -32602,
  internal: -32603,
  /** `resources/read` of what does not exist, before 2026-07-28 */
  resource: -32002,
  headerMismatch: -32020,
  missingCapability: -32021,
  protocolVersion: -32022,
  /** the policy says no */
  denied: 4030,
  /** a limit of the policy or of the gateway is reached */
  limit: 4290,
  /** the server did not answer in a form that may be passed on */
  upstream: 5020,
  timeout: 5040,
} as const;

/** What ends a message before it is sent on. `status`: of HTTP. */
export interface Refusal {
  status: number;
  code: number;
  message: string;
  data?: Json;
}

export function refusal(status: number, code: number, message: string, data?: Json): Refusal {
  return { status, code, message, ...(data !== undefined && { data }) };
}

/** An error response; without an id where none could be read. */
export function errorMessage(
  id: Id | undefined,
  { code, message, data }: { code: number; message: string; data?: Json },
): JsonObject {
  const error: JsonObject = { code, message };
  if (data !== undefined) error['data'] = data;
  return { jsonrpc: '2.0', id: id ?? null, error };
}

export function resultMessage(id: Id, result: JsonObject): JsonObject {
  return { jsonrpc: '2.0', id, result };
}
