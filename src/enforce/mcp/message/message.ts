// One JSON-RPC message, told apart by its kind. Members that JSON-RPC does not know are left behind.
// https://www.jsonrpc.org/specification, https://modelcontextprotocol.io/specification/2025-11-25/basic

import type { Json, JsonObject } from '../../../model/credential.ts';

/** Compared by type and value: `1` and `"1"` are two ids. */
export type Id = string | number;

export type Message =
  | { kind: 'request'; id: Id; method: string; params: JsonObject | undefined }
  | { kind: 'notification'; method: string; params: JsonObject | undefined }
  | { kind: 'result'; id: Id; result: JsonObject }
  /** without an id where the other side could not read one */
  | { kind: 'error'; id: Id | undefined; error: ErrorBody };

export type AgentRequest = Message & { kind: 'request' };

export interface ErrorBody {
  code: number;
  message: string;
  data?: Json;
}

const MAX_ID = 128;
const MAX_METHOD = 128;

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A text of 1 to 128 characters, or an integer that is safe in a double. */
export function isId(value: Json | undefined): value is Id {
  return typeof value === 'string'
    ? value.length > 0 && value.length <= MAX_ID
    : Number.isSafeInteger(value);
}

/** What the value is, or why it is no message. */
export function classify(value: Json): Message | { kind: 'fault'; reason: string; id?: Id } {
  if (Array.isArray(value)) return { kind: 'fault', reason: 'batches are not taken' };
  if (!isObject(value)) return { kind: 'fault', reason: 'a message is an object' };
  const { jsonrpc, id, method, params, result, error } = value;
  const known = isId(id) ? { id } : {};
  const fault = (reason: string) => ({ kind: 'fault' as const, reason, ...known });
  if (jsonrpc !== '2.0') return fault('jsonrpc must be "2.0"');
  if (id !== undefined && !isId(id) && !(id === null && error !== undefined))
    return fault('the id must be a text of 1 to 128 characters or an integer');
  if (method !== undefined) {
    if (typeof method !== 'string' || method === '' || method.length > MAX_METHOD)
      return fault('the method must be a text');
    if (result !== undefined || error !== undefined)
      return fault('a message is a request or a response');
    if (params !== undefined && !isObject(params)) return fault('params must be an object');
    return isId(id)
      ? { kind: 'request', id, method, params }
      : { kind: 'notification', method, params };
  }
  if (params !== undefined) return fault('params without a method');
  if (error !== undefined) {
    if (result !== undefined || !isErrorBody(error)) return fault('the error is malformed');
    const { code, message, data } = error;
    return {
      kind: 'error',
      id: isId(id) ? id : undefined,
      error: { code, message, ...(data !== undefined && { data }) },
    };
  }
  if (!isId(id) || !isObject(result)) return fault('neither a request nor a response');
  return { kind: 'result', id, result };
}

function isErrorBody(
  value: Json,
): value is { code: number; message: string; data?: Json } & JsonObject {
  return (
    isObject(value) && Number.isSafeInteger(value['code']) && typeof value['message'] === 'string'
  );
}
