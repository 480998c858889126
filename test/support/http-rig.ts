// Inspected connections on the loopback: a guest's side for real clients, an origin behind the interception, and the records.

import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import tls from 'node:tls';

import { createAuthority } from '../../src/enforce/egress/http/authority.ts';
import { createHeld } from '../../src/enforce/egress/http/held.ts';
import { intercept } from '../../src/enforce/egress/http/intercept.ts';
import { DEFAULT_HTTP_LIMITS } from '../../src/enforce/egress/http/limits.ts';
import type { HttpLimits } from '../../src/enforce/egress/http/limits.ts';
import type { Judge } from '../../src/enforce/egress/judge.ts';
import type { Request } from '../../src/model/request.ts';
import { formatRequest } from '../../src/policy/request-syntax.ts';
import { asStream } from './as-stream.ts';
import { createCertificate } from './certificate.ts';
import type { TestCertificate } from './certificate.ts';

export const HOST = 'api.example.test';

export interface HttpRigOptions {
  host?: string;
  port?: number;
  isName?: boolean;
  /** the policy's answer to a request; absent: everything below /ok */
  allow?: (request: Extract<Request, { kind: 'http' }>) => boolean;
  /** the origin; absent: answers every request with what it saw */
  origin?: http.RequestListener;
  /** what the origin's TLS offers */
  alpn?: string[];
  certificate?: TestCertificate;
  /** certificates the host believes; absent: the origin's */
  trust?: string[];
  /** a plain TCP origin instead */
  rawOrigin?: (socket: Socket) => void;
  /** the same behind TLS */
  rawTlsOrigin?: (socket: Socket) => void;
  limits?: Partial<HttpLimits>;
  /** bytes that requests which wait may hold */
  held?: number;
  budget?: number;
}

export interface HttpRig {
  /** port where the guest's connections begin */
  port: number;
  caPem: string;
  /** texts of allowed and denied requests, in the order they were judged */
  judged: string[];
  /** texts of refusals with their check and reason */
  refused: string[];
  outcomes: { request: string; facts: Record<string, string | number> }[];
  /** `METHOD PATH` of what reached the origin */
  reached: string[];
  /** connections dialled upstream */
  dialled: () => number;
  /** bytes the origin received beneath TLS */
  bytesAtOrigin: () => number;
  faults: unknown[];
  originSockets: Set<Socket>;
  connect(): Promise<Socket>;
  connectTls(options?: tls.ConnectionOptions): Promise<tls.TLSSocket>;
  /** Sends bytes over TLS and gives all that comes back until the end. */
  exchange(text: string | Buffer, options?: tls.ConnectionOptions): Promise<string>;
  /** The same without TLS. */
  exchangePlain(text: string | Buffer): Promise<string>;
  close(): Promise<void>;
}

export async function createHttpRig(options: HttpRigOptions = {}): Promise<HttpRig> {
  const host = options.host ?? HOST;
  const target = { host, port: options.port ?? 443, isName: options.isName ?? true };
  const connect = { kind: 'connect', host, port: target.port } as const;
  const allow = options.allow ?? ((request) => request.path.startsWith('/ok'));
  const rule = { id: 'repo/test', file: 'policy.yml', line: 7, layer: 'repo' } as const;
  const judged: string[] = [];
  const refused: string[] = [];
  const reached: string[] = [];
  const outcomes: HttpRig['outcomes'] = [];
  const faults: unknown[] = [];
  let dials = 0;
  let received = 0;
  let left = options.budget ?? Infinity;
  const judge: Judge = {
    ask(request) {
      const allowed = request.kind === 'http' && allow(request);
      judged.push(`${allowed ? 'allow' : 'deny'} ${formatRequest(request)}`);
      const effect = allowed ? 'allow' : 'deny';
      const decision = {
        effect,
        rule,
        reason: 'because',
        matched: [rule],
        isPrivate: false,
      } as const;
      return { allowed, decision: { ...decision, matched: [rule], isInspected: false } };
    },
    refuse: (request, check, reason) =>
      refused.push(`${formatRequest(request)} ${check}: ${reason}`),
    overspend: (request, { reason }) =>
      refused.push(`${formatRequest(request)} egress-limit: ${reason}`),
    outcome: (request, facts) => outcomes.push({ request: formatRequest(request), facts }),
  };
  const authority = createAuthority();
  const held = createHeld(options.held);
  const certificate = options.certificate ?? createCertificate([host]);
  const servers: net.Server[] = [];
  const sockets = new Set<Socket>();
  const originSockets = new Set<Socket>();

  async function listen(
    onConnection: (socket: Socket) => void,
    allowHalfOpen = false,
  ): Promise<number> {
    const server = net.createServer({ allowHalfOpen }, (socket) => {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
      onConnection(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  const onRequest: http.RequestListener = (request, response) => {
    reached.push(`${request.method} ${request.url}`);
    (options.origin ?? echo)(request, response);
  };
  const plain = http.createServer(
    // As lenient as Node can be: what it takes for a request, some server will.
    { keepAliveTimeout: 60_000, insecureHTTPParser: true, requireHostHeader: false },
    onRequest,
  );
  plain.on('upgrade', (request, socket) => {
    reached.push(`UPGRADE ${request.url}`);
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nhello',
    );
    socket.on('data', (chunk) => socket.write(chunk));
    socket.on('end', () => socket.end());
  });
  const secure = http2.createSecureServer({
    ...certificate,
    allowHTTP1: true,
    ALPNProtocols: options.alpn ?? ['h2', 'http/1.1'],
  });
  secure.on('request', onRequest as never);
  secure.on('checkContinue', onRequest as never);
  plain.on('checkContinue', onRequest);
  secure.on('upgrade', (...parts: unknown[]) => plain.emit('upgrade', ...parts));
  secure.on('sessionError', () => undefined);
  const originPort = await listen((socket) => {
    originSockets.add(socket);
    socket.on('close', () => originSockets.delete(socket));
    if (options.rawOrigin) return options.rawOrigin(socket);
    if (options.rawTlsOrigin) {
      const secured = new tls.TLSSocket(socket, {
        isServer: true,
        secureContext: tls.createSecureContext(certificate),
        ALPNProtocols: ['http/1.1'],
      });
      secured.on('error', () => undefined);
      return options.rawTlsOrigin(secured);
    }
    socket.once('data', (chunk: Buffer) => {
      socket.pause();
      socket.unshift(chunk);
      (chunk[0] === 22 ? secure : plain).emit('connection', socket);
      process.nextTick(() => socket.resume());
    });
    return undefined;
  });

  const guestPort = await listen((socket) => {
    intercept({
      guest: asStream(socket),
      target: { ...target, request: connect, limits: [] },
      dial: async () => {
        dials += 1;
        const upstream = net.connect({
          host: '127.0.0.1',
          port: originPort,
          allowHalfOpen: true,
          noDelay: true,
        });
        sockets.add(upstream);
        upstream.on('error', () => undefined);
        await once(upstream, 'connect');
        const write = upstream.write.bind(upstream);
        upstream.write = ((...parts: Parameters<typeof write>) => {
          received += parts[0].length;
          return write(...parts);
        }) as typeof write;
        return upstream;
      },
      judge,
      authority,
      trust: () => tls.createSecureContext({ ca: options.trust ?? [certificate.cert] }),
      spend(bytes) {
        if (bytes > left) return { reason: 'the session may send no more' };
        left -= bytes;
        return undefined;
      },
      editFor: () => "add to policy.yml (the repository's policy):\nnetwork:\n  allow: []",
      limits: { ...DEFAULT_HTTP_LIMITS, ...options.limits },
      held,
    }).catch((error: unknown) => faults.push(error));
  }, true);

  async function open(): Promise<Socket> {
    const socket = net.connect({ host: '127.0.0.1', port: guestPort });
    sockets.add(socket);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }

  async function connectTls(more: tls.ConnectionOptions = {}): Promise<tls.TLSSocket> {
    const name = target.isName ? { servername: host } : {};
    const socket = tls.connect({
      socket: await open(),
      host,
      ca: authority.caPem(),
      ...name,
      ...more,
    });
    socket.on('error', () => undefined);
    await new Promise((resolve) => {
      socket.once('secureConnect', resolve);
      socket.once('close', resolve);
    });
    return socket;
  }

  async function exchangeOn(socket: Socket, text: string | Buffer): Promise<string> {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.write(text);
    await new Promise((resolve) => {
      socket.once('end', resolve);
      socket.once('close', resolve);
    });
    socket.destroy();
    return Buffer.concat(chunks).toString('latin1');
  }

  return {
    port: guestPort,
    caPem: authority.caPem(),
    judged,
    refused,
    outcomes,
    reached,
    faults,
    originSockets,
    dialled: () => dials,
    bytesAtOrigin: () => received,
    connect: open,
    connectTls,
    exchange: async (text, more) => exchangeOn(await connectTls(more), text),
    exchangePlain: async (text) => exchangeOn(await open(), text),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
    },
  };
}

/** What the origin saw, as JSON, with the body's length and end. */
const echo: http.RequestListener = (request, response) => {
  let length = 0;
  request.on('data', (chunk: Buffer) => (length += chunk.length));
  request.on('end', () => {
    const { method, url, headers, trailers } = request;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ method, url, headers, trailers, length }));
  });
};
