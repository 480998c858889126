// What passes beside the bodies: trailers, interim answers, frames about the connection. Each is counted and bounded, too.

import { once } from 'node:events';
import http2 from 'node:http2';
import { afterEach, describe, expect, it } from 'vitest';

import { waitFor } from '../../support/egress-rig.ts';
import { HOST, createHttpRig } from '../../support/http-rig.ts';
import type { HttpRig } from '../../support/http-rig.ts';

let rig: HttpRig;
afterEach(async () => {
  await rig.close();
  expect(rig.faults).toEqual([]);
});

const H = `Host: ${HOST}`;

describe('trailers of a request', () => {
  const withTrailer = (bytes: number): string =>
    `POST /ok HTTP/1.1\r\n${H}\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n` +
    `2\r\nhi\r\n0\r\nX-Sum: ${'a'.repeat(bytes)}\r\n\r\n`;

  it('count among the bytes sent out', async () => {
    rig = await createHttpRig();
    expect(await rig.exchange(withTrailer(5000))).toContain('"x-sum":"aaa');
    expect(rig.outcomes[0]?.facts['bytesOut']).toBeGreaterThan(5000);
  });

  it('do not say what the headers may not', async () => {
    rig = await createHttpRig();
    const odd = ['X-HTTP-Method-Override', 'x_http_method', 'X-Original-URL', 'X-Kept'];
    const lines = odd.map((name) => `${name}: DELETE\r\n`).join('');
    const text = await rig.exchange(withTrailer(1).replace('X-Sum', `${lines}X-Sum`));
    expect(text).toContain('"trailers":{"x-kept":"DELETE","x-sum":"a"}');
  });

  it('are not sent where the session may send no more', async () => {
    rig = await createHttpRig({ budget: 1000 });
    const text = await rig.exchange(withTrailer(5000));
    expect(text).not.toContain('HTTP/1.1 200');
    expect(rig.bytesAtOrigin()).toBeLessThan(5000);
    expect(rig.refused).toEqual([expect.stringContaining('egress-limit')]);
  });
});

describe('interim answers', () => {
  const hint = `HTTP/1.1 103 Early Hints\r\nLink: </${'a'.repeat(1000)}>; rel=preload\r\n\r\n`;
  const COUNT = 500;

  it.each(['http/1.1', 'h2'])(
    'of a server without end are not kept for a client of %s',
    async (alpn) => {
      rig = await createHttpRig({
        alpn: ['http/1.1'],
        rawTlsOrigin: (socket) =>
          void socket.once('data', () => {
            socket.write(hint.repeat(COUNT));
            socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
          }),
      });
      let hints = 0;
      if (alpn === 'h2') {
        const socket = await rig.connectTls({ ALPNProtocols: ['h2'] });
        const session = http2.connect(`https://${HOST}`, { createConnection: () => socket });
        const stream = session.request({ ':path': '/ok' });
        stream.on('headers', () => (hints += 1));
        const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
        expect(headers[':status']).toBe(200);
        session.destroy();
      } else {
        const text = await rig.exchange(`GET /ok HTTP/1.1\r\n${H}\r\nConnection: close\r\n\r\n`);
        hints = text.split('HTTP/1.1 103').length - 1;
        expect(text).toMatch(/HTTP\/1\.1 200 OK\r\n[^]*ok$/);
      }
      expect(hints).toBeGreaterThan(0);
      expect(hints).toBeLessThan(COUNT / 10);
    },
  );
});

it('a server that lists names for its connection without end loses it', async () => {
  let origins = 0;
  rig = await createHttpRig({
    origin: (request) => {
      const { stream } = request as unknown as http2.Http2ServerRequest;
      const session = stream.session as http2.ServerHttp2Session;
      session.on('close', () => (origins = -origins));
      const flood = (): void => {
        if (session.destroyed || origins > 100_000) return;
        const names = Array.from({ length: 200 }, () => `https://n${(origins += 1)}.test`);
        session.origin(...names);
        setTimeout(flood, 1);
      };
      flood();
    },
  });
  const socket = await rig.connectTls({ ALPNProtocols: ['h2'] });
  const session = http2.connect(`https://${HOST}`, { createConnection: () => socket });
  const [headers] = (await once(session.request({ ':path': '/ok' }), 'response')) as [
    http2.IncomingHttpHeaders,
  ];
  expect(headers[':status']).toBe(502);
  await waitFor(() => origins < 0);
  expect(-origins).toBeLessThan(10_000);
  session.destroy();
});

it('a request of HTTP/2 whose length and end do not agree reaches no server', async () => {
  rig = await createHttpRig({ alpn: ['http/1.1'] });
  const socket = await rig.connectTls({ ALPNProtocols: ['h2'] });
  const session = http2.connect(`https://${HOST}`, { createConnection: () => socket });
  const stream = session.request(
    { ':method': 'POST', ':path': '/ok', 'content-length': '5' },
    { endStream: true },
  );
  stream.on('error', () => undefined);
  await new Promise((resolve) => stream.once('close', resolve).resume());
  expect(rig.reached).toEqual([]);
  expect(rig.bytesAtOrigin()).toBe(0);
  session.destroy();
});
