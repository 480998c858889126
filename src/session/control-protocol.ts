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
const NOTHING = Buffer.alloc(0);

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
  /** The beginning of a frame; room is doubled, so that a peer that sends single bytes does not cost their number squared. */
  #held: Buffer = NOTHING;
  #length = 0;

  constructor() {
    super({ readableObjectMode: true });
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const bytes = this.#length === 0 ? chunk : this.#append(chunk);
    let at = 0;
    while (bytes.length - at >= HEADER) {
      const length = bytes.readUInt32BE(at + 1);
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
      const start = at + HEADER;
      if (bytes.length - start < length) break;
      const payload = bytes.subarray(start, start + length);
      const frame: ControlFrame = { type: bytes.readUInt8(at), payload };
      at = start + length;
      this.push(frame);
    }
    if (at > 0 || this.#length === 0) this.#keep(bytes.subarray(at));
    done();
  }

  #append(chunk: Buffer): Buffer {
    const length = this.#length + chunk.length;
    if (length > this.#held.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#held.length));
      this.#held.copy(larger, 0, 0, this.#length);
      this.#held = larger;
    }
    chunk.copy(this.#held, this.#length);
    this.#length = length;
    return this.#held.subarray(0, length);
  }

  /** Into memory of its own: frames that were handed on lie in the old one. */
  #keep(rest: Buffer): void {
    this.#held = rest.length === 0 ? NOTHING : Buffer.from(rest);
    this.#length = rest.length;
  }
}
