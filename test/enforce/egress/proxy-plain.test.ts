import { once } from 'node:events';
import http from 'node:http';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';

import { createRig, readAll, waitFor } from '../../support/egress-rig.ts';
import type { Rig, RigOptions } from '../../support/egress-rig.ts';

const PROXY = '198.18.0.1';
const PORT = 3128;
const HOSTS = {
  'open.test': ['20.1.2.3'],
  'other.test': ['20.1.2.4'],
  'api.test': ['20.1.2.5'],
  'inner.test': ['10.0.0.1'],
};
const options: RigOptions = {
  allow: [
    { hosts: ['open.test', 'other.test', 'inner.test'], ports: [80, 8080] },
    { hosts: ['api.test'], methods: ['GET'], paths: ['/ok/**'] },
  ],
  hosts: HOSTS,
};

let rig: Rig;
let heard: string[];
afterEach(() => rig.close());

/** Every server answers with its name, the head it saw and the length of the body. */
async function start(more: Partial<RigOptions> = {}): Promise<void> {
  rig = await createRig({ ...options, ...more });
  heard = [];
  for (const [name, [address]] of Object.entries(HOSTS))
    for (const port of [80, 8080]) {
      const server = http.createServer((request, response) => {
        heard.push(`${name}:${port} ${request.method} ${request.url} ${request.headers.host}`);
        let length = 0;
        request.on('data', (chunk: Buffer) => (length += chunk.length));
        request.on('end', () =>
          response.end(JSON.stringify({ name, length, headers: request.headers })),
        );
      });
      server.on('upgrade', (request, socket) => {
        heard.push(`${name}:${port} UPGRADE ${request.url}`);
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello',
        );
        socket.pipe(socket);
      });
      await rig.serve(`${address}:${port}`, (socket) => void server.emit('connection', socket));
    }
}

async function ask(text: string): Promise<string> {
  const socket = await rig.connect(PROXY, PORT);
  socket.write(text);
  return (await readAll(socket)).toString('latin1');
}

const get = (url: string, host: string, more = ''): string =>
  `GET ${url} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`;
const LAST = 'Connection: close\r\n';

describe('a plain request to the proxy', () => {
  it('is decided as a connection and sent in origin form, without what was meant for the proxy', async () => {
    await start();
    const answer = await ask(
      get(
        'http://OPEN.test/a//b/../c?q=1',
        'open.test',
        `Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==\r\nX-Own: 1\r\n${LAST}`,
      ),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toContain('"x-own":"1"');
    expect(answer).not.toContain('proxy-');
    expect(heard).toEqual(['open.test:80 GET /a//b/../c?q=1 open.test']);
    expect(rig.allows()).toEqual(['connect open.test:80']);
    await waitFor(() => rig.outcomes().length === 1);
    expect(rig.outcomes()[0]).toMatchObject({ request: 'connect open.test:80', status: 200 });
    expect(JSON.stringify(rig.records)).not.toContain('q=1');
  });

  it('may name a port, no path, a query alone, or an address', async () => {
    await start({ allow: [...(options.allow ?? []), { cidrs: ['20.1.2.4/32'] }] });
    const socket = await rig.connect(PROXY, PORT);
    const all = readAll(socket);
    socket.write(get('http://open.test:8080', 'open.test:8080'));
    socket.write(get('http://open.test:8080?x', 'open.test:8080'));
    socket.write(get('http://20.1.2.4/y', '20.1.2.4', LAST));
    expect((await all).toString().match(/HTTP\/1\.1 200/g)).toHaveLength(3);
    expect(heard).toEqual([
      'open.test:8080 GET / open.test:8080',
      'open.test:8080 GET /?x open.test:8080',
      'other.test:80 GET /y 20.1.2.4',
    ]);
  });

  it('shares its connection with requests to other servers, each over a connection to its own', async () => {
    await start();
    const socket = await rig.connect(PROXY, PORT);
    const all = readAll(socket);
    const names = ['open', 'other', 'open', 'denied', 'other', 'other'];
    names.forEach((name, i) =>
      socket.write(get(`http://${name}.test/${i}`, `${name}.test`, i === 5 ? LAST : '')),
    );
    const answers = (await all).toString();
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(
      [200, 200, 200, 403, 200, 200].map((status) => `HTTP/1.1 ${status}`),
    );
    expect(heard.map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
      'open.test:80 GET /0',
      'other.test:80 GET /1',
      'open.test:80 GET /2',
      'other.test:80 GET /4',
      'other.test:80 GET /5',
    ]);
  });

  it('is refused with its rule and the edit that would allow it, and the connection stays', async () => {
    await start();
    const socket = await rig.connect(PROXY, PORT);
    const all = readAll(socket);
    socket.write(get('http://denied.test/x', 'denied.test'));
    socket.write(get('http://open.test/y', 'open.test', LAST));
    const answers = (await all).toString();
    expect(answers).toMatch(/^HTTP\/1\.1 403 /);
    expect(answers).toContain('x-agent-sandbox-rule: builtin/default');
    expect(answers).toContain('request  connect denied.test:80');
    expect(answers).toContain('host: denied.test');
    expect(answers).toContain('HTTP/1.1 200');
    expect(rig.denials()).toEqual(['connect denied.test:80: no rule allows it']);
    expect(rig.looked).toEqual(['open.test']);
  });

  it('is judged by method and path where a rule speaks of them', async () => {
    await start();
    const socket = await rig.connect(PROXY, PORT);
    const all = readAll(socket);
    socket.write(get('http://api.test/ok/1', 'api.test'));
    socket.write(get('http://api.test/secret', 'api.test'));
    socket.write(get('http://api.test/ok/../secret', 'api.test', LAST));
    expect((await all).toString().match(/HTTP\/1\.1 \d+/g)).toEqual(
      [200, 403, 400].map((status) => `HTTP/1.1 ${status}`),
    );
    expect(heard).toEqual(['api.test:80 GET /ok/1 api.test']);
    expect(rig.allows()).toEqual(['connect api.test:80', 'GET http://api.test/ok/1']);
    expect(rig.denials()[0]).toBe('GET http://api.test/secret: no rule allows it');
  });

  it('carries bodies, interim answers and a WebSocket', async () => {
    await start();
    const body = await ask(
      `POST http://open.test/up HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\n${LAST}\r\n5\r\nabcde\r\n0\r\n\r\n`,
    );
    expect(body).toContain('"length":5');
    const socket = await rig.connect(PROXY, PORT);
    socket.write(
      get(
        'http://open.test/ws',
        'open.test',
        'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eHh4eHh4eHh4eHh4eHh4eA==\r\n',
      ),
    );
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await waitFor(() => text.includes('hello'));
    socket.write('echoed');
    await waitFor(() => text.includes('echoed'));
    expect(text).toMatch(/^HTTP\/1\.1 101 /);
    expect(heard).toContain('open.test:80 UPGRADE /ws');
  });

  it.each<[string, string, number]>([
    ['another Host', get('http://open.test/', 'other.test'), 421],
    ['another port in Host', get('http://open.test/', 'open.test:8080'), 421],
    ['no Host', 'GET http://open.test/ HTTP/1.1\r\n\r\n', 400],
    ['two Hosts', get('http://open.test/', 'open.test', 'Host: other.test\r\n'), 400],
    ['a user', get('http://u:p@open.test/', 'open.test'), 400],
    ['a fragment', get('http://open.test/#x', 'open.test'), 400],
    ['https', get('https://open.test/', 'open.test'), 400],
    ['ftp', get('ftp://open.test/', 'open.test'), 400],
    ['no server', get('/', 'open.test'), 400],
    ['the proxy', get('/', 'proxy.sandbox.internal:3128'), 400],
    ['an asterisk', 'OPTIONS * HTTP/1.1\r\nHost: open.test\r\n\r\n', 400],
    ['an empty name', get('http:///x', 'open.test'), 400],
    ['a port that is none', get('http://open.test:70000/', 'open.test'), 403],
    [
      'two lengths',
      get('http://open.test/', 'open.test', 'Content-Length: 1\r\nContent-Length: 1\r\n'),
      400,
    ],
    [
      'a length and chunks',
      get('http://open.test/', 'open.test', 'Content-Length: 1\r\nTransfer-Encoding: chunked\r\n'),
      400,
    ],
    [
      'a coding beside chunked',
      get('http://open.test/', 'open.test', 'Transfer-Encoding: gzip, chunked\r\n'),
      400,
    ],
    [
      'the proxy as a server',
      get('http://proxy.sandbox.internal:3128/', 'proxy.sandbox.internal:3128'),
      403,
    ],
    ['a loopback', get('http://127.0.0.1/', '127.0.0.1'), 403],
    ['metadata', get('http://169.254.169.254/latest', '169.254.169.254'), 403],
    ['a loopback in IPv6', get('http://[::ffff:127.0.0.1]/', '[::ffff:127.0.0.1]'), 403],
    ['CONNECT inside', 'CONNECT open.test:80 HTTP/1.1\r\nHost: open.test:80\r\n\r\n', 400],
  ])('with %s is refused on record, and nothing is sent', async (what, text, status) => {
    await start();
    const first = what === 'CONNECT inside' ? get('http://denied.test/', 'denied.test') : '';
    const answers = await ask(`${first}${text}`.replace(/\r\n\r\n$/, `\r\n${LAST}\r\n`));
    const statuses = [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => Number(code));
    // Behind an answer that has begun, the connection just ends.
    if (first === '') expect(statuses).toEqual([status]);
    else expect(statuses).toEqual([403]);
    expect(rig.denials().length).toBe(first === '' ? 1 : 2);
    expect([heard, rig.dialled]).toEqual([[], []]);
  });

  it('leads to no private address that only a name stands for', async () => {
    await start();
    expect(await ask(get('http://inner.test/', 'inner.test', LAST))).toMatch(/^HTTP\/1\.1 502 /);
    expect(rig.denials()[0]).toContain('inner.test leads to 10.0.0.1');
    expect([heard, rig.dialled]).toEqual([[], []]);
  });

  it('counts as one open connection, and ends with egress', async () => {
    await start({ limits: { connections: 1 } });
    const first = await rig.connect(PROXY, PORT);
    first.write(get('http://open.test/', 'open.test'));
    await once(first, 'data');
    first.write(get('http://other.test/', 'other.test'));
    await once(first, 'data');
    expect(await ask(get('http://open.test/', 'open.test', LAST))).toContain(
      '1 connections are open already',
    );
    rig.egress.close();
    await readAll(first);
    await waitFor(() => first.destroyed || first.readableEnded);
    expect(heard).toHaveLength(2);
  });

  it('pays for its bytes', async () => {
    await start({ egress: 400 });
    const text = `POST http://open.test/ HTTP/1.1\r\nHost: open.test\r\nContent-Length: 500\r\n${LAST}\r\n`;
    const answer = await ask(`${text}${'x'.repeat(500)}`);
    expect(answer).toMatch(/^HTTP\/1\.1 403 |^$/);
    expect(rig.denials()[0]).toContain('limits.egress');
  });

  it('ends when it does not get on', async () => {
    await start({ httpLimits: { headerTime: 40, keepAlive: 80 } });
    const slow: Socket = await rig.connect(PROXY, PORT);
    slow.write('GET http://open.test/ HT');
    await readAll(slow);
    expect(rig.denials()[0]).toContain('did not become complete in time');
    expect(await readAll(await rig.connect(PROXY, PORT))).toHaveLength(0);
  });
});
