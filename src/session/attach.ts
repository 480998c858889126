// One control connection bound to one guest process: frames in become stdin, signals and sizes; output becomes frames.
// Backpressure holds in both directions: a client that does not read stalls only its own command.

import type { Duplex, Readable } from 'node:stream';
import type { GuestProcess } from '../guest/exec.ts';
import {
  FRAME,
  type ControlFrame,
  type FrameParser,
  encodeFrame,
  encodeJson,
  decodeJson,
} from './control-protocol.ts';

const MAX_DIMENSION = 0xffff;
const MAX_SIGNAL = 64;

/** Resolves when the process has ended and its output was handed over. */
export async function attachProcess(
  socket: Duplex,
  frames: FrameParser,
  child: GuestProcess,
): Promise<void> {
  socket.write(encodeFrame(FRAME.started));
  frames.on('data', (frame: ControlFrame) => applyFrame(frame, frames, child));
  frames.resume();
  // A client that goes away leaves its command as a closed terminal would.
  const onGone = (): void => child.signal(1);
  socket.once('close', onGone);
  await Promise.all([
    pump(child.stdout, socket, FRAME.stdout),
    child.stderr === undefined ? undefined : pump(child.stderr, socket, FRAME.stderr),
  ]);
  const result = await child.exited;
  socket.off('close', onGone);
  if (!socket.destroyed) socket.end(encodeJson(FRAME.exit, result));
}

function applyFrame(frame: ControlFrame, frames: FrameParser, child: GuestProcess): void {
  switch (frame.type) {
    case FRAME.stdin:
      if (!child.stdin.write(frame.payload)) {
        frames.pause();
        child.stdin.once('drain', () => frames.resume());
      }
      return;
    case FRAME.stdinEnd:
      child.stdin.end();
      return;
    case FRAME.signal: {
      const signal = frame.payload.length === 1 ? frame.payload.readUInt8(0) : 0;
      if (signal > 0 && signal <= MAX_SIGNAL) child.signal(signal);
      return;
    }
    case FRAME.resize: {
      const size = decodeJson(frame.payload);
      const { rows, columns } = size ?? {};
      if (isDimension(rows) && isDimension(columns)) child.resize(rows, columns);
      return;
    }
    default:
      frames.destroy(new Error(`unexpected control frame of type ${frame.type}`));
  }
}

export function isDimension(value: unknown): value is number {
  return (
    typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= MAX_DIMENSION
  );
}

async function pump(
  from: Readable,
  to: Duplex,
  type: typeof FRAME.stdout | typeof FRAME.stderr,
): Promise<void> {
  for await (const chunk of from as AsyncIterable<Buffer>) {
    if (to.destroyed) return;
    if (!to.write(encodeFrame(type, chunk))) await drained(to);
  }
}

function drained(stream: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.once('drain', done);
    stream.once('close', done);
  });
}
