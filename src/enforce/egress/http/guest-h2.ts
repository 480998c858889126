// The guest's side of HTTP/2: Node's session reads, each stream is a request of its own.

import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';

import { fromObject, toFields, toObject } from './fields.ts';
import type { Fields } from './fields.ts';
import type { GuestServer } from './guest-h1.ts';
import { NO_ROOM } from './held.ts';
import type { Call, Outlet } from './message.ts';
import { http2 } from './node.ts';
import { sendTrailers } from './trailers.ts';

const STREAM_WINDOW = 256 * 1024;
/** where counting by us ends and Node's own refusal, without a record, begins */
const MAX_PAIRS = 1000;
/** milliseconds for the end of an answer, which a reset of its stream would cut off */
const TRAILER_TIME = 50;

export function serveH2(options: GuestServer): void {
  const { stream: connection, limits } = options;
  const session = http2.performServerHandshake(connection, {
    maxHeaderListPairs: MAX_PAIRS,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    settings: {
      maxConcurrentStreams: limits.requests,
      maxHeaderListSize: limits.headerBytes,
      initialWindowSize: STREAM_WINDOW,
    },
  });
  let open = 0;
  let finished = 0;
  let resets = 0;

  session.on('error', () => undefined);
  session.on('close', () => connection.destroy());
  const held = options.held.share();
  connection.once('close', () => held.close());
  session.on('stream', (stream, headers, _flags, raw?: readonly string[]) => {
    stream.on('error', () => undefined);
    open += 1;
    if (open > limits.requests) {
      // The setting says so; whoever ignores it is turned away before anything is judged.
      stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
    }
    options.onBusy(true);
    let isDone = false;
    stream.once('close', () => {
      open -= 1;
      if (isDone) finished += 1;
      else resets += 1;
      options.onBusy(open > 0);
      if (resets <= limits.resets + finished) return;
      options.onFault(`${resets} requests were taken back before they were answered`);
      session.destroy();
    });
    if (stream.destroyed || stream.closed) return;
    const release = held.take(raw ?? Object.values(headers).map(String));
    if (release === undefined) {
      options.onFault(NO_ROOM);
      session.destroy();
      return;
    }
    stream.once('close', release);
    options.onCall(createCall(stream, connection, headers, raw), () => {
      isDone = true;
      settle(stream);
    });
  });

  /** The answer is complete: of a body that still comes nobody wants the rest. */
  function settle(stream: ServerHttp2Stream): void {
    if (stream.destroyed || stream.closed || stream.readableEnded) return;
    stream.resume();
    const timer = setTimeout(() => stream.close(http2.constants.NGHTTP2_NO_ERROR), TRAILER_TIME);
    stream.once('close', () => clearTimeout(timer));
  }
}

function createCall(
  stream: ServerHttp2Stream,
  connection: Duplex,
  headers: IncomingHttpHeaders,
  raw: readonly string[] | undefined,
): Call {
  const all = raw === undefined ? fromObject(headers) : toFields(raw);
  const pseudo = (name: string): string | undefined => {
    const value = headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  const isGone = (): boolean => stream.destroyed || stream.closed || connection.destroyed;
  let trailers: Fields = [];
  stream.on('trailers', (object: IncomingHttpHeaders, _flags, flat?: readonly string[]) => {
    trailers = flat === undefined ? fromObject(object) : toFields(flat);
  });

  return {
    raw: {
      method: pseudo(':method') ?? '',
      target: pseudo(':path') ?? '',
      version: '2.0',
      fields: all.filter(([name]) => !name.startsWith(':')),
      pseudo: { scheme: pseudo(':scheme'), authority: pseudo(':authority') },
      hasEnded: stream.endAfterHeaders,
      isUpgrade: false,
    },
    body: {
      stream,
      trailers: () => trailers,
      // Node ends the body of a stream that was reset as if it were complete.
      isWhole: () => stream.rstCode === 0 && !stream.aborted && !stream.destroyed,
    },
    inform(status, fields) {
      if (!stream.headersSent && !isGone() && status !== 101)
        stream.additionalHeaders({ ':status': status, ...toObject(fields) });
    },
    respond(status, fields, { hasBody }) {
      // Node throws where there is nobody to answer.
      if (isGone()) return { stream, end: () => undefined } satisfies Outlet;
      let last: Fields = [];
      stream.respond(
        { ':status': status, ...toObject(fields) },
        { endStream: !hasBody, waitForTrailers: hasBody },
      );
      stream.once('wantTrailers', () => sendTrailers(stream, last));
      return {
        stream,
        end(sent) {
          last = sent;
          stream.end();
        },
      };
    },
    hasBegun: () => stream.headersSent,
    isGone,
    reset: () => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR),
    onGone(listener) {
      stream.once('close', () => {
        if (!stream.writableFinished || stream.rstCode !== 0) listener();
      });
    },
  };
}
