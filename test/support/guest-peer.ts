// The guest's end of a mux in memory: speaks frames, reads only when told, keeps what it was sent.

import { Duplex } from 'node:stream';
import { FrameParser } from '../../src/guest/frame-parser.ts';
import {
  type Frame,
  type FrameType,
  PROTOCOL_MAGIC,
  PROTOCOL_VERSION,
  STREAM_WINDOW,
  TYPE,
  encodeFrame,
  encodeNumbers,
} from '../../src/guest/protocol.ts';

export interface GuestPeer {
  /** what `connectGuest` gets */
  socket: Duplex;
  /** frames the host sent, oldest first */
  frames: Frame[];
  /** frames of one type and, if given, one stream */
  of: (type: FrameType, stream?: number) => Frame[];
  /** payload bytes of a stream so far */
  bytes: (stream: number) => Buffer;
  send: (stream: number, type: number, payload?: Buffer, flags?: number) => void;
  sendBytes: (bytes: Buffer) => void;
  /** stops taking what the host writes, as a port nobody reads */
  stall: () => void;
  resume: () => void;
}

export function createGuestPeer(): GuestPeer {
  const frames: Frame[] = [];
  const parser = new FrameParser();
  let isStalled = false;
  let held: (() => void) | undefined;
  const socket = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      const take = (): void => {
        const fault = parser.feed(chunk, (frame) => {
          frames.push({ ...frame, payload: Buffer.from(frame.payload) });
          return undefined;
        });
        done(fault === undefined ? null : new Error(`the host sent ${fault}`));
      };
      if (isStalled) held = take;
      else take();
    },
  });
  const of = (type: FrameType, stream?: number): Frame[] =>
    frames.filter((frame) => frame.type === type && (stream ?? frame.stream) === frame.stream);
  const sendBytes = (bytes: Buffer): void => {
    if (!socket.destroyed) socket.push(bytes);
  };
  return {
    socket,
    frames,
    of,
    bytes: (stream) => Buffer.concat(of(TYPE.data, stream).map((frame) => frame.payload)),
    send: (stream, type, payload, flags = 0) => {
      const bytes = encodeFrame(stream, TYPE.data, payload);
      bytes[8] = type;
      bytes[9] = flags;
      sendBytes(bytes);
    },
    sendBytes,
    stall: () => {
      isStalled = true;
    },
    resume: () => {
      isStalled = false;
      const take = held;
      held = undefined;
      take?.();
    },
  };
}

export const greeting = (version = PROTOCOL_VERSION): Buffer =>
  encodeNumbers(PROTOCOL_MAGIC, version, STREAM_WINDOW);

/** Payload of an OPEN to an IPv4 address. */
export function openTcp(address: readonly [number, number, number, number], port: number): Buffer {
  const payload = Buffer.alloc(20);
  payload[0] = 4;
  payload.writeUInt16LE(port, 2);
  Buffer.from(address).copy(payload, 4);
  return payload;
}

/** Lets everything that is already under way happen. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
