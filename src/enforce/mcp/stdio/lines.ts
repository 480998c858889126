// Cuts what a process writes into lines, each one message. Bytes are kept as they came, and a line that is too long ends the stream.

const NEWLINE = 0x0a;

export interface Lines {
  /** Calls `onLine` for each line that is complete with this chunk, without its newline; false when a line is too long. */
  push(chunk: Buffer): boolean;
}

/** `most`: bytes of a line */
export function createLines(most: number, onLine: (line: Buffer) => void): Lines {
  let parts: Buffer[] = [];
  let held = 0;
  return {
    push(chunk) {
      let from = 0;
      for (;;) {
        const end = chunk.indexOf(NEWLINE, from);
        const rest = chunk.subarray(from, end < 0 ? undefined : end);
        if (held + rest.length > most) return false;
        if (end < 0) {
          if (rest.length > 0) parts.push(rest);
          held += rest.length;
          return true;
        }
        const line = parts.length === 0 ? rest : Buffer.concat([...parts, rest]);
        parts = [];
        held = 0;
        if (line.length > 0) onLine(line);
        from = end + 1;
      }
    },
  };
}
