// Cuts what a process writes into lines, each one message. Bytes are kept as they came, and a line that is too long ends the stream.

import { createGathered } from '../gathered.ts';

const NEWLINE = 0x0a;

export interface Lines {
  /** Calls `onLine` for each line that is complete with this chunk, without its newline; false when a line is too long. */
  push(chunk: Buffer): boolean;
}

/** `most`: bytes of a line */
export function createLines(most: number, onLine: (line: Buffer) => void): Lines {
  const open = createGathered();
  return {
    push(chunk) {
      let from = 0;
      for (;;) {
        const end = chunk.indexOf(NEWLINE, from);
        const part = chunk.subarray(from, end < 0 ? undefined : end);
        if (open.size + part.length > most) return false;
        open.add(part);
        if (end < 0) return true;
        if (open.size > 0) onLine(open.take());
        from = end + 1;
      }
    },
  };
}
