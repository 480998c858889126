// The server's side of HTTP/1.1: Node's client, with connections that this folder dialled and verified.

import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { Duplex } from 'node:stream';

import { errnoOf } from '../../../model/error.ts';
import { endToEnd, toFields, toFlat } from './fields.ts';
import type { Fields } from './fields.ts';
import { hostField, withLength } from './head.ts';
import type { Answer, RequestHead, Sending, Site, Upstream } from './message.ts';
import { http } from './node.ts';

/** connections to one server for one connection of the guest */
const MAX_CONNECTIONS = 32;
const MAX_HEADERS = 64 * 1024;
/** methods for which Node's client takes no body unless it is told of one */
const BODYLESS = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/** Told at the end of every request, most of which are over by then: a trace each would cost more than the rest of it. */
const CLOSED = new Error('the connection was closed');

export interface UpstreamH1Options {
  site: Site;
  /** A connection ready for requests: of https, one whose certificate was verified. */
  connect: () => Promise<Duplex>;
}

export function createUpstreamH1({ site, connect }: UpstreamH1Options): Upstream {
  const agent = new http.Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS });
  const createConnection: NonNullable<RequestOptions['createConnection']> = (_options, done) => {
    const fail = done as (error: Error) => void;
    connect().then(
      (socket) => done(null, socket),
      (error: unknown) => fail(error instanceof Error ? error : new Error('no connection')),
    );
    return undefined;
  };
  agent.createConnection = createConnection;

  /** `isFresh`: over a connection of its own, on which nothing was sent yet. */
  function begin(head: RequestHead, isFresh: boolean): ClientRequest {
    return http.request({
      ...(isFresh ? { createConnection } : { agent }),
      // Names the pool only: `createConnection` above goes where the connection was decided for.
      host: site.host,
      port: site.port,
      method: head.method,
      path: `${head.path}${head.query}`,
      headers: toFlat(fieldsFor(head, site)),
      maxHeaderSize: MAX_HEADERS,
      insecureHTTPParser: false,
    });
  }

  return {
    // eslint-disable-next-line @typescript-eslint/require-await -- what throws must become a rejection
    async send(head, answer) {
      let request = begin(head, false);
      let isAborted = false;
      listen(request, answer, (error) => {
        if (isAborted || !request.reusedSocket || !mayRepeat(head, error)) return false;
        request = begin(head, true);
        listen(request, answer, () => false);
        request.end();
        return true;
      });
      if (!head.hasBody) request.end();
      // An expectation, or a first byte long in coming, must not hold the head back.
      else request.flushHeaders();
      return {
        body: {
          stream: request,
          end(trailers) {
            if (trailers.length > 0 && head.length === undefined) request.addTrailers(trailers);
            request.end();
          },
        },
        abort() {
          isAborted = true;
          request.destroy();
        },
      } satisfies Sending;
    },
    close: () => agent.destroy(),
  };
}

/** Methods that change nothing, however often they come (RFC 9110 §9.2.1). */
const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * A server may close a kept connection while the next request is on its way: then nobody has read it, or it was read and changed
 * nothing. The same bytes go once more to the same server.
 */
function mayRepeat(head: RequestHead, error: unknown): boolean {
  const isReset = ['ECONNRESET', 'EPIPE'].includes(errnoOf(error) ?? '');
  const isSafe = REPEATABLE.has(head.method) && head.alternatives.length === 0;
  return isReset && isSafe && !head.hasBody && !head.isWebSocket;
}

function fieldsFor(head: RequestHead, site: Site): Fields {
  const fields: Fields = [['host', hostField(site)], ...joinCookies(withLength(head))];
  if (head.isWebSocket) fields.push(['connection', 'upgrade'], ['upgrade', 'websocket']);
  else if (head.hasBody && head.length === undefined) fields.push(['transfer-encoding', 'chunked']);
  else if (!head.hasBody && head.length === undefined && !BODYLESS.has(head.method))
    fields.push(['content-length', '0']);
  return fields;
}

/** HTTP/2 may send cookies one by one; HTTP/1.1 wants them in one field. */
function joinCookies(fields: Fields): Fields {
  const cookies = fields.filter(([name]) => name === 'cookie').map(([, value]) => value);
  if (cookies.length < 2) return fields;
  return [...fields.filter(([name]) => name !== 'cookie'), ['cookie', cookies.join('; ')]];
}

/** `onReset`: before a first byte of an answer; true when the request is sent again and this one's end means nothing. */
function listen(
  request: ClientRequest,
  answer: Answer,
  onReset: (error: unknown) => boolean,
): void {
  let hasBegun = false;
  let isRepeated = false;
  const fail = (error: unknown): void => {
    if (isRepeated) return;
    if (!hasBegun && onReset(error)) isRepeated = true;
    else answer.onFailure(error);
  };
  for (const event of ['continue', 'information', 'response', 'upgrade'])
    request.once(event, () => {
      hasBegun = true;
    });
  request.on('continue', () => answer.onInform(100, []));
  request.on('information', (info) => {
    if (info.statusCode !== 100)
      answer.onInform(info.statusCode, endToEnd(toFields(info.rawHeaders)));
  });
  request.on('response', (response: IncomingMessage) => {
    response.on('error', (error) => answer.onFailure(error));
    // Node takes the chunks apart and leaves any other coding in the body, where nobody would know of it.
    if (!/^(?:chunked|identity)?$/i.test(response.headers['transfer-encoding'] ?? '')) {
      response.destroy();
      answer.onFailure(new Error('the answer is coded on its way'));
      return;
    }
    answer.onResponse(response.statusCode ?? 502, endToEnd(toFields(response.rawHeaders)), {
      stream: response,
      trailers: () => toFields(response.rawTrailers),
      isWhole: () => response.complete,
    });
  });
  request.on('upgrade', (response: IncomingMessage, socket: Duplex, head: Buffer) => {
    answer.onSwitch(toFields(response.rawHeaders), socket, head);
  });
  request.on('error', fail);
  request.on('close', () => fail(CLOSED));
}
