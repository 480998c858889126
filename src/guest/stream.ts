// One mux stream as a Node duplex. Invariants: never more bytes unread than the window the guest was given; never more sent
// than the guest gave credit for; an error on it reaches its reader, never the event loop.

import { Duplex } from 'node:stream';
import { FRAME_MAX, STREAM_WINDOW } from './protocol.ts';

/** What a stream asks of its mux. */
export interface StreamPort {
  /** sends at most this much now; 0 when the socket to the guest is full */
  room: () => number;
  /** tells that the stream waits for room */
  wait: (stream: GuestStream) => void;
  data: (id: number, bytes: Buffer) => void;
  end: (id: number) => void;
  credit: (id: number, bytes: number) => void;
  reset: (id: number) => void;
  /** bytes that wait to be read, counted over all streams; negative when they were read */
  unread: (bytes: number) => void;
  closed: (stream: GuestStream) => void;
}

/** Credit is given back in steps of this size, so that one byte read is not one frame sent. */
const GRANT_STEP = STREAM_WINDOW / 4;
/** A queued chunk costs at least this: a guest that sends single bytes must not cost the host a hundred times that. */
const CHUNK_COST = 256;
/** Shorter chunks are copied when they have to wait, so that they do not keep the whole read buffer alive. */
const COPY_BELOW = 32 * 1024;

export interface StreamDirections {
  sends: boolean;
  receives: boolean;
}

export class GuestStream extends Duplex {
  readonly id: number;
  readonly #port: StreamPort;
  #credit = STREAM_WINDOW;
  #window = STREAM_WINDOW;
  #consumed = 0;
  #queue: Buffer[] = [];
  #queueCost = 0;
  #wantsMore = false;
  #hasEnded = false;
  #outgoing: { bytes: Buffer; done: (error?: Error | null) => void } | undefined;
  #sends: boolean;
  #receives: boolean;

  constructor(id: number, port: StreamPort, directions: StreamDirections) {
    const options = {
      allowHalfOpen: true,
      readable: directions.receives,
      writable: directions.sends,
      readableHighWaterMark: FRAME_MAX,
      writableHighWaterMark: FRAME_MAX,
    };
    super(options);
    this.id = id;
    this.#port = port;
    this.#sends = directions.sends;
    this.#receives = directions.receives;
    // A reset may come before anyone listens; without a listener it would be an exception.
    this.on('error', () => undefined);
  }

  /** Bytes from the guest; returns what is wrong with them, if anything. */
  receiveData(bytes: Buffer): string | undefined {
    if (!this.#receives) return `data after the end of stream ${this.id}`;
    if (bytes.length === 0) return `empty data on stream ${this.id}`;
    if (bytes.length > this.#window) return `stream ${this.id} exceeds its window`;
    this.#window -= bytes.length;
    if (this.#wantsMore && this.#queue.length === 0) {
      this.#give(bytes);
      return undefined;
    }
    this.#queue.push(bytes.length < COPY_BELOW ? Buffer.from(bytes) : bytes);
    this.#account(bytes.length + CHUNK_COST);
    return undefined;
  }

  receiveEnd(): string | undefined {
    if (!this.#receives) return `stream ${this.id} ends twice`;
    this.#receives = false;
    this.#hasEnded = true;
    if (this.#queue.length === 0) this.push(null);
    this.#closeIfDone();
    return undefined;
  }

  receiveCredit(bytes: number): string | undefined {
    if (bytes > STREAM_WINDOW - this.#credit) return `stream ${this.id} gets too much credit`;
    this.#credit += bytes;
    this.advance();
    return undefined;
  }

  /** The guest ended both directions at once. */
  receiveReset(): void {
    const error = this.readable ? resetError() : closedError();
    this.#forget();
    this.destroy(error);
  }

  /** The guest knows nothing of the stream any more; what it sent can still be read. */
  abandon(): void {
    this.#sends = false;
    const outgoing = this.#outgoing;
    this.#outgoing = undefined;
    if (this.#receives) this.receiveEnd();
    this.#port.closed(this);
    outgoing?.done(resetError());
    if (this.writable) this.destroy();
  }

  /** Sends what waits, as far as credit and socket allow. */
  advance(): void {
    while (this.#outgoing !== undefined && this.#credit > 0) {
      const room = Math.min(this.#port.room(), this.#credit, FRAME_MAX);
      if (room === 0) {
        this.#port.wait(this);
        return;
      }
      const { bytes, done } = this.#outgoing;
      const part = bytes.subarray(0, room);
      this.#credit -= part.length;
      this.#port.data(this.id, part);
      if (part.length < bytes.length) this.#outgoing.bytes = bytes.subarray(part.length);
      else {
        this.#outgoing = undefined;
        done();
      }
    }
  }

  override _read(): void {
    this.#wantsMore = true;
    while (this.#wantsMore) {
      const next = this.#queue.shift();
      if (next === undefined) break;
      this.#account(-(next.length + CHUNK_COST));
      this.#give(next);
    }
    if (this.#hasEnded && this.#queue.length === 0) this.push(null);
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (!this.#sends) {
      done(resetError());
      return;
    }
    if (bytes.length === 0) {
      done();
      return;
    }
    this.#outgoing = { bytes, done };
    this.advance();
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#sends) {
      this.#sends = false;
      this.#port.end(this.id);
      this.#closeIfDone();
    }
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.#sends || this.#receives) this.#port.reset(this.id);
    this.#forget();
    done(error);
  }

  /** Passes bytes to the reader and gives the guest credit for more. */
  #give(bytes: Buffer): void {
    this.#wantsMore = this.push(bytes);
    this.#consumed += bytes.length;
    if (this.#consumed < GRANT_STEP || !this.#receives) return;
    this.#port.credit(this.id, this.#consumed);
    this.#window += this.#consumed;
    this.#consumed = 0;
  }

  #account(cost: number): void {
    this.#queueCost += cost;
    this.#port.unread(cost);
  }

  #closeIfDone(): void {
    if (!this.#sends && !this.#receives) this.#port.closed(this);
  }

  #forget(): void {
    this.#sends = false;
    this.#receives = false;
    this.#queue = [];
    this.#account(-this.#queueCost);
    const outgoing = this.#outgoing;
    this.#outgoing = undefined;
    this.#port.closed(this);
    outgoing?.done(resetError());
  }
}

function resetError(): Error {
  return Object.assign(new Error('the other side reset the stream'), { code: 'ECONNRESET' });
}

function closedError(): Error {
  return Object.assign(new Error('the process closed its input'), { code: 'EPIPE' });
}
