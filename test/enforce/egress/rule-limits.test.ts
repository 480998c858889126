import http from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';

import { createRig, readAll, waitFor } from '../../support/egress-rig.ts';
import type { Rig, RigOptions, Rule } from '../../support/egress-rig.ts';

const A = '20.1.2.3';
const hosts = { 'a.test': [A] };
const twice = { count: 2, per: 'session' } as const;

let rig: Rig;
let heard: string[];
afterEach(() => rig.close());

async function start(allow: Rule[], more: Partial<RigOptions> = {}): Promise<void> {
  rig = await createRig({ allow, hosts, ...more });
  heard = [];
  const server = http.createServer((request, response) => {
    heard.push(`${request.method} ${request.url}`);
    request.resume();
    request.on('end', () => response.end('ok'));
  });
  await rig.serve(`${A}:80`, (socket) => void server.emit('connection', socket));
}

const request = (method: string, path = '/', body = '', more = ''): string =>
  `${method} ${path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;
const LAST = 'Connection: close\r\n';

/** The status of each answer on one connection. */
async function ask(...requests: string[]): Promise<number[]> {
  const socket = await rig.connectByName('a.test', 80);
  socket.write(requests.join(''));
  const text = (await readAll(socket)).toString();
  return [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
}

describe('a rule that counts', () => {
  it('connections lets so many be made, whatever is said on them', async () => {
    await start([{ hosts: ['a.test'], limit: twice }]);
    expect(await ask(request('GET'), request('GET'), request('GET', '/', '', LAST))).toHaveLength(
      3,
    );
    expect(await ask(request('GET', '/', '', LAST))).toEqual([200]);
    expect(await ask(request('GET', '/', '', LAST))).toEqual([]);
    expect(rig.denials()).toEqual([
      'connect a.test:80: repo/network.allow[0] allows 2 times a session, and this would be one more',
    ]);
    expect(rig.records.at(-1)).toMatchObject({
      effect: 'deny',
      enforced: true,
      rule: { id: 'repo/network.allow[0]', line: 1 },
    });
  });

  it('requests lets so many through, over however many connections', async () => {
    await start([
      { hosts: ['a.test'], methods: ['POST'], limit: twice },
      { hosts: ['a.test'], methods: ['GET'] },
    ]);
    expect(await ask(request('POST'), request('GET', '/', '', LAST))).toEqual([200, 200]);
    expect(await ask(request('POST'), request('POST'), request('GET', '/', '', LAST))).toEqual([
      200, 403, 200,
    ]);
    expect(heard).toEqual(['POST /', 'GET /', 'POST /', 'GET /']);
    expect(rig.denials()[0]).toContain('POST http://a.test/: repo/network.allow[0] allows 2 times');
  });

  it('requests counts them although another rule would let the bytes pass unread', async () => {
    await start([{ hosts: ['a.test'] }, { hosts: ['a.test'], methods: ['POST'], limit: twice }]);
    const posts = [
      request('POST'),
      request('POST'),
      request('POST'),
      request('GET', '/', '', LAST),
    ];
    expect(await ask(...posts)).toEqual([200, 200, 403, 200]);
  });

  it('bytes lets no more of them out, in requests', async () => {
    await start([
      { hosts: ['a.test'], methods: ['PUT'], egress: 1000 },
      { hosts: ['a.test'], methods: ['GET'] },
    ]);
    expect(await ask(request('PUT', '/1', 'x'.repeat(600), LAST))).toEqual([200]);
    expect(await ask(request('PUT', '/2', 'x'.repeat(600), LAST))).not.toContain(200);
    expect(await ask(request('PUT', '/3', '', LAST))).toEqual([403]);
    expect(await ask(request('GET', '/4', '', LAST))).toEqual([200]);
    expect(rig.denials()[0]).toContain('repo/network.allow[0] lets 1000B out');
  });

  it('bytes lets no more of them out, in connections', async () => {
    await start(
      [
        { hosts: ['a.test'], ports: [7], egress: 1000 },
        { hosts: ['b.test'], ports: [7] },
      ],
      {
        hosts: { ...hosts, 'b.test': [A] },
      },
    );
    let received = 0;
    await rig.serve(`${A}:7`, (socket) =>
      socket.on('data', (chunk: Buffer) => (received += chunk.length)),
    );
    const first = await rig.connectByName('a.test', 7);
    first.write(Buffer.alloc(900));
    await waitFor(() => received === 900);
    first.write(Buffer.alloc(200));
    await readAll(first);
    expect(await readAll(await rig.connectByName('a.test', 7))).toHaveLength(0);
    expect(rig.denials().map((text) => text.replace(/: .*/, ''))).toEqual([
      'connect a.test:7',
      'connect a.test:7',
    ]);
    (await rig.connectByName('b.test', 7)).write(Buffer.alloc(500));
    await waitFor(() => received === 1400);
    expect(rig.egress.bytesOut).toBe(1400);
  });

  it('is recorded and goes on in audit mode', async () => {
    await start(
      [{ hosts: ['a.test'], methods: ['PUT'], limit: { count: 1, per: 'session' }, egress: 500 }],
      { mode: 'audit' },
    );
    expect(
      await ask(request('PUT'), request('PUT'), request('PUT', '/', 'x'.repeat(800), LAST)),
    ).toEqual([200, 200, 200]);
    expect(rig.denials().length).toBeGreaterThan(1);
    expect(
      rig.records.filter((event) => event.type === 'decision' && event.effect === 'deny'),
    ).not.toContainEqual(expect.objectContaining({ enforced: true }));
  });

  it('names its place and what it allows to whoever is refused', async () => {
    await start([{ hosts: ['a.test'], methods: ['GET'], limit: { count: 1, per: 'hour' } }]);
    const socket = await rig.connectByName('a.test', 80);
    socket.write(`${request('GET')}${request('GET', '/', '', LAST)}`);
    const text = (await readAll(socket)).toString();
    expect(text).toContain('x-agent-sandbox-rule: repo/network.allow[0]');
    expect(text).toContain('repo/network.allow[0] at policy.yml:1');
    expect(text).toContain('1 time an hour');
  });

  it('and speaks of a block lends nothing to names that lead there', async () => {
    await start([{ hosts: ['a.test'] }, { cidrs: ['20.1.2.3/32'], limit: twice }]);
    expect(await ask(request('GET', '/', '', LAST))).toEqual([]);
    expect(rig.denials()[0]).toContain('such a rule must name the host');
  });

  it('counts the requests to the proxy as those of one connection to each server', async () => {
    await start([{ hosts: ['a.test'], limit: { count: 1, per: 'session' } }]);
    const socket = await rig.connect('198.18.0.1', 3128);
    const get = (more: string): string =>
      `GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n${more}\r\n`;
    socket.write(`${get('')}${get('')}${get(LAST)}`);
    expect((await readAll(socket)).toString().match(/HTTP\/1\.1 200/g)).toHaveLength(3);
    expect(await ask(request('GET', '/', '', LAST))).toEqual([]);
  });
});
