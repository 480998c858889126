// Bodies, trailers, interim answers and switches of protocol, each as a client and a server would do them.

import { once } from 'node:events';
import type http from 'node:http';
import http2 from 'node:http2';
import { afterEach, describe, expect, it } from 'vitest';

import { waitFor } from '../../support/egress-rig.ts';
import { HOST, createHttpRig } from '../../support/http-rig.ts';
import type { HttpRig, HttpRigOptions } from '../../support/http-rig.ts';

let rig: HttpRig;

async function start(options: HttpRigOptions = {}): Promise<void> {
  rig = await createHttpRig(options);
}

afterEach(async () => {
  await rig.close();
  expect(rig.faults).toEqual([]);
});

const H = `Host: ${HOST}`;

async function openSession(): Promise<http2.ClientHttp2Session> {
  const socket = await rig.connectTls({ ALPNProtocols: ['h2'] });
  const session = http2.connect(`https://${HOST}`, { createConnection: () => socket });
  session.on('error', () => undefined);
  return session;
}

interface H2Answer {
  headers: http2.IncomingHttpHeaders;
  body: Buffer;
  trailers: http2.IncomingHttpHeaders;
  rstCode: number | undefined;
}

async function collect(stream: http2.ClientHttp2Stream): Promise<H2Answer> {
  const answer: H2Answer = { headers: {}, body: Buffer.alloc(0), trailers: {}, rstCode: 0 };
  const chunks: Buffer[] = [];
  stream.on('response', (headers: http2.IncomingHttpHeaders) => (answer.headers = headers));
  stream.on('trailers', (trailers: http2.IncomingHttpHeaders) => (answer.trailers = trailers));
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', () => undefined);
  await new Promise((resolve) => stream.once('close', resolve));
  const { rstCode } = stream as { rstCode: number | undefined };
  return { ...answer, body: Buffer.concat(chunks), rstCode };
}

describe.each([['h2'], ['http/1.1']])('to an origin that speaks %s', (version) => {
  const alpn = version === 'h2' ? ['h2', 'http/1.1'] : ['http/1.1'];

  it.each([['Content-Length: 5'], ['Transfer-Encoding: chunked']])(
    'sends a body with %s',
    async (framing) => {
      await start({ alpn });
      const body = framing.includes('chunked') ? '2\r\nab\r\n3;x=y\r\ncde\r\n0\r\n\r\n' : 'abcde';
      const text = await rig.exchange(
        `POST /ok HTTP/1.1\r\n${H}\r\n${framing}\r\nConnection: close\r\n\r\n${body}`,
      );
      expect(text).toContain('"length":5');
      expect(rig.outcomes[0]?.facts).toMatchObject({ status: 200, end: 'closed' });
    },
  );

  it('carries bodies and trailers of HTTP/2 both ways', async () => {
    await start({
      alpn,
      origin: (request, response) => {
        request.resume();
        request.on('end', () => {
          const { 'x-sum': sum } = request.trailers;
          response.writeHead(200, { trailer: 'x-answer' });
          response.write('hello');
          response.addTrailers({ 'x-answer': String(sum) });
          response.end();
        });
      },
    });
    const session = await openSession();
    const stream = session.request(
      { ':method': 'POST', ':path': '/ok' },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42' }));
    const answer = collect(stream);
    stream.write('abc');
    stream.end('def');
    expect(await answer).toMatchObject({ trailers: { 'x-answer': '42' } });
    expect((await answer).body.toString()).toBe('hello');
    session.destroy();
  });

  it('carries a gRPC-shaped call: streams both ways at once, status in the trailers', async () => {
    await start({
      alpn,
      origin: (request, response) => {
        response.writeHead(200, { 'content-type': 'application/grpc', trailer: 'grpc-status' });
        request.on('data', (chunk: Buffer) => response.write(chunk));
        request.on('end', () => {
          response.addTrailers({ 'grpc-status': '0' });
          response.end();
        });
      },
    });
    const session = await openSession();
    const stream = session.request({
      ':method': 'POST',
      ':path': '/ok.Service/Echo',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const answer = collect(stream);
    for (const message of ['one', 'two']) {
      stream.write(message);
      const [chunk] = (await once(stream, 'data')) as [Buffer];
      expect(chunk.toString()).toBe(message);
    }
    stream.end();
    expect((await answer).trailers['grpc-status']).toBe('0');
    session.destroy();
  });

  it('passes on each event of a stream when it comes', async () => {
    let send: ((text: string) => void) | undefined;
    await start({
      alpn,
      origin: (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        (response as http.ServerResponse).flushHeaders();
        send = (text) => response.write(text);
      },
    });
    const session = await openSession();
    const stream = session.request({ ':path': '/ok' });
    stream.on('error', () => undefined);
    await once(stream, 'response');
    for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
      send?.(event);
      expect(String((await once(stream, 'data'))[0])).toBe(event);
    }
    session.destroy();
    await waitFor(() => rig.outcomes.length === 1);
    expect(rig.outcomes[0]?.facts).toMatchObject({ end: 'reset', status: 200, bytesIn: 18 });
  });

  it.each([
    ['HEAD', 200, { 'content-length': '77' }],
    ['GET', 204, {}],
    ['GET', 304, { etag: '"x"' }],
  ])('answers %s with %d and no body, and goes on', async (method, status, headers) => {
    await start({
      alpn,
      origin: (_request, response) => {
        response.writeHead(status, headers);
        response.end();
      },
    });
    const text = await rig.exchange(
      `${method} /ok HTTP/1.1\r\n${H}\r\n\r\n${method} /ok HTTP/1.1\r\n${H}\r\nConnection: close\r\n\r\n`,
    );
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual([`HTTP/1.1 ${status}`, `HTTP/1.1 ${status}`]);
    if (method === 'HEAD') expect(text).toContain('content-length: 77');
    expect(text.endsWith('\r\n\r\n')).toBe(true);
    const session = await openSession();
    expect(
      (await collect(session.request({ ':method': method, ':path': '/ok' }))).headers[':status'],
    ).toBe(status);
    session.destroy();
  });

  it('lets a client wait for 100-continue', async () => {
    await start({
      alpn,
      origin: (request, response) => {
        response.writeContinue();
        request.resume();
        request.on('end', () => response.end('done'));
      },
    });
    const socket = await rig.connectTls();
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.write(
      `PUT /ok HTTP/1.1\r\n${H}\r\nExpect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n\r\n`,
    );
    await waitFor(() => text.includes('100 Continue'));
    socket.write('abc');
    await once(socket, 'end');
    expect(text).toContain('done');
  });

  it('answers a denied upload at once, without asking for its body', async () => {
    await start({ alpn });
    const text = await rig.exchange(
      `PUT /no HTTP/1.1\r\n${H}\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n`,
    );
    expect(text).toMatch(/^HTTP\/1\.1 403 /);
    expect(text).not.toContain('100 Continue');
    expect(text.toLowerCase()).toContain('connection: close');
    expect(rig.dialled()).toBe(0);
  });

  it('resets the answer when the server breaks off in the middle of it', async () => {
    await start({
      alpn,
      origin: (_request, response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('half', () => {
          const stream = (response as unknown as { stream?: http2.ServerHttp2Stream }).stream;
          if (stream) stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
          else response.destroy();
        });
      },
    });
    const session = await openSession();
    const answer = await collect(session.request({ ':path': '/ok' }));
    expect(answer.rstCode).not.toBe(0);
    session.destroy();
    expect(rig.outcomes[0]?.facts).toMatchObject({ end: 'failed', status: 200 });
  });

  it('does not make a whole answer of one that is cut off', async () => {
    await start({
      alpn,
      origin: (_request, response) => {
        response.writeHead(200);
        response.write('half', () => {
          for (const socket of rig.originSockets) setTimeout(() => socket.destroy(), 20);
        });
      },
    });
    const text = await rig.exchange(`GET /ok HTTP/1.1\r\n${H}\r\nConnection: close\r\n\r\n`);
    expect(text).not.toContain('\r\n0\r\n');
    const session = await openSession();
    expect((await collect(session.request({ ':path': '/ok' }))).rstCode).not.toBe(0);
    session.destroy();
    expect(rig.outcomes.map(({ facts }) => facts['end'])).toEqual(['failed', 'failed']);
  });

  it('tells the server when the guest gives up', async () => {
    let closed = false;
    await start({
      alpn,
      origin: (request, response) => {
        request.on('close', () => (closed = true));
        response.writeHead(200);
        response.write('x');
      },
    });
    const socket = await rig.connectTls();
    socket.write(`GET /ok HTTP/1.1\r\n${H}\r\n\r\n`);
    await once(socket, 'data');
    socket.destroy();
    await waitFor(() => closed && rig.outcomes.length === 1);
    expect(rig.outcomes[0]?.facts).toMatchObject({ end: 'reset' });
  });

  it('holds little when nobody reads: backpressure reaches the server', async () => {
    let written = 0;
    await start({
      alpn,
      origin: (_request, response) => {
        response.writeHead(200);
        const chunk = Buffer.alloc(65536);
        const more = (): void => {
          while (written < 64 * 2 ** 20) {
            written += chunk.length;
            if (!response.write(chunk)) return void response.once('drain', more);
          }
          response.end();
        };
        more();
      },
    });
    const socket = await rig.connectTls();
    socket.pause();
    socket.write(`GET /ok HTTP/1.1\r\n${H}\r\nConnection: close\r\n\r\n`);
    let before = -1;
    while (before !== written || written === 0) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(written).toBeLessThan(32 * 2 ** 20);
    let read = 0;
    socket.on('data', (chunk: Buffer) => (read += chunk.length));
    socket.resume();
    await once(socket, 'end');
    expect(read).toBeGreaterThan(64 * 2 ** 20);
  });

  it('does not make a whole upload of one that the guest breaks off', async () => {
    let end = '';
    await start({
      alpn,
      origin: (request) => {
        request.resume();
        request.on('end', () => (end ||= 'whole'));
        request.on('aborted', () => (end ||= 'aborted'));
        request.on('error', () => (end ||= 'aborted'));
        request.on('close', () => (end ||= 'aborted'));
      },
    });
    const socket = await rig.connectTls({ ALPNProtocols: ['h2'] });
    const session = http2.connect(`https://${HOST}`, { createConnection: () => socket });
    session.on('error', () => undefined);
    const stream = session.request({ ':method': 'POST', ':path': '/ok' });
    stream.on('error', () => undefined);
    stream.write('half of it');
    await waitFor(() => rig.reached.length === 1);
    socket.destroy();
    await waitFor(() => end !== '' && rig.outcomes.length === 1);
    expect(end).toBe('aborted');
    session.destroy();
  });

  it('sends much, to a server that reads slowly', async () => {
    const size = 8 * 2 ** 20;
    await start({
      alpn,
      origin: (request, response) => {
        let length = 0;
        request.on('data', (chunk: Buffer) => {
          length += chunk.length;
          request.pause();
          setImmediate(() => request.resume());
        });
        request.on('end', () => response.end(String(length)));
      },
    });
    const session = await openSession();
    const stream = session.request({ ':method': 'POST', ':path': '/ok', 'content-length': size });
    const answer = collect(stream);
    stream.end(Buffer.alloc(size));
    expect((await answer).body.toString()).toBe(String(size));
    session.destroy();
    const facts = rig.outcomes[0]?.facts;
    expect(Number(facts?.['bytesOut'])).toBeGreaterThanOrEqual(size);
  });
});

describe('a WebSocket', () => {
  const upgrade = (path: string): string =>
    `GET ${path} HTTP/1.1\r\n${H}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n`;

  it('is judged as GET, then passes both ways', async () => {
    await start();
    const socket = await rig.connectTls();
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    // The client does not wait for the answer: its bytes must not be lost meanwhile.
    socket.write(`${upgrade('/ok/socket')}early `);
    await waitFor(() => text.includes('hello'));
    expect(text).toMatch(/^HTTP\/1\.1 101 /);
    expect(text.toLowerCase()).toContain('upgrade: websocket');
    socket.write('frame');
    await waitFor(() => text.endsWith('early frame') || text.endsWith('frame'));
    expect(text).toContain('early ');
    socket.end();
    await waitFor(() => rig.outcomes.length === 1);
    expect(rig.judged).toEqual([`allow GET https://${HOST}/ok/socket`]);
    expect(rig.outcomes[0]?.facts).toMatchObject({ status: 101 });
  });

  it('ends when no bytes are left to spend, over TLS as well', async () => {
    await start({ budget: 2000 });
    const socket = await rig.connectTls();
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.write(upgrade('/ok/socket'));
    await waitFor(() => text.includes('hello'));
    socket.write('x'.repeat(3000));
    await waitFor(() => rig.outcomes.length === 1);
    expect(rig.outcomes[0]?.facts).toMatchObject({ end: 'refused', status: 101 });
    expect(rig.refused[0]).toContain('egress-limit');
    await waitFor(() => rig.originSockets.size === 0);
  });

  it('is denied with 403', async () => {
    await start();
    const text = await rig.exchange(upgrade('/no'));
    expect(text).toMatch(/^HTTP\/1\.1 403 /);
    expect(rig.dialled()).toBe(0);
  });

  it("gets the server's own answer when it does not switch", async () => {
    await start({
      rawOrigin: (socket) =>
        void socket.once('data', () =>
          socket.end('HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno'),
        ),
      port: 80,
    });
    const text = await rig.exchangePlain(upgrade('/ok'));
    expect(text).toMatch(/^HTTP\/1\.1 426 /);
    expect(text.endsWith('no')).toBe(true);
  });

  it('is the only upgrade: another one is an ordinary request', async () => {
    await start({ port: 80 });
    const text = await rig.exchangePlain(
      `GET /ok HTTP/1.1\r\n${H}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n`,
    );
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(text).not.toContain('h2c');
    expect(rig.judged).toEqual([`allow GET http://${HOST}/ok`]);
  });
});

describe('a denial', () => {
  it('is JSON for who prefers it', async () => {
    await start();
    const text = await rig.exchange(
      `GET /no HTTP/1.1\r\n${H}\r\nAccept: text/html;q=0.5, application/json\r\nConnection: close\r\n\r\n`,
    );
    const body = JSON.parse(text.slice(text.indexOf('\r\n\r\n'))) as Record<string, unknown>;
    expect(body).toMatchObject({
      request: `GET https://${HOST}/no`,
      rule: 'repo/test',
      place: 'policy.yml:7',
      reason: 'because',
    });
    expect(body['edit']).toContain('policy.yml');
  });

  it('is a status in the head for gRPC', async () => {
    await start();
    const session = await openSession();
    const stream = session.request({
      ':method': 'POST',
      ':path': '/no',
      'content-type': 'application/grpc+proto',
      te: 'trailers',
    });
    const { headers, body } = await collect(stream);
    expect(headers[':status']).toBe(200);
    expect(headers['grpc-status']).toBe('7');
    expect(headers['content-type']).toBe('application/grpc+proto');
    expect(decodeURIComponent(String(headers['grpc-message']))).toContain('denied');
    expect(body).toHaveLength(0);
    session.destroy();
  });

  it('of a large upload does not cost the connection, and its body goes nowhere', async () => {
    await start();
    const text = await rig.exchange(
      Buffer.concat([
        Buffer.from(`POST /no HTTP/1.1\r\n${H}\r\nContent-Length: 200000\r\n\r\n`),
        Buffer.alloc(200_000, 'x'),
        Buffer.from(`GET /ok HTTP/1.1\r\n${H}\r\nConnection: close\r\n\r\n`),
      ]),
    );
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 403', 'HTTP/1.1 200']);
    expect(rig.reached).toEqual(['GET /ok']);
  });
});
