// Events that one reader takes, until they end or the reader leaves.

import type { UpstreamEvent } from '../upstream.ts';

/** Kept for a reader that is slow, in bytes; beyond them the stream breaks off. */
const MOST_HELD = 32 * 1024 * 1024;

export interface EventQueue {
  /** false: nobody reads it any more */
  push(data: Buffer): boolean;
  end(): void;
  fail(error: Error): void;
  /** Once. Whoever stops early aborts `signal`, or leaves the loop. */
  read(signal: AbortSignal): AsyncIterable<UpstreamEvent>;
}

/** `onLeave` is called once, when the reader has left before the end. */
export function createEventQueue(onLeave: () => void): EventQueue {
  const waiting: Buffer[] = [];
  let held = 0;
  let state: 'open' | 'ended' | 'left' = 'open';
  let failure: Error | undefined;
  let wake: () => void = () => undefined;

  function leave(): void {
    const wasOpen = state === 'open';
    state = 'left';
    waiting.length = 0;
    wake();
    if (wasOpen) onLeave();
  }

  async function* events(signal: AbortSignal): AsyncGenerator<UpstreamEvent> {
    try {
      for (;;) {
        const data = waiting.shift();
        if (data !== undefined) {
          held -= data.length;
          yield { data };
        } else if (failure !== undefined) throw failure;
        else if (state !== 'open') return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      signal.removeEventListener('abort', leave);
      leave();
    }
  }

  function fail(error: Error): void {
    if (state !== 'open') return;
    failure = error;
    state = 'ended';
    wake();
  }

  return {
    push(data) {
      if (state !== 'open') return false;
      held += data.length;
      if (held > MOST_HELD) fail(new Error('more was waiting than is kept'));
      else waiting.push(data);
      wake();
      return true;
    },
    end() {
      if (state === 'open') state = 'ended';
      wake();
    },
    fail,
    read(signal) {
      // Before the first event is asked for, nothing of a generator runs.
      if (signal.aborted) leave();
      else signal.addEventListener('abort', leave, { once: true });
      return events(signal);
    },
  };
}
