// Undoes the content codings of a message (RFC 9110 §8.4) as it streams by: nothing is looked for in bytes that cannot be read.

import { Duplex, PassThrough } from 'node:stream';
import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';

/** Each coding multiplies the work; nobody sends three. */
const MOST_CODINGS = 3;

type Choose = (first: Uint8Array) => Transform;

/** Missing before Node 22.15. */
const zstd = (zlib as { createZstdDecompress?: () => Transform }).createZstdDecompress;

const DECODERS: Readonly<Record<string, Choose>> = {
  gzip: () => zlib.createGunzip(),
  'x-gzip': () => zlib.createGunzip(),
  // The zlib format is meant, but some send the bare stream: RFC 9110 §8.4.1.2. CM of RFC 1950 §2.2 tells them apart.
  deflate: ([first = 0]) => ((first & 0x0f) === 8 ? zlib.createInflate() : zlib.createInflateRaw()),
  br: () => zlib.createBrotliDecompress(),
  ...(zstd === undefined ? {} : { zstd: () => zstd() }),
};

/** The codings in the order they were applied, in lower case, without `identity`; undefined when one is not known here. */
export function readCodings(contentEncoding: string | undefined): string[] | undefined {
  const codings = (contentEncoding ?? '')
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
  if (codings.length > MOST_CODINGS) return undefined;
  return codings.every((coding) => Object.hasOwn(DECODERS, coding)) ? codings : undefined;
}

/**
 * A stream that takes the coded body and gives the plain one; `contentEncoding` is the header's value, all its lines joined
 * by commas. `unknown`: the body cannot be read, so it may not pass. The stream holds no more than its buffers, whatever the
 * body expands to; damaged and cut off bodies are its errors.
 */
export function createDecoder(contentEncoding: string | undefined): Duplex | 'unknown' {
  const codings = readCodings(contentEncoding);
  if (codings === undefined) return 'unknown';
  const [first, ...others] = codings
    .reverse()
    .map((coding) => createPart(DECODERS[coding] as Choose));
  if (first === undefined) return new PassThrough();
  return others.length === 0 ? first : chain(first, others);
}

/** Fails as a whole when one of its parts does. */
function chain(first: Duplex, others: readonly Duplex[]): Duplex {
  let last = first;
  const parts = [first, ...others];
  for (const next of others) last = last.pipe(next);
  const whole = Duplex.from({ writable: first, readable: last });
  for (const part of parts) part.on('error', (error) => whole.destroy(error));
  whole.on('close', () => {
    for (const part of parts) part.destroy();
  });
  return whole;
}

/** One coding. The decoder is made for the first byte: an empty body is an empty body in every coding. */
function createPart(choose: Choose): Duplex {
  let inner: Transform | undefined;
  const part = new Duplex({
    write: (chunk: Buffer, _encoding, done) => {
      if (chunk.length === 0) return done();
      (inner ??= begin(chunk)).write(chunk, () => done());
    },
    final: (done) => {
      if (inner === undefined) part.push(null);
      else inner.end();
      done();
    },
    read: () => {
      inner?.resume();
    },
    destroy: (error, done) => {
      inner?.destroy();
      done(error);
    },
  });
  function begin(chunk: Buffer): Transform {
    const decoder = choose(chunk);
    decoder.on('data', (data: Buffer) => {
      if (!part.push(data)) decoder.pause();
    });
    decoder.on('error', (error) => part.destroy(error));
    decoder.on('end', () => {
      if (decoder.writableEnded) part.push(null);
      // Node's decoders end with their format, and never answer the write of what comes behind it.
      else part.destroy(new Error('bytes behind the end of the coded body'));
    });
    return decoder;
  }
  return part;
}
