// A way through an HTTP proxy: CONNECT (RFC 9110 §9.3.6), with Basic credentials where the setting has some.
// Invariant: of what the proxy says, only its status is believed and shown; credentials go to the proxy alone.

import type { Socket } from 'node:net';

import { SandboxError, errnoOf } from '../../../model/error.ts';
import { http } from '../http/node.ts';
import type { UpstreamProxy } from './setting.ts';

/** bytes of the head of its answer */
const MAX_HEAD = 16 * 1024;

/** Makes `socket`, connected to the proxy, one to `host:port`. The caller bounds the time by destroying it. */
export function openHttpTunnel(
  socket: Socket,
  { credentials }: Pick<UpstreamProxy, 'credentials'>,
  { host, port }: { host: string; port: number },
): Promise<void> {
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const headers: Record<string, string> = { host: authority };
  if (credentials !== undefined) {
    const pair = Buffer.from(`${credentials.user}:${credentials.password}`);
    headers['proxy-authorization'] = `Basic ${pair.toString('base64')}`;
  }
  return new Promise((resolve, reject) => {
    const request = http.request({
      method: 'CONNECT',
      path: authority,
      headers,
      setHost: false,
      createConnection: () => socket,
      maxHeaderSize: MAX_HEAD,
      insecureHTTPParser: false,
    });
    let isOpen = false;
    const fail = (what: string): void => {
      if (isOpen) return;
      request.destroy();
      socket.destroy();
      reject(failure(what));
    };
    request.on('connect', (response, _socket, head: Buffer) => {
      const status = response.statusCode ?? 0;
      if (status < 200 || status > 299) {
        fail(
          status === 407
            ? 'the proxy asks for other credentials (407)'
            : `the proxy answered ${status}`,
        );
        return;
      }
      isOpen = true;
      if (head.length > 0) socket.unshift(head);
      resolve();
    });
    request.on('error', (error) =>
      fail(`the proxy gave no answer to CONNECT (${errnoOf(error) ?? 'unknown'})`),
    );
    // An answer to anything but CONNECT comes as a response, which this is not.
    request.on('response', () => fail('the proxy answered with a response'));
    request.on('close', () => fail('the proxy hung up'));
    request.end();
  });
}

function failure(message: string): SandboxError {
  return new SandboxError({ kind: 'upstream', code: 'EGRESS_PROXY', message });
}
