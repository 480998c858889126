// What a hostile guest, or a hostile server, cannot make the host do on an inspected connection.

import http2 from 'node:http2';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';

import { createCertificate } from '../../support/certificate.ts';
import { waitFor } from '../../support/egress-rig.ts';
import { HOST, createHttpRig } from '../../support/http-rig.ts';
import type { HttpRig, HttpRigOptions } from '../../support/http-rig.ts';
import { captureHello, hello } from '../../support/tls.ts';

let rig: HttpRig;

async function start(options: HttpRigOptions = {}): Promise<void> {
  rig = await createHttpRig(options);
}

afterEach(async () => {
  await rig.close();
  expect(rig.faults).toEqual([]);
});

const H = `Host: ${HOST}`;
const GET = `GET /ok HTTP/1.1\r\n${H}\r\nConnection: close\r\n\r\n`;

describe('the first bytes', () => {
  it.each([
    ['SSH', 'SSH-2.0-x\r\n', 'something else'],
    ['HTTP/2 without TLS', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'without TLS'],
    ['zeros', '\0\0\0\0', 'something else'],
    ['an empty line', `\r\n${GET}`, 'something else'],
    ['a TLS hello for another name', hello('evil.test'), 'asks for "evil.test"'],
    ['an encrypted hello', hello(HOST, [[0xfe0d, Buffer.alloc(8)]]), 'encrypted (ECH)'],
  ])('end the connection when they are %s', async (_name, bytes, reason) => {
    await start();
    expect(await rig.exchangePlain(bytes)).toBe('');
    expect(rig.refused).toHaveLength(1);
    expect(rig.refused[0]).toContain(`connect ${HOST}:443`);
    expect(rig.refused[0]).toContain(reason);
    expect(rig.dialled()).toBe(0);
  });

  it('end the connection when TLS names no server', async () => {
    await start();
    const socket = await rig.connectTls({ servername: '' });
    expect(socket.destroyed).toBe(true);
    expect(rig.refused[0]).toContain('names no server');
  });

  it('may take only so long', async () => {
    await start({ limits: { headerTime: 60, keepAlive: 100 } });
    expect(await rig.exchangePlain(Buffer.from([22, 3]))).toBe('');
    expect(await rig.exchangePlain('GE')).toBe('');
    expect(await rig.exchangePlain('')).toBe('');
    expect(rig.refused).toHaveLength(3);
  });

  it('may take only so long to become TLS', async () => {
    await start({ limits: { handshakeTime: 80 } });
    const socket = await rig.connect();
    socket.write(await captureHello({ servername: HOST })); // and never a word of answer to the server's
    await new Promise((resolve) => socket.once('close', resolve).resume());
    expect(rig.outcomes).toEqual([
      { request: `connect ${HOST}:443`, facts: { end: 'handshake', error: 'ETIMEDOUT' } },
    ]);
  });

  it('leave a trace when the client does not believe the certificate', async () => {
    await start();
    await rig.connectTls({ ca: createCertificate(['other.test']).cert });
    await waitFor(() => rig.outcomes.length === 1);
    expect(rig.outcomes[0]).toMatchObject({
      request: `connect ${HOST}:443`,
      facts: { end: 'handshake' },
    });
  });
});

describe('time and size', () => {
  it('ends a request whose head comes too slowly', async () => {
    await start({ limits: { headerTime: 80 } });
    const socket = await rig.connectTls();
    socket.write('GET /ok HTTP/1.1\r\n');
    const drip = setInterval(() => socket.write('X: 1\r\n'), 20);
    await new Promise((resolve) => socket.once('close', resolve).resume());
    clearInterval(drip);
    expect(rig.refused[0]).toContain('did not become complete in time');
    expect(rig.judged).toEqual([]);
  });

  it('ends a connection on which nothing is asked any more, and no other', async () => {
    await start({ limits: { keepAlive: 150 } });
    const socket = await rig.connectTls();
    socket.on('data', () => undefined);
    socket.write(`GET /ok HTTP/1.1\r\n${H}\r\n\r\n`);
    await once(socket, 'data');
    await new Promise((resolve) => socket.once('close', resolve));
    expect(rig.outcomes).toHaveLength(1);
  });

  it('ends an upload that stands still', async () => {
    await start({ limits: { bodyIdle: 80 } });
    const text = await rig.exchange(`POST /ok HTTP/1.1\r\n${H}\r\nContent-Length: 10\r\n\r\nabc`);
    expect(text).toBe('');
    expect(rig.outcomes[0]?.facts).toMatchObject({ end: 'idle' });
  });

  it('ends an exchange that nobody goes on with', async () => {
    await start({ limits: { exchangeIdle: 80 }, origin: () => undefined });
    expect(await rig.exchange(GET)).toBe('');
    expect(rig.outcomes[0]?.facts).toMatchObject({ end: 'idle' });
  });

  it('reads only so much of a body that nobody wants', async () => {
    await start({ limits: { lingerBytes: 100_000, linger: 500 } });
    const socket = await rig.connectTls();
    socket.on('data', () => undefined);
    socket.write(`POST /no HTTP/1.1\r\n${H}\r\nTransfer-Encoding: chunked\r\n\r\n`);
    let sent = 0;
    const chunk = `2000\r\n${'x'.repeat(0x2000)}\r\n`;
    const flood = setInterval(() => {
      if (socket.writable && socket.writableLength < 65536) sent += socket.write(chunk) ? 1 : 1;
    }, 1);
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(flood);
    expect(sent).toBeGreaterThan(0);
    expect(rig.dialled()).toBe(0);
  });

  it('counts what goes out against the budget of the session', async () => {
    await start({ budget: 2000 });
    const text = await rig.exchange(
      Buffer.from(`POST /ok HTTP/1.1\r\n${H}\r\nContent-Length: 5000\r\n\r\n${'x'.repeat(5000)}`),
    );
    expect(text).toContain('limits.egress'.length > 0 ? 'may send no more' : '');
    expect(rig.refused[0]).toContain('egress-limit');
    await waitFor(() => rig.outcomes.length === 1);
    expect(rig.outcomes[0]?.facts).toMatchObject({ end: 'refused' });
  });
});

describe('many at once', () => {
  it('lets no more requests wait than the limit', async () => {
    await start({ limits: { requests: 10 }, origin: () => undefined });
    const text = await rig.exchange(`GET /ok HTTP/1.1\r\n${H}\r\n\r\n`.repeat(30));
    expect(text).toBe('');
    expect(rig.judged).toHaveLength(1);
    expect(rig.refused[0]).toContain('more than 10 requests wait');
  });

  it('may hold only so much of the memory of the session, all connections together', async () => {
    const long = `GET /ok HTTP/1.1\r\n${H}\r\nX-Long: ${'x'.repeat(9000)}\r\n\r\n`;
    await start({ held: 50_000, origin: () => undefined });
    const first = await rig.connectTls();
    first.write(long.repeat(4));
    await waitFor(() => rig.judged.length === 1);
    expect(await rig.exchange(long.repeat(4))).toBe('');
    expect(rig.refused).toEqual([expect.stringContaining('take too much memory')]);
    // What the first one held is free once it is gone.
    first.destroy();
    await waitFor(() => rig.originSockets.size === 0);
    const third = await rig.connectTls();
    third.write(long.repeat(4));
    await waitFor(() => rig.judged.length === 2);
    expect(rig.refused).toHaveLength(1);
    third.destroy();
  });

  it('may hold only so much over HTTP/2 as well, and what is answered holds nothing', async () => {
    await start({ held: 50_000 });
    const socket = await rig.connectTls({ ALPNProtocols: ['h2'] });
    const session = http2.connect(`https://${HOST}`, { createConnection: () => socket });
    session.on('error', () => undefined);
    const ask = (path: string): Promise<number> =>
      new Promise((resolve) => {
        const stream = session.request({ ':path': path, 'x-long': 'x'.repeat(9000) });
        stream.on('response', (headers) => resolve(Number(headers[':status'])));
        stream.on('error', () => resolve(0));
        stream.on('close', () => resolve(0));
        stream.resume();
      });
    for (let i = 0; i < 12; i++) expect(await ask('/ok')).toBe(200);
    expect(rig.refused).toEqual([]);
    await Promise.all(Array.from({ length: 12 }, () => ask('/ok')));
    expect(rig.refused).toEqual([expect.stringContaining('take too much memory')]);
  });

  it('ends a session that takes its requests back as fast as it makes them', async () => {
    await start({ limits: { resets: 20 }, origin: () => undefined });
    const socket = await rig.connectTls({ ALPNProtocols: ['h2'] });
    const session = http2.connect(`https://${HOST}`, { createConnection: () => socket });
    session.on('error', () => undefined);
    const timer = setInterval(() => {
      if (session.destroyed || session.closed) return;
      const stream = session.request({ ':path': '/ok' });
      stream.on('error', () => undefined);
      setTimeout(() => stream.close(http2.constants.NGHTTP2_CANCEL), 2);
    }, 1);
    await new Promise((resolve) => session.once('close', resolve));
    clearInterval(timer);
    expect(rig.refused.at(-1)).toContain('taken back');
    expect(rig.judged.length).toBeLessThan(100);
  });

  it('ends a session that never ends its header section', async () => {
    await start();
    const socket = await rig.connectTls({ ALPNProtocols: ['h2'] });
    const frame = (type: number, flags: number, stream: number, payload: Buffer): Buffer => {
      const head = Buffer.alloc(9);
      head.writeUIntBE(payload.length, 0, 3);
      head.writeUInt8(type, 3);
      head.writeUInt8(flags, 4);
      head.writeUInt32BE(stream, 5);
      return Buffer.concat([head, payload]);
    };
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    socket.write(frame(4, 0, 0, Buffer.alloc(0)));
    // :method GET, :scheme https, :path / of the static table; then continuations without end.
    socket.write(frame(1, 0, 1, Buffer.from([0x82, 0x87, 0x84])));
    const literal = Buffer.concat([Buffer.from([0, 1, 0x61, 100]), Buffer.alloc(100, 0x62)]);
    const flood = setInterval(() => {
      if (socket.writable) for (let i = 0; i < 20; i++) socket.write(frame(9, 0, 1, literal));
    }, 1);
    await new Promise((resolve) => socket.once('close', resolve).resume());
    clearInterval(flood);
    expect(rig.judged).toEqual([]);
    expect(rig.dialled()).toBe(0);
  });
});

describe('a server', () => {
  const yesterday = { notBefore: new Date('2020-01-01'), notAfter: new Date('2020-02-01') };

  it.each([
    ['of another name', () => ({ certificate: createCertificate(['other.test']) })],
    ['whose certificate expired', () => ({ certificate: createCertificate([HOST], yesterday) })],
    ['that nobody vouches for', () => ({ trust: [createCertificate(['ca.test']).cert] })],
  ])('%s gets no byte of a request', async (_name, options) => {
    let received = 0;
    await start({ ...options(), origin: () => (received += 1) as never });
    const text = await rig.exchange(GET);
    expect(text).toMatch(/^HTTP\/1\.1 502 /);
    expect(text).toContain('certificate');
    expect(text).not.toContain('other.test');
    expect(text).not.toContain('x-agent-sandbox-rule');
    expect(received).toBe(0);
    expect(rig.reached).toEqual([]);
    expect(rig.outcomes[0]?.facts).toMatchObject({ end: 'failed', status: 502 });
    const socket = await rig.connectTls({ ALPNProtocols: ['h2'] });
    const session = http2.connect(`https://${HOST}`, { createConnection: () => socket });
    const [headers] = (await once(session.request({ ':path': '/ok' }), 'response')) as [
      http2.IncomingHttpHeaders,
    ];
    expect(headers[':status']).toBe(502);
    expect(rig.reached).toEqual([]);
    session.destroy();
  });

  it.each([
    ['says nothing sensible', 'nonsense\r\n\r\n'],
    [
      'answers with two lengths',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    ],
    [
      'answers with length and coding',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['answers with a head without end', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(100_000)}`],
    ['closes without an answer', ''],
    [
      'switches protocols unasked',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
    ],
  ])('that %s is answered for with 502', async (_name, bytes) => {
    await start({
      port: 80,
      rawOrigin: (socket) => void socket.once('data', () => socket.end(bytes)),
    });
    const text = await rig.exchangePlain(GET);
    expect(text).toMatch(/^HTTP\/1\.1 502 /);
    expect(text).not.toContain('nonsense');
    expect(rig.outcomes).toHaveLength(1);
  });

  it('cannot put a second answer behind the first', async () => {
    await start({
      port: 80,
      rawOrigin: (socket) =>
        void socket.on('data', () =>
          socket.write(
            'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
          ),
        ),
    });
    const get = `GET /ok HTTP/1.1\r\n${H}\r\n\r\n`;
    const text = await rig.exchangePlain(
      get + get.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'),
    );
    expect(text).not.toContain('evil');
  });
});
