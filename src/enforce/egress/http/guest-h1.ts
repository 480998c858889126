// The guest's side of HTTP/1.1: Node's server reads, requests are handed on one after the other, answers go back.
// Invariant: a request is handed on only after the answer to the one before it is complete, so no two can mix.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

import { errnoOf } from '../../../model/error.ts';
import { membersOf, toFields, toFlat, valuesOf } from './fields.ts';
import type { Fields } from './fields.ts';
import { NO_ROOM } from './held.ts';
import type { Held } from './held.ts';
import type { HttpLimits } from './limits.ts';
import type { Call } from './message.ts';
import { http } from './node.ts';

export interface GuestServer {
  stream: Duplex;
  limits: HttpLimits;
  /** the session's, for all its connections */
  held: Held;
  /** Serves one request; `done` when nothing of it is left to do. */
  onCall: (call: Call, done: () => void) => void;
  /** Bytes that are no request, or too much of one: to be recorded. The connection ends. */
  onFault: (reason: string) => void;
  /** Whether a request is being read or served, for timers. */
  onBusy: (isBusy: boolean) => void;
  /** Takes the connection over as a tunnel, where it may become one: before any other request. Bytes behind the head are put back. */
  onConnect?: (authority: string) => void;
}

type Next = () => void;

export function serveH1(options: GuestServer): void {
  const { stream, limits } = options;
  const held = options.held.share();
  stream.once('close', () => held.close());
  const waiting: Next[] = [];
  let isServing = false;
  let last: ServerResponse | undefined;
  /** the last answer is given; what comes now is nobody's */
  let isEnding = false;

  const server = http.createServer({
    maxHeaderSize: limits.headerBytes,
    // Checked by us, with a record.
    requireHostHeader: false,
    insecureHTTPParser: false,
    keepAliveTimeout: 0,
    requestTimeout: 0,
    headersTimeout: 0,
  });
  // Node would silently drop what is more: a second host header could hide there.
  server.maxHeadersCount = 0;

  function enqueue(start: Next): void {
    if (waiting.length >= limits.requests) {
      options.onFault(`more than ${limits.requests} requests wait on one connection`);
      stream.destroy();
      return;
    }
    waiting.push(start);
    if (!isServing) next();
  }

  function next(): void {
    const start = stream.destroyed ? undefined : waiting.shift();
    isServing = start !== undefined;
    options.onBusy(isServing);
    start?.();
  }

  function serve(request: IncomingMessage, response: ServerResponse, upgrade?: Buffer): void {
    // Requests that came in the same bytes as the one that ended the connection.
    if (stream.destroyed) return;
    const release = held.take(request.rawHeaders);
    if (release === undefined) {
      options.onFault(NO_ROOM);
      stream.destroy();
      return;
    }
    response.once('close', release);
    last = response;
    response.sendDate = false;
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    enqueue(() => {
      const call = createCall({ request, response, upgrade, stream, limits });
      options.onCall(call, () => settle(request, response));
    });
  }

  /** Lets the next request come once this one's body has ended, be it that nobody wants it any more. */
  function settle(request: IncomingMessage, response: ServerResponse): void {
    if (stream.destroyed) return;
    if (response.shouldKeepAlive) {
      drain(request, stream, limits, next);
      return;
    }
    isEnding = true;
    // Node ends the connection behind its last answer, but not one that it gave away for an upgrade.
    const end = (): void => drain(request, stream, limits, () => stream.end());
    if (response.writableFinished) end();
    else response.once('finish', end);
  }

  server.on('request', serve);
  server.on('checkContinue', serve);
  server.on('checkExpectation', serve);
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Its answer would have to wait for a socket that Node has already let go of; no client asks like that.
    if (isServing || last?.writableFinished === false) {
      options.onFault('an upgrade behind a request that is not answered yet');
      stream.destroy();
      return;
    }
    const response = new http.ServerResponse(request);
    socket.pause();
    // Node gives the socket away here. If nothing comes of the switch, it answers this one request and ends.
    response.shouldKeepAlive = false;
    Reflect.apply(response.assignSocket.bind(response), undefined, [socket]);
    socket.on('drain', () => response.emit('drain'));
    serve(request, response, head);
  });
  server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (options.onConnect !== undefined && last === undefined) {
      if (head.length > 0) stream.unshift(head);
      options.onConnect(request.url ?? '');
      return;
    }
    options.onFault(
      options.onConnect === undefined
        ? 'CONNECT asks for a connection, and this is one already'
        : 'CONNECT behind another request; it takes a connection of its own',
    );
    if (isServing || waiting.length > 0) {
      socket.destroy();
      return;
    }
    socket.end(plainAnswer(400));
  });
  server.on('clientError', (error: Error, socket: Duplex) => {
    const code = errnoOf(error) ?? '';
    if (isEnding) return;
    if (!code.startsWith('HPE_')) {
      socket.destroy();
      return;
    }
    const isTooLarge = code === 'HPE_HEADER_OVERFLOW' || code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW';
    options.onFault(
      isTooLarge
        ? `a header section of more than ${limits.headerBytes} bytes`
        : `bytes that are no HTTP/1.1 request (${code})`,
    );
    // Behind an answer that has begun, a second one would be read as part of it.
    if (isServing || waiting.length > 0 || !socket.writable) socket.destroy();
    else socket.end(plainAnswer(isTooLarge ? 431 : 400));
  });
  server.emit('connection', stream);
  // Held since its first bytes were looked at.
  stream.resume();
}

function plainAnswer(status: 400 | 431): string {
  return `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
}

/** Throws away what is left of a body; a guest that goes on for too long loses its connection. */
function drain(request: IncomingMessage, stream: Duplex, limits: HttpLimits, then: Next): void {
  if (request.complete) {
    then();
    return;
  }
  let left = limits.lingerBytes;
  const timer = setTimeout(() => stream.destroy(), limits.linger);
  const onEnd = (): void => {
    clearTimeout(timer);
    then();
  };
  request.removeAllListeners('data');
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) stream.destroy();
  });
  request.once('end', onEnd);
  request.once('close', () => clearTimeout(timer));
  request.resume();
}

interface CallParts {
  request: IncomingMessage;
  response: ServerResponse;
  /** what came behind the head of an upgrade */
  upgrade: Buffer | undefined;
  stream: Duplex;
  limits: HttpLimits;
}

function createCall({ request, response, upgrade, stream }: CallParts): Call {
  const fields = toFields(request.rawHeaders);
  let hasContinued = membersOf(fields, 'expect').length === 0;

  function inform(status: number, more: Fields): void {
    if (response.headersSent || request.httpVersion !== '1.1') return;
    if (status === 100) {
      hasContinued = true;
      response.writeContinue();
    } else if (status === 102) response.writeProcessing();
    else if (status === 103) {
      const link = valuesOf(more, 'link');
      if (link.length > 0) response.writeEarlyHints({ link });
    }
  }

  return {
    raw: {
      method: request.method ?? '',
      target: request.url ?? '',
      version: request.httpVersion,
      fields,
      isUpgrade: upgrade !== undefined,
    },
    body: {
      stream: request,
      trailers: () => toFields(request.rawTrailers),
      isWhole: () => request.complete,
    },
    inform,
    respond(status, more, { hasBody, isLast = false, phrase }) {
      // A client that was not told to continue may send its next request where the body should be.
      if (isLast || !hasContinued) response.shouldKeepAlive = false;
      if (phrase === undefined) response.writeHead(status, toFlat(more));
      else response.writeHead(status, phrase, toFlat(more));
      // Not held back until the body begins, which may take minutes; but in one piece with a body that is there already.
      if (hasBody)
        setImmediate(() => {
          if (!response.writableEnded && !stream.destroyed) response.flushHeaders();
        });
      return {
        stream: response,
        end(trailers) {
          if (trailers.length > 0 && response.chunkedEncoding) response.addTrailers(trailers);
          response.end();
        },
      };
    },
    hasBegun: () => response.headersSent,
    switchProtocols(more) {
      const lines = more.map(([name, value]) => `${name}: ${value}\r\n`).join('');
      response.detachSocket(stream as never);
      stream.removeAllListeners('drain');
      stream.write(`HTTP/1.1 101 Switching Protocols\r\n${lines}\r\n`, 'latin1');
      return { stream, head: upgrade ?? Buffer.alloc(0) };
    },
    reset: () => stream.destroy(),
    isGone: () => stream.destroyed,
    onGone(listener) {
      const onClose = (): void => {
        if (!response.writableFinished) listener();
      };
      response.once('close', onClose);
      stream.once('close', onClose);
      // The connection outlives this request by many others.
      response.once('close', () => stream.off('close', onClose));
    },
  };
}
