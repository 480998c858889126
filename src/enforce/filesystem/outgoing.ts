// Replies, written one after another into one buffer that goes to the guest in one write. Nothing is allocated per reply.

import { MAX_MESSAGE, REPLY_HEADER } from './protocol.ts';

/** Room that a reply may need; the buffer is handed on before less than that is left. */
export const REPLY_ROOM = MAX_MESSAGE;

export interface Outgoing {
  buffer: Buffer;
  /** bytes of finished replies; the next one's header starts here */
  length: number;
}

export function createOutgoing(capacity: number): Outgoing {
  return { buffer: Buffer.allocUnsafeSlow(capacity), length: 0 };
}

/** Where the body of the next reply starts. */
export function bodyAt(out: Outgoing): number {
  return out.length + REPLY_HEADER;
}

/** Finishes a reply whose body of `bytes` stands in place. */
export function finish(
  out: Outgoing,
  unique: { buffer: Buffer; uniqueAt: number },
  bytes: number,
): void {
  const at = out.length;
  out.buffer.writeUInt32LE(REPLY_HEADER + bytes, at);
  out.buffer.writeInt32LE(0, at + 4);
  unique.buffer.copy(out.buffer, at + 8, unique.uniqueAt, unique.uniqueAt + 8);
  out.length = at + REPLY_HEADER + bytes;
}

export function refuse(
  out: Outgoing,
  unique: { buffer: Buffer; uniqueAt: number },
  errno: number,
): void {
  finish(out, unique, 0);
  out.buffer.writeInt32LE(-errno, out.length - REPLY_HEADER + 4);
}

/** Finishes a notification whose body stands in place. */
export function finishNotification(out: Outgoing, code: number, bytes: number): void {
  const at = out.length;
  out.buffer.writeUInt32LE(REPLY_HEADER + bytes, at);
  out.buffer.writeInt32LE(code, at + 4);
  out.buffer.fill(0, at + 8, at + REPLY_HEADER);
  out.length = at + REPLY_HEADER + bytes;
}

/** An unsigned 64-bit number given as a double. */
export function putU64(buffer: Buffer, value: number, at: number): void {
  buffer.writeUInt32LE(value % 0x1_0000_0000, at);
  buffer.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4);
}
