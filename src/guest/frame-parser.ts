// Cuts the bytes of the mux into frames. Invariant: holds at most one frame, and believes no length above the limit.

import { FLAG_MORE, FRAME_HEADER, FRAME_MAX, type Frame } from './protocol.ts';

export class FrameParser {
  #parts: Buffer[] = [];
  #length = 0;
  /** bytes needed before another look is worth it */
  #needed = FRAME_HEADER;
  #failed = false;

  /** Calls `onFrame` for each complete frame; returns what is wrong with the bytes, if anything. Payloads share memory. */
  feed(chunk: Buffer, onFrame: (frame: Frame) => string | undefined): string | undefined {
    if (this.#failed) return 'bytes after a bad frame';
    const fault = this.#feed(chunk, onFrame);
    if (fault !== undefined) {
      this.#failed = true;
      this.#parts = [];
    }
    return fault;
  }

  #feed(chunk: Buffer, onFrame: (frame: Frame) => string | undefined): string | undefined {
    this.#parts.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#needed) return undefined;
    const bytes = this.#parts.length === 1 ? chunk : Buffer.concat(this.#parts);
    let offset = 0;
    this.#needed = FRAME_HEADER;
    while (bytes.length - offset >= FRAME_HEADER) {
      const length = bytes.readUInt32LE(offset);
      const flags = bytes.readUInt8(offset + 9);
      if (length > FRAME_MAX) return `a frame of ${length} bytes`;
      if ((flags & ~FLAG_MORE) !== 0 || bytes.readUInt16LE(offset + 10) !== 0)
        return 'a frame header with unknown bits';
      if (bytes.length - offset < FRAME_HEADER + length) {
        this.#needed = FRAME_HEADER + length;
        break;
      }
      const start = offset + FRAME_HEADER;
      offset = start + length;
      const fault = onFrame({
        stream: bytes.readUInt32LE(start - 8),
        type: bytes.readUInt8(start - 4),
        flags,
        payload: bytes.subarray(start, offset),
      });
      if (fault !== undefined) return fault;
    }
    const rest = bytes.subarray(offset);
    this.#parts = rest.length > 0 ? [rest] : [];
    this.#length = rest.length;
    return undefined;
  }
}
