import { type Server, createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import {
  type AddressInfo,
  type Server as TcpServer,
  type Socket,
  createServer as createTcp,
} from 'node:net';
import { createSecureContext } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';

import { createHttpClient } from '../../src/provider/http.ts';
import { createCertificate } from '../support/certificate.ts';
import { faultOf } from '../support/clouds/context.ts';
import { startCloud } from '../support/clouds/cloud.ts';

const open = new Set<{ close(): unknown }>();
afterEach(async () => {
  for (const server of open) await server.close();
  open.clear();
});

async function listen<T extends Server | TcpServer>(
  server: T,
  host = '127.0.0.1',
): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  open.add({
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    },
  });
  return (server.address() as AddressInfo).port;
}

/** Answers each connection with these bytes, whatever is asked. */
function rawServer(text: string): Promise<number> {
  return listen(
    createTcp((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(text));
    }),
  );
}

describe('a request to a server', () => {
  it('is sent as it is, and its answer read whole', async () => {
    const seen: unknown[] = [];
    const port = await listen(
      createServer((request, response) => {
        let body = '';
        request.on('data', (chunk: Buffer) => (body += chunk.toString()));
        request.on('end', () => {
          seen.push([request.method, request.url, request.headers['x-own'], body]);
          response.writeHead(201, { 'X-Answer': 'yes', 'set-cookie': ['a=1', 'b=2'] });
          response.write('gr');
          response.end('üße');
        });
      }),
    );
    const http = createHttpClient();
    const url = `http://127.0.0.1:${port}/a%2fb?c=d`;
    const answer = await http({ method: 'POST', url, headers: { 'x-own': 'v' }, body: 'text' });
    expect(answer).toMatchObject({ status: 201, body: 'grüße' });
    expect(answer.headers).toMatchObject({ 'x-answer': 'yes', 'set-cookie': 'a=1, b=2' });
    expect(seen).toEqual([['POST', '/a%2fb?c=d', 'v', 'text']]);
  });

  it('goes to loopback by its name or number, and never through the dialler', async () => {
    const port = await listen(createServer((_, response) => response.end('here')));
    const dial = (): Promise<Socket> => Promise.reject(new Error('not to be asked'));
    for (const host of ['localhost', '127.0.0.1']) {
      const answer = await createHttpClient({ dial })({
        method: 'GET',
        url: `http://${host}:${port}/`,
      });
      expect(answer.body).toBe('here');
    }
  });

  it.each([
    'http://api.example/',
    'http://127.0.0.1.example/',
    'http://10.0.0.1/',
    'http://169.254.169.254/',
    'http://localhost.example/',
    'ftp://127.0.0.1/',
    'file:///etc/passwd',
    'https://user:canary@api.example/',
    'https://api.example/#canary',
    'canary',
  ])('is not sent at all: %s', async (url) => {
    let dials = 0;
    const dial = (): Promise<Socket> => Promise.reject(new Error(`dialled ${++dials}`));
    const fault = await faultOf(createHttpClient({ dial })({ method: 'GET', url }));
    expect(fault.code).toBe('PROVIDER_URL');
    expect(fault.text).not.toContain('canary');
    expect(dials).toBe(0);
  });

  it('follows no redirect (CM-32)', async () => {
    const cloud = await startCloud({
      hosts: ['first.example'],
      answer: () => ({ status: 307, headers: { location: 'https://elsewhere.example/canary' } }),
    });
    open.add(cloud);
    const headers = { authorization: 'Bearer secret' };
    const fault = await faultOf(
      cloud.http({ method: 'POST', url: 'https://first.example/', headers, body: 'secret' }),
    );
    expect(fault.code).toBe('PROVIDER_UNREACHABLE');
    expect(fault.text).toContain('307');
    expect(fault.text).not.toContain('canary');
    expect(cloud.dialled).toEqual(['first.example:443']);
  });

  it.each(['a: b\r\nx: y', 'a\nb', 'a\0b'])('has no line break in a header: %j', async (value) => {
    let requests = 0;
    const port = await listen(createServer((_, response) => response.end(String(++requests))));
    const url = `http://127.0.0.1:${port}/`;
    await faultOf(createHttpClient()({ method: 'GET', url, headers: { 'x-own': value } }));
    expect(requests).toBe(0);
  });
});

describe('an answer', () => {
  it('may be as long as the limit, and no longer', async () => {
    const port = await listen(
      createServer((request, response) => response.end('x'.repeat(Number(request.url?.slice(1))))),
    );
    const http = createHttpClient({ maxBytes: 100_000 });
    const url = `http://127.0.0.1:${port}`;
    expect((await http({ method: 'GET', url: `${url}/100000` })).body).toHaveLength(100_000);
    const fault = await faultOf(http({ method: 'GET', url: `${url}/100001` }));
    expect(fault.text).toContain('more than 100000 bytes');
  });

  it.each([
    ['never begins', () => undefined],
    [
      'never ends',
      (socket: Socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx'),
    ],
    ['drips', (socket: Socket) => drip(socket)],
  ])('is waited for no longer than the limit: %s', async (_, serve) => {
    const port = await listen(
      createTcp((socket) => {
        socket.on('error', () => undefined);
        serve(socket);
      }),
    );
    const fault = await faultOf(
      createHttpClient({ timeout: 300 })({ method: 'GET', url: `http://127.0.0.1:${port}/` }),
    );
    expect(fault).toMatchObject({ code: 'PROVIDER_UNREACHABLE' });
    expect(fault.text).toContain('took longer than 0.3 s');
  });

  it.each([
    'canary\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncanary\r\n\r\n',
    'HTTP/1.1 canary\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncanary',
    `HTTP/1.1 200 OK\r\nx: ${'canary'.repeat(10_000)}\r\n\r\n`,
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\ncanary\r\n',
    '',
  ])('that is none is not quoted: %#', async (text) => {
    const port = await rawServer(text);
    const fault = await faultOf(
      createHttpClient()({ method: 'GET', url: `http://127.0.0.1:${port}/` }),
    );
    expect(fault.code).toBe('PROVIDER_UNREACHABLE');
    expect(fault.text).not.toContain('canary');
  });

  it('of a session that ended is not waited for', async () => {
    const port = await listen(createTcp((socket) => socket.on('error', () => undefined)));
    const over = new AbortController();
    setTimeout(() => over.abort(), 50);
    const url = `http://127.0.0.1:${port}/`;
    const fault = await faultOf(createHttpClient()({ method: 'GET', url, signal: over.signal }));
    expect(fault.text).toContain('the session is over');
  });
});

describe('a server', () => {
  it('must stand for its name by an authority that is believed', async () => {
    const { key, cert } = createCertificate(['good.example']);
    let requests = 0;
    const port = await listen(
      createSecureServer({ key, cert }, (_, response) => response.end(String(++requests))),
    );
    const dial = (): Promise<Socket> =>
      import('node:net').then(({ connect }) => connect({ host: '127.0.0.1', port }));
    const get = (url: string, client: ReturnType<typeof createHttpClient>): Promise<unknown> =>
      client({ method: 'GET', url });
    const believing = createHttpClient({ ca: [cert], dial });
    await get('https://good.example/', believing);
    const secureContext = createSecureContext({ ca: [cert] });
    await get('https://good.example/', createHttpClient({ secureContext, dial }));
    expect(requests).toBe(2);
    expect((await faultOf(get('https://bad.example/', believing))).text).toContain(
      'ERR_TLS_CERT_ALTNAME_INVALID',
    );
    expect((await faultOf(get('https://good.example/', createHttpClient({ dial })))).code).toBe(
      'PROVIDER_UNREACHABLE',
    );
    expect((await faultOf(get(`https://127.0.0.1:${port}/`, believing))).code).toBe(
      'PROVIDER_UNREACHABLE',
    );
    expect(requests).toBe(2);
  });

  it('that is never reached costs a time, and not the next request', async () => {
    const { key, cert } = createCertificate(['good.example']);
    const port = await listen(
      createSecureServer({ key, cert }, (_, response) => response.end('x')),
    );
    const { connect } = await import('node:net');
    let dials = 0;
    const dial = (): Promise<Socket> =>
      dials++ === 0
        ? new Promise<never>(() => undefined)
        : Promise.resolve(connect({ host: '127.0.0.1', port }));
    const http = createHttpClient({ ca: [cert], dial, timeout: 1_000 });
    const request = { method: 'GET', url: 'https://good.example/' } as const;
    expect((await faultOf(http(request))).text).toContain('took longer');
    expect((await http(request)).body).toBe('x');
  });

  it('that cannot be dialled is named with the reason', async () => {
    const dial = (): Promise<Socket> =>
      Promise.reject(Object.assign(new Error('canary'), { code: 'ECONNREFUSED' }));
    const fault = await faultOf(
      createHttpClient({ dial })({ method: 'GET', url: 'https://good.example/' }),
    );
    expect(fault.text).toContain('good.example did not answer (ECONNREFUSED)');
    expect(fault.text).not.toContain('canary');
  });
});

function drip(socket: Socket): void {
  socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
  const timer = setInterval(() => socket.write('1\r\nx\r\n'), 20);
  socket.once('close', () => clearInterval(timer));
}
