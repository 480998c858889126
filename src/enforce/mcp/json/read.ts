// The one reader of messages: bytes to a value that every reader after us understands as we did. Texts that two parsers read
// differently are refused, not repaired: duplicate keys, keys that differ in case from those of the protocol, numbers that do not survive, lone
// surrogates. Iterative, so that no nesting exhausts the stack. RFC 8259; https://modelcontextprotocol.io/specification/2025-11-25/basic

import { isAscii, isUtf8 } from 'node:buffer';

import type { Json, JsonObject } from '../../../model/credential.ts';
import { SERVER_LIMITS, type JsonLimits } from './limits.ts';
import { isExactNumber } from './number.ts';
import { readString } from './string.ts';
import { isForbiddenKey, isTwin } from './keys.ts';

/** `syntax` and `encoding` are no JSON at all; everything else is JSON that is not taken. */
export type JsonFault =
  | 'encoding'
  | 'syntax'
  | 'size'
  | 'depth'
  | 'nodes'
  | 'duplicate key'
  | 'twin of a protocol key'
  | 'forbidden key'
  | 'key length'
  | 'number'
  | 'lone surrogate'
  | 'nul';

export type JsonReading =
  | { value: Json; fault?: never; at?: never }
  /** `at`: offset in characters */
  | { value?: never; fault: JsonFault; at: number };

export interface JsonOptions {
  limits?: JsonLimits;
  /** U+0000 in a text (never in a key): results of tools may hold it until their content is read */
  allowNul?: boolean;
}

interface Frame {
  list: Json[] | undefined;
  object: JsonObject | undefined;
  key: string;
  /** whether keys of the protocol stand in this object */
  isProtocol: boolean;
}

/** The value of one JSON text, or why it is not taken. Throws nothing. */
export function readJson(bytes: Buffer, options: JsonOptions = {}): JsonReading {
  const limits = options.limits ?? SERVER_LIMITS;
  if (bytes.length > limits.bytes) return { fault: 'size', at: 0 };
  if (isAscii(bytes)) return readText(bytes.toString('latin1'), limits, options.allowNul ?? false);
  if (!isUtf8(bytes)) return { fault: 'encoding', at: 0 };
  return readText(bytes.toString('utf8'), limits, options.allowNul ?? false);
}

function readText(text: string, limits: JsonLimits, allowNul: boolean): JsonReading {
  const stack: Frame[] = [];
  let frame: Frame | undefined;
  let nodes = 0;
  let at = 0;
  let value: Json = null;

  const skip = (): number => {
    for (;;) {
      const code = text.charCodeAt(at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
      at += 1;
    }
  };

  // Reads `"key":` of the innermost object; a fault, or undefined.
  const readKey = (): JsonFault | undefined => {
    if (skip() !== 0x22) return 'syntax';
    const read = readString(text, at, false);
    if (typeof read === 'string') return read;
    at = read.end;
    if (frame?.object === undefined) return 'syntax';
    if (read.value.length > limits.key) return 'key length';
    if (isForbiddenKey(read.value, stack[stack.length - 2]?.key)) return 'forbidden key';
    if (frame.isProtocol && isTwin(read.value)) return 'twin of a protocol key';
    if (Object.hasOwn(frame.object, read.value)) return 'duplicate key';
    frame.key = read.value;
    if (skip() !== 0x3a) return 'syntax';
    at += 1;
    return undefined;
  };

  for (;;) {
    // A value begins here.
    const code = skip();
    nodes += 1;
    if (nodes > limits.nodes) return { fault: 'nodes', at };
    let isOpen = false;
    if (code === 0x7b || code === 0x5b) {
      if (stack.length >= limits.depth) return { fault: 'depth', at };
      at += 1;
      const isList = code === 0x5b;
      const isEmpty = skip() === (isList ? 0x5d : 0x7d);
      if (isEmpty) {
        at += 1;
        value = isList ? [] : {};
      } else {
        isOpen = true;
        frame = {
          list: isList ? [] : undefined,
          object: isList ? undefined : {},
          key: '',
          isProtocol: isProtocolLevel(stack),
        };
        stack.push(frame);
        const fault = isList ? undefined : readKey();
        if (fault !== undefined) return { fault, at };
      }
    } else if (code === 0x22) {
      const read = readString(text, at, allowNul);
      if (typeof read === 'string') return { fault: read, at };
      value = read.value;
      at = read.end;
    } else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
      NUMBER.lastIndex = at;
      const token = NUMBER.exec(text)?.[0];
      if (token === undefined) return { fault: 'syntax', at };
      const number = Number(token);
      if (!isExactNumber(token, number)) return { fault: 'number', at };
      // Minus zero is written as zero.
      value = number === 0 ? 0 : number;
      at += token.length;
    } else if (code === 0x74 && text.startsWith('true', at)) {
      value = true;
      at += 4;
    } else if (code === 0x66 && text.startsWith('false', at)) {
      value = false;
      at += 5;
    } else if (code === 0x6e && text.startsWith('null', at)) {
      value = null;
      at += 4;
    } else return { fault: 'syntax', at };
    if (isOpen) continue;

    // A value has ended: it belongs to the innermost array or object, which may end with it.
    for (;;) {
      if (frame === undefined) {
        skip();
        return at === text.length ? { value } : { fault: 'syntax', at };
      }
      if (frame.list !== undefined) frame.list.push(value);
      else if (frame.object !== undefined) frame.object[frame.key] = value;
      const next = skip();
      at += 1;
      if (next === 0x2c) {
        const fault = frame.list === undefined ? readKey() : undefined;
        if (fault !== undefined) return { fault, at };
        break;
      }
      if (next !== (frame.list === undefined ? 0x7d : 0x5d)) return { fault: 'syntax', at: at - 1 };
      value = frame.list ?? frame.object ?? null;
      stack.pop();
      frame = stack[stack.length - 1];
    }
  }
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

const PROTOCOL_MEMBERS = new Set(['params', 'result', 'error']);

// The message itself, and what is directly in its `params`, `result` or `error`. What lies deeper are names of the server's.
function isProtocolLevel(stack: readonly Frame[]): boolean {
  const [outer] = stack;
  if (outer === undefined) return true;
  return stack.length === 1 && outer.list === undefined && PROTOCOL_MEMBERS.has(outer.key);
}
