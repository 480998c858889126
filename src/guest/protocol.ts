// The mux protocol between host and guest init: frame format, numbers, limits. guest/protocol.h holds the same numbers.
//
//    0        4        8    9     10   12
//   +--------+--------+----+-----+----+---------------------+
//   | length | stream |type|flags| 0  | payload (length)    |   little-endian, length <= FRAME_MAX
//   +--------+--------+----+-----+----+---------------------+
//
// Stream 0 is control. Streams opened by the guest are odd, by the host even and not 0. Ids only grow, none is used twice:
// a frame on a closed stream is stale and dropped, a frame on a stream that was never opened is a fault.
// An EXEC on stream S takes three streams: S stdin (and STARTED, EXIT, SIGNAL, RESIZE), S+2 stdout, S+4 stderr.

export const PROTOCOL_VERSION = 1;
export const PROTOCOL_MAGIC = 0x42534741;
export const FRAME_HEADER = 12;
export const FRAME_MAX = 65536;
export const STREAM_WINDOW = 262144;
export const STREAM_MAX = 4096;
/** largest START or EXEC message, all its frames together */
export const MESSAGE_MAX = 2097152;
export const DNS_MAX = 4096;
export const FAULT_MAX = 1024;
/** another frame of the same message follows */
export const FLAG_MORE = 1;
export const ENTROPY_SIZE = 64;
export const SHARES_MAX = 256;
export const FILES_MAX = 32;
export const DATAGRAM_PORTS_MAX = 256;

export const TYPE = {
  hello: 1,
  start: 2,
  ready: 3,
  fault: 4,
  sync: 5,
  synced: 6,
  shutdown: 7,
  bye: 8,
  dnsQuery: 9,
  dnsReply: 10,
  openTcp: 16,
  openSession: 17,
  exec: 18,
  data: 19,
  end: 20,
  reset: 21,
  credit: 22,
  started: 23,
  exit: 24,
  signal: 25,
  resize: 26,
  openUdp: 27,
} as const;

export type FrameType = (typeof TYPE)[keyof typeof TYPE];

export const EXIT = { code: 0, signal: 1, errno: 2 } as const;
export const STAGE = { none: 0, setup: 1, directory: 2, execute: 3 } as const;
export const START = {
  entropy: 1,
  time: 2,
  hostname: 3,
  user: 4,
  uid: 5,
  gid: 6,
  home: 7,
  root: 8,
  processes: 9,
  share: 10,
  disk: 11,
  file: 12,
  datagrams: 13,
} as const;
export const EXEC = { argument: 1, variable: 2, directory: 3, user: 4, tty: 5 } as const;
export const USER = { agent: 0, root: 1 } as const;

export interface Frame {
  stream: number;
  type: number;
  flags: number;
  payload: Buffer;
}

/** The header of a frame with `length` bytes of payload. */
export function encodeHeader(stream: number, type: FrameType, length: number, flags = 0): Buffer {
  const header = Buffer.allocUnsafe(FRAME_HEADER);
  header.writeUInt32LE(length, 0);
  header.writeUInt32LE(stream, 4);
  header[8] = type;
  header[9] = flags;
  header.writeUInt16LE(0, 10);
  return header;
}

export function encodeFrame(
  stream: number,
  type: FrameType,
  payload: Buffer = Buffer.alloc(0),
  flags = 0,
): Buffer {
  return Buffer.concat([encodeHeader(stream, type, payload.length, flags), payload]);
}

/** One field of a START or EXEC message: u16 tag, u16 zero, u32 length, value. */
export function encodeField(tag: number, value: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16LE(tag, 0);
  head.writeUInt32LE(value.length, 4);
  return Buffer.concat([head, value]);
}

/** Little-endian u32 values side by side. */
export function encodeNumbers(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeUInt32LE(value, index * 4));
  return bytes;
}

/** The frames of a message that may be longer than one frame holds. */
export function encodeMessage(stream: number, type: FrameType, message: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  let offset = 0;
  do {
    const part = message.subarray(offset, offset + FRAME_MAX);
    offset += part.length;
    frames.push(encodeFrame(stream, type, part, offset < message.length ? FLAG_MORE : 0));
  } while (offset < message.length);
  return frames;
}
