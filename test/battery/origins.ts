// The world outside, offline: origins that answer ORIGIN:<vhost>, canaries that note whatever reaches them, a service of
// the host. All listen on every address of the rig and tell by the address they were reached at who they are.
import dgram from 'node:dgram';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Duplex } from 'node:stream';

import type { Leaf } from './certificate.ts';
import type { Ground } from './ground.ts';
import { ALLOWED, CANARIES, METADATA, ORIGIN4, RESOLVER4 } from './layout.ts';

/** Ports of the normal origin that no policy of the battery names. */
const OTHER_PORTS = [22, 25, 6379, 8443];
const DOWNLOAD = { block: Buffer.alloc(1 << 20, 'agent-sandbox '), blocks: 200 };

export const DOWNLOAD_DIGEST = digestOfDownload();

export async function serveOrigins(ground: Ground, leaf: Leaf): Promise<() => void> {
  const answer = (request: http.IncomingMessage, response: http.ServerResponse): void =>
    serve(ground, request, response);
  const noteConnection = (socket: net.Socket): void => {
    socket.on('error', () => socket.destroy());
    const at = localAddress(socket);
    if (CANARIES.has(at)) ground.note({ kind: 'tcp', detail: `${at}:${socket.localPort}` });
  };
  const web = http.createServer(answer).on('connection', noteConnection);
  const secureWeb = https.createServer(leaf, answer).on('connection', noteConnection);
  for (const server of [web, secureWeb]) server.on('upgrade', greetSocket);
  const other = OTHER_PORTS.map(() =>
    net.createServer((socket) => {
      noteConnection(socket);
      ground.note({ kind: 'service', detail: `port ${socket.localPort}` });
      socket.end('PORT-OPEN\n');
    }),
  );
  const hostService = net.createServer((socket) => {
    noteConnection(socket);
    ground.note({ kind: 'service', detail: `host service at ${localAddress(socket)}` });
    socket.end('HTTP/1.0 200 OK\r\n\r\nORIGIN:host-service\n');
  });
  const dot = tls.createServer(leaf, (socket) => socket.end());
  dot.on('connection', noteConnection);
  const udp = [dgram.createSocket('udp4'), dgram.createSocket({ type: 'udp6', ipv6Only: true })];
  for (const socket of udp)
    socket.on('message', (message) =>
      ground.note({ kind: 'udp', detail: message.toString('latin1').slice(0, 60) }),
    );

  const servers: net.Server[] = [web, secureWeb, hostService, dot, ...other];
  web.listen(80, '::');
  secureWeb.listen(443, '::');
  hostService.listen(8888, '::');
  dot.listen(853, '::');
  OTHER_PORTS.forEach((port, i) => other[i]?.listen(port, '::'));
  udp[0]?.bind(9999, '0.0.0.0');
  udp[1]?.bind(9999, '::');
  await Promise.all([...servers, ...udp].map((server) => once(server, 'listening')));
  return () => {
    for (const server of servers) server.close();
    web.closeAllConnections();
    secureWeb.closeAllConnections();
    for (const socket of udp) socket.close();
  };
}

function serve(ground: Ground, request: http.IncomingMessage, response: http.ServerResponse): void {
  const at = localAddress(request.socket);
  const vhost = (request.headers.host ?? '').toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '');
  const path = request.url ?? '';
  const isExpected = at === ORIGIN4 && (ALLOWED.includes(vhost) || vhost.endsWith('.wild.test'));
  const isJudged = at === ORIGIN4 && vhost === 'ro.test';
  if (path === '/alive') ground.note({ kind: 'http', detail: 'alive' });
  if (!isExpected && !(isJudged && request.method === 'GET' && path.startsWith('/api/')))
    ground.note({ kind: 'http', detail: `${request.method} ${at} ${vhost} ${path.slice(0, 100)}` });
  response.setHeader('content-type', 'text/plain');
  if (METADATA.has(at)) response.end('{"compute":{},"ami-id":1,"service-accounts":1}\n');
  else if (at === RESOLVER4) response.end('goroutine profile: "policy"\n');
  else if (path.startsWith('/download')) download(response);
  else if (vhost === 'cred.test' && path.startsWith('/echo-')) repeat(request, response);
  else if (path.includes('dns-query')) response.end('{"Status":0,"Answer":[]}\n');
  else if (path.startsWith('/to?u='))
    response.writeHead(302, { location: decodeURIComponent(path.slice(6)) }).end();
  else
    response.end(
      `ORIGIN:${vhost}\n${CANARIES.has(at) ? 'LISTENER:canary\n' : ''}PATH:${path}\n${authOf(request)}ECHO:${JSON.stringify(request.headers)}\n`,
    );
}

/** Headers back, compressed where that is asked for, or in base64. */
function repeat(request: http.IncomingMessage, response: http.ServerResponse): void {
  const text = JSON.stringify(request.headers);
  response.setHeader('x-echo', String(request.headers.authorization));
  if (request.url?.startsWith('/echo-base64') === true)
    response.end(Buffer.from(text).toString('base64'));
  else if (String(request.headers['accept-encoding']).includes('gzip'))
    response.setHeader('content-encoding', 'gzip').end(gzipSync(text));
  else response.end(text);
}

/** Whether the request has what only the host of the sandbox knows. */
function authOf({ headers }: http.IncomingMessage): string {
  const { authorization } = headers;
  if (authorization === undefined) return '';
  return authorization.startsWith(`Bearer ${['RSEC', '_'].join('')}app`)
    ? 'AUTH:real\n'
    : 'AUTH:other\n';
}

/** A WebSocket that says one thing: the path it was asked for, as a text frame (RFC 6455, 5.2). */
function greetSocket(request: http.IncomingMessage, socket: Duplex): void {
  const text = Buffer.from(`WS:${request.url?.slice(0, 100)}`);
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash('sha1').update(key).digest('base64');
  socket.on('error', () => socket.destroy());
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.end(Buffer.concat([Buffer.from([0x81, text.length]), text]));
}

function download(response: http.ServerResponse): void {
  let left = DOWNLOAD.blocks;
  const push = (): void => {
    while (left > 0) {
      left -= 1;
      if (!response.write(DOWNLOAD.block)) {
        response.once('drain', push);
        return;
      }
    }
    response.end();
  };
  push();
}

function digestOfDownload(): string {
  const hash = createHash('sha256');
  for (let i = 0; i < DOWNLOAD.blocks; i += 1) hash.update(DOWNLOAD.block);
  return hash.digest('hex');
}

function localAddress(socket: net.Socket): string {
  return (socket.localAddress ?? '').replace(/^::ffff:/, '');
}
