// The end of an HTTP/2 body, on either side.

import type { Http2Stream } from 'node:http2';

import { toObject } from './fields.ts';
import type { Fields } from './fields.ts';
import { http2 } from './node.ts';

/** Node throws at trailers it cannot write; then the stream ends without them, and as an error. */
export function sendTrailers(stream: Http2Stream, trailers: Fields): void {
  try {
    stream.sendTrailers(toObject(trailers));
  } catch {
    stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
  }
}
