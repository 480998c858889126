// One request of the guest kernel, read where it lies. Invariant: nothing outside the message is read, and bytes that no
// kernel would send are a fault, not a refusal: whoever sends them is not a kernel.

import { MAX_MESSAGE, REQUEST_HEADER } from './protocol.ts';

/** Bytes that cannot be a FUSE message: the session ends. */
export class MessageFault extends Error {}

export interface Incoming {
  buffer: Buffer;
  /** first byte after the message's header, and first byte after the message */
  start: number;
  end: number;
  opcode: number;
  node: number;
  /** where the header's `unique` stands, to be copied into the reply */
  uniqueAt: number;
}

/** Length of the message that starts at `offset`, or 0 when its header is not there yet. */
export function messageLength(buffer: Buffer, offset: number, available: number): number {
  if (available < 4) return 0;
  const length = buffer.readUInt32LE(offset);
  if (length < REQUEST_HEADER || length > MAX_MESSAGE)
    throw new MessageFault(`a message of ${length} bytes`);
  return length;
}

export function createIncoming(): Incoming {
  return { buffer: Buffer.alloc(0), start: 0, end: 0, opcode: 0, node: 0, uniqueAt: 0 };
}

/** Points `incoming` at a whole message. */
export function readHeader(
  incoming: Incoming,
  buffer: Buffer,
  offset: number,
  length: number,
): void {
  incoming.buffer = buffer;
  incoming.start = offset + REQUEST_HEADER;
  incoming.end = offset + length;
  incoming.opcode = buffer.readUInt32LE(offset + 4);
  incoming.uniqueAt = offset + 8;
  incoming.node = readCount(buffer, offset + 16);
}

/** Requires `bytes` of arguments. */
export function expectArguments(incoming: Incoming, bytes: number): void {
  if (incoming.end - incoming.start < bytes)
    throw new MessageFault(`opcode ${incoming.opcode} with arguments cut short`);
}

export function u32(incoming: Incoming, at: number): number {
  return incoming.buffer.readUInt32LE(incoming.start + at);
}

/** An unsigned 64-bit number that must be exact as a double; larger ones become `Infinity`. */
export function u64(incoming: Incoming, at: number): number {
  return readCount(incoming.buffer, incoming.start + at);
}

function readCount(buffer: Buffer, at: number): number {
  const value = buffer.readUInt32LE(at) + buffer.readUInt32LE(at + 4) * 0x1_0000_0000;
  return value <= Number.MAX_SAFE_INTEGER ? value : Infinity;
}

/** Where the zero byte stands that ends the name at `from`. */
function nameEnd(incoming: Incoming, from: number): number {
  const at = incoming.buffer.indexOf(0, from);
  if (at < 0 || at >= incoming.end)
    throw new MessageFault(`opcode ${incoming.opcode} with a name without end`);
  return at;
}

/** A file name, one character per byte: Linux file names are bytes, and no two of them may become the same string. */
export function readName(incoming: Incoming, from: number): { name: string; next: number } {
  const end = nameEnd(incoming, from);
  const name = incoming.buffer.toString('latin1', from, end);
  if (name === '' || name === '.' || name === '..' || name.includes('/'))
    throw new MessageFault('a file name that is not one');
  return { name, next: end + 1 };
}

/** The target of a symbolic link: any bytes. */
export function readTarget(incoming: Incoming, from: number): { target: Buffer; next: number } {
  const end = nameEnd(incoming, from);
  return { target: incoming.buffer.subarray(from, end), next: end + 1 };
}
