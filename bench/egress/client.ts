// A client that costs little: it reads no more of an answer than its status and where it ends.

import http2 from 'node:http2';
import net from 'node:net';
import tls from 'node:tls';

export interface Route {
  /** port on the loopback: of a proxy that takes CONNECT, or of the origin */
  port: number;
  isProxy: boolean;
  /** the origin's name, as this way in must call it */
  host: string;
  originPort: number;
  /** who is believed */
  trust: tls.SecureContext;
  protocol: 'h1' | 'h2';
}

export interface Client {
  /** Bytes of the body; rejects unless the status is 200. */
  get(path: string): Promise<number>;
  close(): void;
}

const TIMEOUT_MS = 60_000;

export async function openClient(route: Route): Promise<Client> {
  const raw = await connect(route);
  const authority = `${route.host}:${route.originPort}`;
  const socket = await new Promise<tls.TLSSocket>((resolve, reject) => {
    const secured = tls.connect({
      socket: raw,
      servername: route.host,
      secureContext: route.trust,
      ALPNProtocols: [route.protocol === 'h2' ? 'h2' : 'http/1.1'],
    });
    secured.once('secureConnect', () => resolve(secured));
    secured.once('error', reject);
    secured.once('close', () => reject(new Error('closed in the handshake')));
  });
  if (route.protocol === 'h2' && socket.alpnProtocol !== 'h2') throw new Error('no HTTP/2');
  return route.protocol === 'h2' ? createH2(socket, authority) : createH1(socket, authority);
}

function connect({ port, isProxy, host, originPort }: Route): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      if (!isProxy) {
        resolve(socket);
        return;
      }
      const authority = `${host}:${originPort}`;
      socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
      let text = '';
      const onData = (chunk: Buffer): void => {
        text += chunk.toString('latin1');
        if (!text.includes('\r\n\r\n')) return;
        socket.off('data', onData);
        if (/^HTTP\/1\.[01] 200 /.test(text)) resolve(socket);
        else reject(new Error(text.slice(0, 200)));
      };
      socket.on('data', onData);
      socket.once('close', () => reject(new Error('closed at CONNECT')));
    });
  });
}

function createH1(socket: tls.TLSSocket, authority: string): Client {
  let settle: { resolve: (bytes: number) => void; reject: (error: Error) => void } | undefined;
  let head = '';
  let length = 0;
  let left = -1;
  const fail = (error: Error): void => {
    settle?.reject(error);
    settle = undefined;
  };
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('no answer')));
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('closed')));
  socket.on('data', (chunk: Buffer) => {
    if (left < 0) {
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const declared = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
      if (!head.startsWith('HTTP/1.1 200 ') || declared === undefined)
        return fail(new Error(head.slice(0, 300)));
      length = Number(declared);
      left = length - (head.length - end - 4);
    } else left -= chunk.length;
    if (left > 0) return;
    if (left < 0) return fail(new Error('more than one answer'));
    left = -1;
    head = '';
    const done = settle;
    settle = undefined;
    done?.resolve(length);
  });
  return {
    get: (path) =>
      new Promise((resolve, reject) => {
        if (socket.destroyed) return reject(new Error('closed'));
        settle = { resolve, reject };
        socket.write(
          `GET ${path} HTTP/1.1\r\nHost: ${authority}\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n`,
        );
      }),
    close: () => socket.destroy(),
  };
}

function createH2(socket: tls.TLSSocket, authority: string): Client {
  const session = http2.connect(`https://${authority}`, { createConnection: () => socket });
  session.on('error', () => undefined);
  return {
    get: (path) =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ':path': path, 'user-agent': 'bench' });
        let bytes = 0;
        let status: number | undefined;
        stream.on('response', (headers) => (status = headers[':status']));
        stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
        stream.on('error', reject);
        stream.on('close', () =>
          status === 200 ? resolve(bytes) : reject(new Error(`status ${status}`)),
        );
      }),
    close: () => session.destroy(),
  };
}
