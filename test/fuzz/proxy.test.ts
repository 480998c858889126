import http from 'node:http';
import { expect, it } from 'vitest';

import { createRig } from '../support/egress-rig.ts';
import { mutate } from '../support/mutate.ts';
import { createRandom } from '../support/random.ts';
import { createDuplexPair } from '../support/tls.ts';

const ROUNDS = 800;
const NAMES = { 'open.test': '20.1.2.3', 'api.test': '20.1.2.4', 'shut.test': '20.1.2.5' };
const H = 'Host: open.test\r\n';
const SEEDS: [string, ...string[]] = [
  `GET http://open.test/x//y?b=c HTTP/1.1\r\n${H}\r\n`,
  'GET http://api.test/ok/a HTTP/1.1\r\nHost: api.test\r\n\r\n',
  'GET http://api.test/no HTTP/1.1\r\nHost: api.test\r\n\r\n',
  'GET http://shut.test/x HTTP/1.1\r\nHost: shut.test\r\n\r\n',
  `POST http://open.test HTTP/1.1\r\n${H}Content-Length: 30\r\n\r\nGET http://shut.test/ HTTP/1.1`,
  `POST http://open.test:80/c HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  `GET http://open.test/ws HTTP/1.1\r\n${H}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n`,
  'CONNECT api.test:80 HTTP/1.1\r\n\r\nGET /ok/t HTTP/1.1\r\nHost: api.test\r\n\r\n',
  'CONNECT shut.test:80 HTTP/1.1\r\n\r\nGET /ok/t HTTP/1.1\r\nHost: shut.test\r\n\r\n',
];
const PIECES: [string, ...string[]] = [
  '\r\n',
  '\n',
  '\0',
  ' ',
  '\t',
  '@',
  ':',
  '//',
  '/../',
  '%2e%2e',
  '\\',
  '#',
  '?',
  '*',
  '[::1]',
  'http://shut.test',
  'https://',
  'shut.test',
  'Host: shut.test\r\n',
  'Host: api.test\r\n',
  'Connection: close\r\n',
  'Connection: Host\r\n',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'X-Original-URL: /no\r\n',
  'X-HTTP-Method-Override: POST\r\n',
  '0\r\n\r\n',
  'CONNECT ',
];

it('lets nothing through the proxy that was not allowed, whatever a client sends', async () => {
  const random = createRandom('proxy');
  const wrong: string[] = [];
  let reached = 0;
  const rig = await createRig({
    allow: [
      { hosts: ['open.test'], ports: [80] },
      { hosts: ['api.test'], ports: [80], methods: ['GET'], paths: ['/ok/**'] },
    ],
    hosts: Object.fromEntries(Object.entries(NAMES).map(([name, address]) => [name, [address]])),
    httpLimits: { linger: 20 },
  });
  try {
    for (const [name, address] of Object.entries(NAMES)) {
      const server = http.createServer(
        { insecureHTTPParser: true, requireHostHeader: false },
        (request, response) => {
          reached += 1;
          const { method = '', url = '', headers } = request;
          const isAllowed =
            name === 'open.test' || (method === 'GET' && /^\/ok(\/|$|\?)/.test(url));
          if (name === 'shut.test' || !isAllowed || headers.host !== name)
            wrong.push(`${name} ${method} ${url} ${headers.host}`);
          request.resume();
          response.end('x');
        },
      );
      server.on('upgrade', (_request, socket) => socket.destroy());
      await rig.serve(`${address}:80`, (socket) => void server.emit('connection', socket));
    }
    for (let round = 0; round < ROUNDS; round++) {
      const [near, far] = createDuplexPair();
      for (const end of [near, far]) end.on('error', () => undefined);
      near.resume();
      rig.egress.onConnect({ address: '198.18.0.1', port: 3128 }, far);
      const bytes = mutate(random, SEEDS, PIECES);
      for (let at = 0; at < bytes.length && near.writable;) {
        const size = random.chance(0.5) ? bytes.length : 1 + random.below(60);
        near.write(bytes.subarray(at, at + size));
        at += size;
        if (random.chance(0.3)) await new Promise((resolve) => setImmediate(resolve));
      }
      await new Promise((resolve) => setTimeout(resolve, random.below(12)));
      near.destroy();
    }
  } finally {
    await rig.close();
  }
  expect(wrong).toEqual([]);
  expect(rig.faults).toEqual([]);
  expect(reached).toBeGreaterThan(ROUNDS / 10);
});
