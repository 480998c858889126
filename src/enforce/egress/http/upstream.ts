// Where the requests of one guest connection go: to the one server it was decided for, in the version both speak.
// Invariant: over https no byte of a request leaves before the server's certificate was verified for the decided host.

import type net from 'node:net';
import type { SecureContext, TLSSocket } from 'node:tls';

import { SandboxError } from '../../../model/error.ts';
import type { Site, Upstream } from './message.ts';
import { tls } from './node.ts';
import { createUpstreamH1 } from './upstream-h1.ts';
import { createUpstreamH2 } from './upstream-h2.ts';
import type { UpstreamH2 } from './upstream-h2.ts';

export interface UpstreamOptions {
  site: Site;
  /** Connects to a checked address of the site. */
  dial: () => Promise<net.Socket>;
  /** whose certificates are believed */
  trust: () => SecureContext;
  /** whether the guest speaks HTTP/2, so that the server may */
  mayH2: boolean;
  /** milliseconds for a TLS handshake */
  handshake: number;
}

export function createUpstream(options: UpstreamOptions): Upstream {
  const { site } = options;
  let isClosed = false;
  const sockets = new Set<net.Socket>();
  let first: Promise<TLSSocket> | undefined;
  let h2: UpstreamH2 | undefined;

  async function connect(alpn: string[]): Promise<net.Socket> {
    const socket = await options.dial();
    // A server that has ended its side takes no more requests.
    socket.allowHalfOpen = false;
    const ready = site.scheme === 'https' ? await secure(socket, alpn, options) : socket;
    if (isClosed) {
      ready.destroy();
      throw failure('the connection was given up');
    }
    sockets.add(ready);
    ready.once('close', () => sockets.delete(ready));
    ready.on('error', () => undefined);
    return ready;
  }

  // The connection that found out which version the server speaks is the first one used.
  let spare: net.Socket | undefined;
  const h1 = createUpstreamH1({
    site,
    connect: async () => {
      const ready = spare;
      spare = undefined;
      return ready === undefined || ready.destroyed ? connect(['http/1.1']) : ready;
    },
  });
  let isH1Only = !options.mayH2 || site.scheme === 'http';

  async function choose(): Promise<Upstream> {
    if (isH1Only) return h1;
    if (h2?.isOpen()) return h2;
    first ??= connect(['h2', 'http/1.1']).finally(() => {
      first = undefined;
    }) as Promise<TLSSocket>;
    const socket = await first;
    if (isH1Only) return h1;
    if (h2?.isOpen()) return h2;
    if (socket.alpnProtocol === 'h2') {
      h2 = createUpstreamH2(site, socket);
      return h2;
    }
    isH1Only = true;
    spare = socket;
    return h1;
  }

  return {
    async send(head, answer) {
      const upstream = await choose();
      return upstream.send(head, answer);
    },
    close() {
      isClosed = true;
      h1.close();
      h2?.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function secure(
  socket: net.Socket,
  alpn: string[],
  { site, trust, handshake }: UpstreamOptions,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secured = tls.connect({
      socket,
      host: site.host,
      ...(site.isName && { servername: site.host }),
      secureContext: trust(),
      ALPNProtocols: alpn,
      rejectUnauthorized: true,
    });
    const fail = (error: Error): void => {
      clearTimeout(timer);
      secured.destroy();
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(failure('the TLS handshake took too long')), handshake);
    secured.once('secureConnect', () => {
      clearTimeout(timer);
      secured.off('error', fail);
      resolve(secured);
    });
    secured.once('error', fail);
    secured.once('close', () => fail(failure('the TLS handshake was cut off')));
  });
}

function failure(message: string): SandboxError {
  return new SandboxError({ kind: 'upstream', code: 'EGRESS_UPSTREAM', message });
}
