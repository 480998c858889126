// The agent's side of the gateway: HTTP/1.1 on streams that are handed in. What is no request of the protocol by somebody with the session's
// bearer is answered here, without a look at its body. https://modelcontextprotocol.io/specification/2025-11-25/basic/transports

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

import { AGENT_LIMITS } from '../json/limits.ts';
import { readJson } from '../json/read.ts';
import { refuse } from '../judge.ts';
import { CODE, errorMessage, type Refusal, refusal } from '../message/error.ts';
import { classify, type Id } from '../message/message.ts';
import { note } from '../note.ts';
import { type Route, routeOf, type RouteSession } from '../route.ts';
import type { Core } from '../state.ts';
import { type AgentStream, createAgentStream } from './answer.ts';
import { readBody } from './body.ts';
import { createDeadlines, type Deadlines } from './deadlines.ts';
import { readHeaders, type RequestHeaders } from './headers.ts';

export interface Endpoint {
  serve(stream: Duplex): void;
  close(): void;
}

// Asked for here, and not imported: a bundle would load at its start what sessions without tools need not pay for.
const http = process.getBuiltinModule('node:http');

const HEAD_SIZE = 16_384;
/** in milliseconds */
const REQUEST_TIME = 60_000;
const IDLE_TIME = 300_000;
const REST_TIME = 300;

export function createEndpoint(core: Core): Endpoint {
  const streams = new Set<Duplex>();
  const bearer = digestOf(core.options.bearer);
  const deadlines = createDeadlines({
    head: core.limits.head,
    body: REQUEST_TIME,
    idle: IDLE_TIME,
  });
  const server: Server = http.createServer(
    {
      insecureHTTPParser: false,
      maxHeaderSize: HEAD_SIZE,
      keepAliveTimeout: IDLE_TIME,
      noDelay: true,
    },
    (request, response) => {
      deadlines.heard(request, response);
      answer(core, { bearer, deadlines }, request, response).catch(() => {
        // Whatever went wrong: nothing was let through that was not answered for.
        if (!response.headersSent) send(response, refusal(500, CODE.internal, 'Internal error'));
        else response.destroy();
      });
    },
  );
  server.on('clientError', (_error, stream) => {
    if (stream.writable)
      stream.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    else stream.destroy();
  });
  server.on('checkExpectation', (_request, response: ServerResponse) => {
    send(response, refusal(417, CODE.request, 'no expectations are met'));
  });
  server.on('upgrade', (_request, stream) => stream.destroy());
  server.on('connect', (_request, stream) => stream.destroy());

  return {
    serve: (stream) => {
      if (streams.size >= core.limits.connections) {
        stream.destroy();
        return;
      }
      streams.add(stream);
      deadlines.opened(stream);
      stream.on('close', () => streams.delete(stream));
      stream.on('error', () => undefined);
      server.emit('connection', stream);
    },
    close: () => {
      for (const stream of streams) stream.destroy();
      server.close();
    },
  };
}

async function answer(
  core: Core,
  { bearer, deadlines }: { bearer: Buffer; deadlines: Deadlines },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const stop = (fault: Refusal): void => send(response, fault);
  const headers = readHeaders(request);
  if (headers === undefined) return stop(refusal(400, CODE.request, 'a header stands twice'));
  const host = headers.value('host')?.toLowerCase() ?? '';
  if (!core.options.names.includes(host)) {
    note(core, '', 'a request for another host');
    return stop(refusal(403, CODE.request, 'Forbidden: Host'));
  }
  const origin = headers.value('origin');
  if (origin !== undefined && !core.options.names.some((name) => origin === `http://${name}`)) {
    note(core, '', 'a request from a web page');
    return stop(refusal(403, CODE.request, 'Forbidden: Origin'));
  }
  const route = routeOf(core, request.url ?? '');
  if (route === undefined) return stop(refusal(404, CODE.request, 'Not found'));
  if (!isBearer(bearer, headers.value('authorization'))) {
    note(core, route.id, 'a request without the bearer of the session');
    return stop(refusal(401, CODE.request, 'Unauthorized'));
  }
  deadlines.trust(request.socket);
  switch (request.method) {
    case 'POST':
      return post(core, route, headers, request, response);
    case 'GET': {
      const session = sessionOf(route, headers, stop);
      if (session === undefined) return undefined;
      if (!accepts(headers, 'text/event-stream'))
        return stop(refusal(406, CODE.request, 'Not Acceptable'));
      return session.listen(headers.lastEventId, createAgentStream(response));
    }
    case 'DELETE': {
      const session = sessionOf(route, headers, stop);
      if (session === undefined) return undefined;
      session.end();
      createAgentStream(response).end(200);
      return undefined;
    }
    default:
      response.setHeader('allow', 'GET, POST, DELETE');
      return stop(refusal(405, CODE.request, 'Method not allowed'));
  }
}

async function post(
  core: Core,
  route: Route,
  headers: RequestHeaders,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const stop = (fault: Refusal): void => send(response, fault);
  const coding = request.headers['content-encoding'];
  if (coding !== undefined && coding !== 'identity')
    return stop(refusal(415, CODE.request, 'no content codings are taken'));
  if (
    !/^application\/json(?:\s*;\s*charset="?utf-8"?)?\s*$/i.test(
      headers.value('content-type') ?? '',
    )
  )
    return stop(refusal(415, CODE.request, 'Content-Type must be application/json'));
  if (!accepts(headers, 'application/json') || !accepts(headers, 'text/event-stream'))
    return stop(
      refusal(
        406,
        CODE.request,
        'Not Acceptable: Client must accept both application/json and text/event-stream',
      ),
    );
  const stream: AgentStream = createAgentStream(response);
  const body = await readBody(request, AGENT_LIMITS.bytes);
  if (body === undefined) return stop(refusal(413, CODE.request, 'the message is too long'));
  const reading = readJson(body, { limits: AGENT_LIMITS });
  if (reading.fault !== undefined) {
    const isNone = reading.fault === 'syntax' || reading.fault === 'encoding';
    return malformed(
      core,
      route,
      response,
      isNone
        ? refusal(400, CODE.parse, 'Parse error')
        : refusal(400, CODE.request, `Invalid Request: ${reading.fault}`),
    );
  }
  const message = classify(reading.value);
  if (message.kind === 'fault') {
    const fault = refusal(400, CODE.request, `Invalid Request: ${message.reason}`);
    return malformed(core, route, response, fault, message.id);
  }
  return route.onMessage(message, headers, stream);
}

/** A message that is none has a record, too. */
function malformed(
  core: Core,
  route: Route,
  response: ServerResponse,
  fault: Refusal,
  id?: Id,
): void {
  const facts = { method: '', digest: '', bytes: 0 };
  const request = { kind: 'feature', server: route.id, name: 'malformed-message' } as const;
  refuse(core, request, 'mcp-malformed', fault.message, facts);
  send(response, fault, id);
}

function sessionOf(
  route: Route,
  headers: RequestHeaders,
  stop: (fault: Refusal) => void,
): RouteSession | undefined {
  // A client of the modern era has no sessions to name.
  if (headers.session === undefined) {
    stop(refusal(405, CODE.request, 'Method not allowed'));
    return undefined;
  }
  const session = route.session(headers.session);
  if (session === undefined) stop(refusal(404, CODE.request, 'Session not found'));
  return session;
}

function accepts(headers: RequestHeaders, type: string): boolean {
  const accept = headers.value('accept') ?? '';
  const [main = ''] = type.split('/');
  return accept
    .split(',')
    .map((one) => (one.split(';')[0] ?? '').trim().toLowerCase())
    .some((one) => one === type || one === '*/*' || one === `${main}/*`);
}

function isBearer(expected: Buffer, header: string | undefined): boolean {
  const given = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(header ?? '')?.[1];
  return given !== undefined && timingSafeEqual(expected, digestOf(given));
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/** An answer of this file. What is left of the request's body is read for a moment, so that the answer arrives, and then cut off. */
function send(response: ServerResponse, { status, ...error }: Refusal, id?: Id): void {
  if (response.headersSent || response.destroyed) return;
  const body = JSON.stringify(errorMessage(id, error));
  const { req: request } = response;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...(!request.complete && { connection: 'close' }),
  });
  response.end(body);
  if (request.complete) return;
  request.resume();
  setTimeout(() => request.socket.destroy(), REST_TIME).unref();
}
