// Ways to cut bytes, and streams to run them through.
import { Readable } from 'node:stream';
import type { Duplex } from 'node:stream';

import type { Random } from '../../support/random.ts';

export function everyByte(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
}

export function cutAt(bytes: Buffer, at: number): Buffer[] {
  return [bytes.subarray(0, at), bytes.subarray(at)];
}

/** Chunks of 0 to `longest` bytes. */
export function cutRandomly(bytes: Buffer, random: Random, longest: number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = random.below(longest + 1);
    chunks.push(bytes.subarray(at, at + length));
    at += length;
  }
  return chunks;
}

/** What comes out, and the error it ends with. */
export async function runThrough(
  stream: Duplex,
  chunks: Iterable<Buffer>,
): Promise<{ out: Buffer; error?: Error }> {
  const out: Buffer[] = [];
  const source = Readable.from(chunks, { objectMode: false });
  stream.on('data', (bytes: Buffer) => out.push(bytes));
  const ended = new Promise<Error | undefined>((resolve) => {
    stream.once('end', () => resolve(undefined));
    stream.once('error', resolve);
  });
  source.pipe(stream);
  const error = await ended;
  source.destroy();
  return { out: Buffer.concat(out), ...(error === undefined ? {} : { error }) };
}
