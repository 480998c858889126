// The stream between `exec`, `stop` or a nested `run` and the host process of a session. One frame:
//
//   | u8 type | u32 length, big endian | payload (at most 1 MiB) |
//
// The first frame from the client is `request` with JSON; after that stdio flows both ways until `exit` or `failure`.
// Nested requests come from the guest: every frame is checked, nothing here trusts its peer.

import { Transform, type TransformCallback } from 'node:stream';
import { SandboxError } from '../model/error.ts';

export const FRAME = {
  request: 1,
  stdin: 2,
  stdinEnd: 3,
  signal: 4,
  resize: 5,
  stdout: 16,
  stderr: 17,
  exit: 18,
  failure: 19,
  started: 20,
} as const;

export type FrameType = (typeof FRAME)[keyof typeof FRAME];

export interface ControlFrame {
  type: number;
  payload: Buffer;
}

const HEADER = 5;
const MAX_PAYLOAD = 1024 * 1024;

export function encodeFrame(type: FrameType, payload: Buffer = Buffer.alloc(0)): Buffer {
  const frame = Buffer.allocUnsafe(HEADER + payload.length);
  frame.writeUInt8(type, 0);
  frame.writeUInt32BE(payload.length, 1);
  payload.copy(frame, HEADER);
  return frame;
}

export function encodeJson(type: FrameType, value: unknown): Buffer {
  return encodeFrame(type, Buffer.from(JSON.stringify(value)));
}

/** Parses a frame's payload as a JSON object; undefined for anything else. */
export function decodeJson(payload: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(payload.toString('utf8'));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return value as Record<string, unknown>;
  } catch {
    return undefined; // not JSON: the caller refuses the frame
  }
}

/** Bytes in, frames out. A frame over the limit errors the stream, which ends the connection. */
export class FrameParser extends Transform {
  #pending: Buffer = Buffer.alloc(0);

  constructor() {
    super({ readableObjectMode: true });
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= HEADER) {
      const length = this.#pending.readUInt32BE(1);
      if (length > MAX_PAYLOAD) {
        done(
          new SandboxError({
            kind: 'internal',
            code: 'SESSION_BAD_FRAME',
            message: `control frame of ${length} bytes, expected at most ${MAX_PAYLOAD}`,
          }),
        );
        return;
      }
      if (this.#pending.length < HEADER + length) break;
      const frame: ControlFrame = {
        type: this.#pending.readUInt8(0),
        payload: this.#pending.subarray(HEADER, HEADER + length),
      };
      this.#pending = this.#pending.subarray(HEADER + length);
      this.push(frame);
    }
    done();
  }
}
