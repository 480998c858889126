// The answer to one request of the agent's: one JSON text, or a stream of events.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

import type { ServerResponse } from 'node:http';

import type { JsonObject } from '../../../model/credential.ts';

export interface AgentStream {
  /** the agent has gone away or everything was said */
  readonly isOver: boolean;
  readonly isStream: boolean;
  /** Called once when the agent goes away before everything was said. */
  onGone(listener: () => void): void;
  /** With headers that tell the agent its session. */
  setSession(id: string): void;
  /** Begins a stream; what is said after this are events. */
  begin(): void;
  /** One event; begins the stream where it has not begun. */
  event(message: JsonObject, id?: string): void;
  /** An event without a message, which tells where to go on. */
  prime(id: string, retry: number | undefined): void;
  /** A line that means nothing. */
  keepAlive(): void;
  /** The last message: an event where a stream has begun or is wanted, else the whole answer. */
  last(message: JsonObject, how?: { status?: number; asStream?: boolean }): void;
  /** Nothing more is said. */
  end(status?: number): void;
  /** bytes of messages that were written */
  written(): number;
}

/** in bytes, of what the agent has not read */
const MOST_WAITING = 32 * 1024 * 1024;

const STREAM_HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

export function createAgentStream(response: ServerResponse): AgentStream {
  let isStream = false;
  let isOver = false;
  let bytes = 0;
  const gone = new Set<() => void>();
  response.on('close', () => {
    if (isOver) return;
    isOver = true;
    for (const listener of gone) listener();
  });
  response.on('error', () => undefined);

  function begin(): void {
    if (isStream || isOver) return;
    isStream = true;
    response.writeHead(200, STREAM_HEADERS);
    response.flushHeaders();
  }

  function write(text: string): void {
    begin();
    if (isOver) return;
    // Whoever does not read is gone, before what waits for it fills the host.
    if (response.writableLength > MOST_WAITING) response.destroy();
    else response.write(text);
  }

  // JSON.stringify writes no line feed; it leaves U+2028 as it is, which ends no line of an event stream.
  function dataOf(message: JsonObject): string {
    const text = JSON.stringify(message);
    bytes += text.length;
    return text;
  }

  return {
    get isOver() {
      return isOver;
    },
    get isStream() {
      return isStream;
    },
    onGone: (listener) => {
      if (response.destroyed && !isOver) isOver = true;
      if (isOver) queueMicrotask(listener);
      else gone.add(listener);
    },
    setSession: (id) => {
      if (!response.headersSent) response.setHeader('mcp-session-id', id);
    },
    begin,
    event: (message, id) => {
      const line = id === undefined ? '' : `id: ${id}\n`;
      write(`event: message\n${line}data: ${dataOf(message)}\n\n`);
    },
    prime: (id, retry) => {
      write(`id: ${id}\n${retry === undefined ? '' : `retry: ${retry}\n`}data: \n\n`);
    },
    keepAlive: () => {
      if (isStream && !isOver) response.write(':\n\n');
    },
    last: (message, { status = 200, asStream = false } = {}) => {
      if (isOver) return;
      if (isStream || asStream) {
        if (!isStream) response.writeHead(200, STREAM_HEADERS);
        isStream = true;
        response.end(`event: message\ndata: ${dataOf(message)}\n\n`);
      } else {
        const body = Buffer.from(dataOf(message));
        response.writeHead(status, {
          'content-type': 'application/json',
          'content-length': body.length,
          'cache-control': 'no-store',
        });
        response.end(body);
      }
      isOver = true;
    },
    end: (status = 202) => {
      if (isOver) return;
      if (!isStream) response.writeHead(status, { 'content-length': 0 });
      response.end();
      isOver = true;
    },
    written: () => bytes,
  };
}
