// The guard of a body as a stream, over what the body says and, where it is compressed, over what that stands for.

import { Transform } from 'node:stream';
import type { Duplex } from 'node:stream';

import { createDecoder, readCodings } from '../../scan/decode.ts';
import type { Found, Placeholders } from '../placeholder/placeholders.ts';
import { createBodyGuard, isFound } from './body-guard.ts';
import type { BodyGuard } from './body-guard.ts';

/**
 * `coding`: a content coding that is not known here, or several; `undecodable`: the body is not what its coding says;
 * `expansion`: it stands for more than anyone sends.
 */
export type BodyFaultReason = 'placeholder' | 'coding' | 'undecodable' | 'expansion';

/** Ends the stream: the request must end so that no server takes it for whole. */
export class BodyFault extends Error {
  readonly reason: BodyFaultReason;
  readonly found: Found[];

  constructor(reason: BodyFaultReason, found: Found[] = []) {
    super(`request body refused: ${reason}`);
    this.name = 'BodyFault';
    this.reason = reason;
    this.found = found;
  }
}

export interface GuardOptions {
  placeholders: Pick<Placeholders, 'examine'>;
  /** value of Content-Encoding, all its lines joined by commas */
  contentEncoding?: string | undefined;
  limits?: Partial<ExpansionLimits>;
}

export interface ExpansionLimits {
  /** decoded bytes for each byte of the body, behind the first MiB */
  ratio: number;
  /** decoded bytes */
  total: number;
}

const LIMITS: ExpansionLimits = { ratio: 200, total: 4 * 1024 ** 3 };
const MEBIBYTE = 1024 ** 2;
/** Kept back of a coded body while what it stands for is undecided. */
const MOST_HELD = MEBIBYTE;
/** A decoder gives nothing of a block before it has all of it: RFC 8878 §3.1.1.2.4, and the header. */
const LARGEST_BLOCK: Readonly<Record<string, number>> = { zstd: 128 * 1024 + 32 };

/** The body as it came, or an end with a `BodyFault`. Faults of the coding come with the first chunk, or at the end. */
export function guardBody(options: GuardOptions): Transform {
  const codings = readCodings(options.contentEncoding);
  const guard = createBodyGuard(options.placeholders);
  if (codings === undefined || codings.length > 1) return refuseAll();
  const [coding] = codings;
  if (coding !== undefined) return guardCoded(coding, guard, options);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const outcome = guard.push(chunk);
      if (isFound(outcome)) return done(new BodyFault('placeholder', outcome));
      for (const bytes of outcome) this.push(bytes);
      done();
    },
    flush(done) {
      for (const bytes of guard.end()) this.push(bytes);
      done();
    },
  });
}

function refuseAll(): Transform {
  return new Transform({
    transform: (_chunk, _encoding, done) => done(new BodyFault('coding')),
    flush: (done) => done(new BodyFault('coding')),
  });
}

/** Lets coded bytes go once the decoder has taken them and what it made of them may go. */
function guardCoded(coding: string, guard: BodyGuard, options: GuardOptions): Transform {
  const reader = readDecoded(coding, options);
  const lag = LARGEST_BLOCK[coding] ?? 0;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  const take = (bytes: readonly Buffer[]): void => {
    for (const one of bytes) pendingBytes += one.length;
    pending.push(...bytes);
  };
  const release = (stream: Transform, keep: number): void => {
    while (pending.length > 0 && pendingBytes - (pending[0]?.length ?? 0) >= keep) {
      const bytes = pending.shift() as Buffer;
      pendingBytes -= bytes.length;
      stream.push(bytes);
    }
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const outcome = guard.push(chunk);
      if (isFound(outcome)) return done(new BodyFault('placeholder', outcome));
      take(outcome);
      reader.write(chunk, (fault, isOpen) => {
        if (fault === undefined && !isOpen) release(this, lag);
        if (fault === undefined && pendingBytes > MOST_HELD + lag)
          return done(new BodyFault('expansion'));
        done(fault);
      });
    },
    flush(done) {
      reader.end((fault) => {
        if (fault !== undefined) return done(fault);
        take(guard.end());
        release(this, 0);
        done();
      });
    },
    destroy(error, done) {
      reader.destroy();
      pending = [];
      done(error);
    },
  });
}

type OnRead = (fault: BodyFault | undefined, isOpen: boolean) => void;

interface Reader {
  write(chunk: Buffer, done: OnRead): void;
  end(done: OnRead): void;
  destroy(): void;
}

/** Decodes and looks; what it decoded is dropped as it comes. */
function readDecoded(coding: string, { placeholders, limits }: GuardOptions): Reader {
  const { ratio, total } = { ...LIMITS, ...limits };
  const guard = createBodyGuard(placeholders);
  const decoder = createDecoder(coding) as Duplex;
  let [coded, decoded] = [0, 0];
  let fault: BodyFault | undefined;
  let waiting: OnRead | undefined;
  const finish = (): void => {
    const done = waiting;
    waiting = undefined;
    done?.(fault, guard.isHolding());
  };
  const fail = (one: BodyFault): void => {
    fault ??= one;
    decoder.destroy();
    finish();
  };
  decoder.on('error', () => fail(new BodyFault('undecodable')));
  decoder.on('data', (bytes: Buffer) => {
    if (fault !== undefined) return;
    decoded += bytes.length;
    if (decoded > total || decoded > MEBIBYTE + coded * ratio)
      return fail(new BodyFault('expansion'));
    const outcome = guard.push(bytes);
    if (isFound(outcome)) fail(new BodyFault('placeholder', outcome));
  });
  return {
    write: (chunk, done) => {
      if (fault !== undefined) return done(fault, false);
      coded += chunk.length;
      waiting = done;
      decoder.write(chunk, (error) => {
        if (error instanceof Error) return;
        if (decoder.readableLength === 0) finish();
        else setImmediate(finish);
      });
    },
    end: (done) => {
      if (fault !== undefined) return done(fault, false);
      waiting = done;
      decoder.once('end', finish);
      decoder.end();
    },
    destroy: () => decoder.destroy(),
  };
}
