// Connections on which nothing comes are closed: the limits that node's server has for this hold only where it listens itself.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** in milliseconds */
export interface DeadlineTimes {
  /** until the head of a request is there, on a connection whose bearer is not known */
  head: number;
  /** until its body is */
  body: number;
  /** between requests of who has the bearer */
  idle: number;
}

export interface Deadlines {
  opened(stream: Duplex): void;
  /** The head of a request is there. */
  heard(request: IncomingMessage, response: ServerResponse): void;
  /** Whoever speaks has the bearer. */
  trust(stream: Duplex): void;
}

export function createDeadlines({ head, body, idle }: DeadlineTimes): Deadlines {
  const timers = new WeakMap<Duplex, NodeJS.Timeout>();
  const trusted = new WeakSet<Duplex>();
  const arm = (stream: Duplex, time: number, isLate: () => boolean): void => {
    clearTimeout(timers.get(stream));
    const end = (): void => void (isLate() && stream.destroy());
    if (!stream.destroyed) timers.set(stream, setTimeout(end, time).unref());
  };
  return {
    opened: (stream) => {
      arm(stream, head, () => true);
      stream.once('close', () => clearTimeout(timers.get(stream)));
    },
    heard: (request, response) => {
      const stream: Duplex = request.socket;
      arm(stream, body, () => !request.complete);
      response.once('close', () => arm(stream, trusted.has(stream) ? idle : head, () => true));
    },
    trust: (stream) => void trusted.add(stream),
  };
}
