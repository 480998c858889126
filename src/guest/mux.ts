// The host end of the mux: frames to streams and back. Invariants: whatever the guest sends, host memory stays within the
// limits below; a frame that breaks the protocol ends this mux and nothing else.

import type { Duplex } from 'node:stream';
import { messageOf } from '../model/error.ts';
import { FrameParser } from './frame-parser.ts';
import {
  FLAG_MORE,
  type Frame,
  type FrameType,
  STREAM_MAX,
  TYPE,
  encodeFrame,
  encodeHeader,
  encodeNumbers,
} from './protocol.ts';
import { GuestStream, type StreamDirections } from './stream.ts';

export interface MuxHooks {
  /** a frame that is about no stream's bytes; returns what is wrong with it, if anything */
  onFrame: (frame: Frame) => string | undefined;
  /** the guest opened a stream */
  onOpen: (type: number, payload: Buffer, stream: GuestStream) => string | undefined;
  /** called once, when the mux is of no use any more: a broken rule, or a lost connection */
  onFault: (reason: string) => void;
}

/** Bytes that wait to be read on the host, all streams together; above it the stream that adds to them is reset. */
const UNREAD_LIMIT = 32 * 1024 * 1024;
/** Bytes that wait for the guest to read its port: data stops at the first, the session at the second. */
const OUTPUT_DATA_LIMIT = 256 * 1024;
const OUTPUT_LIMIT = 4 * 1024 * 1024;
const LAST_ID = 0xfffffff0;
const OPENING = new Set<number>([TYPE.openTcp, TYPE.openSession, TYPE.openUdp]);

export class Mux {
  readonly #socket: Duplex;
  readonly #hooks: MuxHooks;
  readonly #parser = new FrameParser();
  readonly #streams = new Map<number, GuestStream>();
  readonly #waiting = new Set<GuestStream>();
  #alive = 0;
  #unread = 0;
  #lastGuest = -1;
  #lastHost = 0;
  #isOver = false;

  constructor(socket: Duplex, hooks: MuxHooks) {
    this.#socket = socket;
    this.#hooks = hooks;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => this.#resume());
    socket.on('error', (error) =>
      this.fail(`the connection to the guest failed: ${messageOf(error)}`),
    );
    socket.on('close', () => this.fail('the guest closed its connection'));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Ids for `count` streams the host opens; the first is returned. */
  reserve(count: number): number {
    const first = this.#lastHost + 2;
    this.#lastHost += 2 * count;
    if (this.#lastHost > LAST_ID) this.fail('stream ids are used up');
    return first;
  }

  open(id: number, directions: StreamDirections): GuestStream {
    this.#alive++;
    const stream = new GuestStream(id, this.#port, directions);
    stream.once('close', () => this.#alive--);
    if (this.#isOver) stream.destroy();
    else this.#streams.set(id, stream);
    return stream;
  }

  send(stream: number, type: FrameType, payload?: Buffer): void {
    this.sendBytes(encodeFrame(stream, type, payload));
  }

  /** Sends whole frames. */
  sendBytes(bytes: Buffer): void {
    if (this.#isOver) return;
    this.#socket.write(bytes);
    if (this.#socket.writableLength > OUTPUT_LIMIT) this.fail('the guest does not read its port');
  }

  /** Ends the mux without a fault; streams that live are destroyed. */
  close(): void {
    this.#end();
  }

  /** Ends the mux for this reason. */
  fail(reason: string): void {
    if (this.#isOver) return;
    this.#end();
    this.#hooks.onFault(reason);
  }

  readonly #port = {
    room: (): number => (this.#socket.writableLength < OUTPUT_DATA_LIMIT ? OUTPUT_DATA_LIMIT : 0),
    wait: (stream: GuestStream): void => void this.#waiting.add(stream),
    data: (id: number, bytes: Buffer): void => {
      if (this.#isOver) return;
      this.#socket.cork();
      this.#socket.write(encodeHeader(id, TYPE.data, bytes.length));
      this.#socket.write(bytes);
      process.nextTick(() => this.#socket.uncork());
    },
    end: (id: number): void => this.send(id, TYPE.end),
    credit: (id: number, bytes: number): void => this.send(id, TYPE.credit, encodeNumbers(bytes)),
    reset: (id: number): void => this.send(id, TYPE.reset),
    unread: (bytes: number): void => void (this.#unread += bytes),
    closed: (stream: GuestStream): void => {
      this.#streams.delete(stream.id);
      this.#waiting.delete(stream);
    },
  };

  #receive(chunk: Buffer): void {
    if (this.#isOver) return;
    let fault: string | undefined;
    try {
      fault = this.#parser.feed(chunk, (frame) => (this.#isOver ? undefined : this.#take(frame)));
    } catch (error) {
      fault = `a frame could not be handled: ${messageOf(error)}`;
    }
    if (fault !== undefined) this.fail(`the guest broke the mux protocol: ${fault}`);
  }

  #take(frame: Frame): string | undefined {
    if (OPENING.has(frame.type)) return this.#accept(frame);
    if (frame.stream === 0 || frame.type === TYPE.started || frame.type === TYPE.exit)
      return this.#hooks.onFrame(frame);
    if (frame.flags === FLAG_MORE) return 'a cut frame on a stream';
    const stream = this.#streams.get(frame.stream);
    if (stream) return this.#deliver(stream, frame);
    const isKnown = frame.stream <= (frame.stream % 2 === 1 ? this.#lastGuest : this.#lastHost);
    return isKnown ? undefined : `frame ${frame.type} on a stream never opened`;
  }

  #deliver(stream: GuestStream, frame: Frame): string | undefined {
    switch (frame.type) {
      case TYPE.data: {
        const fault = stream.receiveData(frame.payload);
        // The reader of this stream is the one that keeps the others waiting.
        if (this.#unread > UNREAD_LIMIT && frame.stream % 2 === 1) stream.destroy(tooMuch());
        return fault;
      }
      case TYPE.end:
        return frame.payload.length === 0 ? stream.receiveEnd() : 'a bad END';
      case TYPE.credit:
        return frame.payload.length === 4
          ? stream.receiveCredit(frame.payload.readUInt32LE())
          : 'a bad CREDIT';
      case TYPE.reset:
        if (frame.payload.length > 0) return 'a bad RESET';
        stream.receiveReset();
        return undefined;
      default:
        return `unknown frame ${frame.type}`;
    }
  }

  #accept(frame: Frame): string | undefined {
    if (frame.stream !== this.#lastGuest + 2 || frame.stream > LAST_ID)
      return `stream ${frame.stream} opened out of turn`;
    this.#lastGuest = frame.stream;
    if (this.#alive >= STREAM_MAX) {
      this.send(frame.stream, TYPE.reset);
      return undefined;
    }
    const stream = this.open(frame.stream, { sends: true, receives: true });
    return this.#hooks.onOpen(frame.type, frame.payload, stream);
  }

  #resume(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const stream of waiting) stream.advance();
  }

  #end(): void {
    this.#isOver = true;
    this.#waiting.clear();
    for (const stream of [...this.#streams.values()]) stream.receiveReset();
    this.#socket.destroy();
  }
}

function tooMuch(): Error {
  return Object.assign(new Error('too many bytes wait to be read'), { code: 'ENOBUFS' });
}
