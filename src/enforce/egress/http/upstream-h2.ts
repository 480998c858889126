// The server's side of HTTP/2: one session over one verified connection, a stream for each request.

import type { IncomingHttpHeaders } from 'node:http2';
import type { Duplex } from 'node:stream';

import { endToEnd, fromObject, toObject } from './fields.ts';
import type { Fields } from './fields.ts';
import { hostField, withLength } from './head.ts';
import type { Sending, Site, Upstream } from './message.ts';
import { http2 } from './node.ts';
import { sendTrailers } from './trailers.ts';

/** Bytes a server may send before they are taken: per stream, and all together. */
const STREAM_WINDOW = 1024 * 1024;
const SESSION_WINDOW = 4 * STREAM_WINDOW;
/** names that a server may say its connection is good for (RFC 8336): Node keeps each of them, and nobody here asks */
const MAX_ORIGINS = 1000;

/** Told at the end of every request, also of those that are over. */
const CLOSED = new Error('the stream was closed');

export interface UpstreamH2 extends Upstream {
  /** false once the server wants no more requests here */
  isOpen(): boolean;
}

export function createUpstreamH2(site: Site, connection: Duplex): UpstreamH2 {
  const session = http2.connect(`https://${hostField(site)}`, {
    createConnection: () => connection,
    settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
  });
  let isOver = false;
  session.on('error', () => undefined);
  session.once('connect', () => session.setLocalWindowSize(SESSION_WINDOW));
  let origins = 0;
  session.on('origin', (names) => {
    origins += names.length;
    if (origins > MAX_ORIGINS) close();
  });

  function close(): void {
    isOver = true;
    session.destroy(undefined, http2.constants.NGHTTP2_CANCEL);
  }

  return {
    // eslint-disable-next-line @typescript-eslint/require-await -- what throws must become a rejection
    async send(head, answer) {
      const fields: Fields = head.takesTrailers
        ? [...withLength(head), ['te', 'trailers']]
        : withLength(head);
      const stream = session.request(
        {
          ':method': head.method,
          ':scheme': 'https',
          ':authority': hostField(site),
          ':path': `${head.path}${head.query}`,
          ...toObject(fields),
        },
        { endStream: !head.hasBody, waitForTrailers: head.hasBody },
      );
      let last: Fields = [];
      let trailers: Fields = [];
      stream.on('wantTrailers', () => sendTrailers(stream, last));
      stream.on('headers', (info: IncomingHttpHeaders & { ':status'?: number }) =>
        answer.onInform(info[':status'] ?? 0, endToEnd(fromObject(info))),
      );
      stream.on('trailers', (object: IncomingHttpHeaders) => {
        trailers = fromObject(object);
      });
      stream.on('response', (headers: IncomingHttpHeaders & { ':status'?: number }, flags) =>
        answer.onResponse(headers[':status'] ?? 502, endToEnd(fromObject(headers)), {
          stream,
          trailers: () => trailers,
          // Node ends the body of a stream that is closed early as if it were complete.
          isWhole: () => !isOver && stream.rstCode === 0 && !stream.aborted,
          isEmpty: (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0,
        }),
      );
      stream.on('error', (error) => answer.onFailure(error));
      stream.on('close', () => answer.onFailure(CLOSED));
      return {
        body: {
          stream,
          end(sent) {
            last = sent;
            stream.end();
          },
        },
        abort: () => stream.close(http2.constants.NGHTTP2_CANCEL),
      } satisfies Sending;
    },
    isOpen: () => !session.closed && !session.destroyed,
    close,
  };
}
