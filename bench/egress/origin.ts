// The server behind every proxy of the bench: TLS, HTTP/1.1 by hand and HTTP/2 by Node, as cheap as it can be so that it is
// never what is measured. `node bench-egress-origin.js CERT KEY [ADDRESS PORT]` prints its port. `/bytes/N`: N bytes; all else: 1 KiB.

import { readFileSync } from 'node:fs';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';

const BODY = Buffer.alloc(1024, 'a');
const CHUNK = Buffer.alloc(64 * 1024, 'b');
const SMALL = Buffer.concat([head(BODY.length), BODY]);

function head(length: number): Buffer {
  return Buffer.from(
    `HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: ${length}\r\n\r\n`,
  );
}

function serveH1(socket: tls.TLSSocket): void {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
      const bytes = /^GET \/bytes\/(\d+)/.exec(text)?.[1];
      text = text.slice(end + 4);
      if (bytes === undefined) socket.write(SMALL);
      else sendBytes(socket, Number(bytes));
    }
  });
}

function sendBytes(socket: tls.TLSSocket, length: number): void {
  let left = length;
  socket.write(head(length));
  const more = (): void => {
    while (left > 0) {
      const size = Math.min(left, CHUNK.length);
      left -= size;
      if (socket.write(size === CHUNK.length ? CHUNK : CHUNK.subarray(0, size))) continue;
      socket.once('drain', more);
      return;
    }
  };
  more();
}

function serveH2(socket: tls.TLSSocket): void {
  const session = http2.performServerHandshake(socket, {
    settings: { maxConcurrentStreams: 1000 },
  });
  session.on('error', () => undefined);
  session.on('stream', (stream) => {
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200, 'content-length': BODY.length });
    stream.end(BODY);
  });
}

const [cert = '', key = '', address = '127.0.0.1', port = '0'] = process.argv.slice(2);
const server = tls.createServer({
  cert: readFileSync(cert),
  key: readFileSync(key),
  ALPNProtocols: ['h2', 'http/1.1'],
});
server.on('secureConnection', (socket) => {
  socket.on('error', () => undefined);
  socket.setNoDelay(true);
  if (socket.alpnProtocol === 'h2') serveH2(socket);
  else serveH1(socket);
});
server.on('tlsClientError', () => undefined);
server.listen(Number(port), address, 2048, () => {
  const { port: given } = server.address() as AddressInfo;
  process.stdout.write(`${given}\n`);
});
// Dies with the bench.
process.stdin.on('end', () => process.exit()).resume();
