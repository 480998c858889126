// The scrubber as a stream, for the bodies of answers.

import { Transform } from 'node:stream';

import type { Scanner } from './scanner.ts';
import { createScrubber } from './scrub.ts';
import type { ScrubHit } from './scrub.ts';

/** Milliseconds without a byte, behind which a message's last bytes wait no longer. */
const IDLE = 20;

export interface ScrubOptions {
  scanner: Pick<Scanner, 'patterns'>;
  /** Called once, at the end or when the stream is broken off, if anything was found. */
  onHits: (hits: ScrubHit[]) => void;
  /** milliseconds */
  idle?: number;
}

/** Takes decoded bytes. What comes out may be longer or shorter: a Content-Length of the answer no longer holds. */
export function scrubStream({ scanner, onHits, idle = IDLE }: ScrubOptions): Transform {
  const scrubber = createScrubber(scanner);
  let timer: NodeJS.Timeout | undefined;
  const write = (stream: Transform, chunks: readonly Buffer[]): void => {
    for (const chunk of chunks) stream.push(chunk);
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      clearTimeout(timer);
      write(this, scrubber.push(chunk));
      timer = setTimeout(() => write(this, scrubber.idle()), idle);
      done();
    },
    flush(done) {
      clearTimeout(timer);
      write(this, scrubber.end());
      done();
    },
    destroy(error, done) {
      clearTimeout(timer);
      const hits = scrubber.hits();
      if (hits.length > 0) onHits(hits);
      done(error);
    },
  });
}
