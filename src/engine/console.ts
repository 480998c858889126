// Keeps the guest's console in a file. Invariant: a guest that floods it fills a megabyte of the host's disk and no more.

import { closeSync, constants, openSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';

export const CONSOLE_LIMIT = 1024 * 1024;

const CUT = Buffer.from('\n[the console was cut here]\n');

/** Copies `stream` into `file` up to the limit and swallows the rest, so that the guest never waits for it. */
export function keepConsole(stream: Readable, file: string): void {
  // Opened anew and never through a link: what lies there is replaced or refused.
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
  const descriptor = openSync(file, flags, 0o600);
  let left = CONSOLE_LIMIT - CUT.length;
  let open = true;
  const close = (): void => {
    if (open) closeSync(descriptor);
    open = false;
  };
  stream.on('data', (chunk: Buffer) => {
    if (!open) return;
    try {
      writeSync(descriptor, chunk, 0, Math.min(chunk.length, left));
      left -= chunk.length;
      if (left > 0) return;
      writeSync(descriptor, CUT);
    } catch {
      // A full disk costs the console and nothing else.
    }
    close();
  });
  stream.on('error', close);
  stream.on('close', close);
}
