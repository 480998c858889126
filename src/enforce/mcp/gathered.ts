// Bytes that come in parts and are wanted as one. A part of one byte costs about a byte, however many come.

const LEAST = 4096;

export interface Gathered {
  readonly size: number;
  add(part: Buffer): void;
  /** All of them, in one piece; empty afterwards. */
  take(): Buffer;
}

export function createGathered(): Gathered {
  /** what came alone is not copied */
  let only: Buffer | undefined;
  let room = Buffer.alloc(0);
  let size = 0;

  function copy(part: Buffer): void {
    if (size + part.length > room.length) {
      const larger = Buffer.allocUnsafe(Math.max(LEAST, 2 * (size + part.length)));
      room.copy(larger, 0, 0, size);
      room = larger;
    }
    part.copy(room, size);
    size += part.length;
  }

  return {
    get size() {
      return size;
    },
    add(part) {
      if (part.length === 0) return;
      if (size === 0) {
        only = part;
        size = part.length;
        return;
      }
      if (only !== undefined) {
        const first = only;
        only = undefined;
        size = 0;
        copy(first);
      }
      copy(part);
    },
    take() {
      const all = only ?? room.subarray(0, size);
      only = undefined;
      room = Buffer.alloc(0);
      size = 0;
      return all;
    },
  };
}
