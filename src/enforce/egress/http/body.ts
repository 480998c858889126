// Moves a body from one side to the other. Invariant: what is held is bounded by the two streams' own buffers.

import { asTrailers, bytesOf } from './fields.ts';
import type { Inlet, Outlet } from './message.ts';

export interface PumpOptions {
  from: Inlet;
  to: Outlet;
  /** bytes the head declared */
  length?: number | undefined;
  /** Called before bytes are passed on, those of trailers included; false when they must not be. */
  onBytes: (count: number) => boolean;
  /** the source waits for the destination, or no longer */
  onWait?: (isWaiting: boolean) => void;
  /** the body was cut off or has another length than declared */
  onMismatch: () => void;
  onEnd: () => void;
}

export function pump({ from, to, length, onBytes, onWait, onMismatch, onEnd }: PumpOptions): void {
  const { stream } = from;
  let passed = 0;
  let isOver = false;
  const stop = (): void => {
    isOver = true;
  };
  stream.on('data', (chunk: Buffer) => {
    if (isOver) return;
    passed += chunk.length;
    if (length !== undefined && passed > length) {
      stop();
      onMismatch();
      return;
    }
    if (!onBytes(chunk.length)) {
      stop();
      return;
    }
    if (to.stream.write(chunk)) return;
    onWait?.(true);
    stream.pause();
  });
  to.stream.on('drain', () => {
    if (isOver) return;
    onWait?.(false);
    stream.resume();
  });
  stream.on('end', () => {
    if (isOver) return;
    stop();
    if (!from.isWhole() || (length !== undefined && passed !== length)) {
      onMismatch();
      return;
    }
    const trailers = asTrailers(from.trailers());
    if (trailers.length > 0 && !onBytes(bytesOf(trailers))) return;
    to.end(trailers);
    onEnd();
  });
}
