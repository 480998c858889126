import http2 from 'node:http2';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { HOST, createHttpRig } from '../support/http-rig.ts';
import type { HttpRig } from '../support/http-rig.ts';
import { mutate } from '../support/mutate.ts';
import { createRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';
import { createDuplexPair } from '../support/tls.ts';

const ROUNDS = 1500;
const H2_ROUNDS = 250;

let rig: HttpRig;
const uncaught: unknown[] = [];
const onUncaught = (error: unknown): void => void uncaught.push(error);

beforeEach(() => {
  uncaught.length = 0;
  process.on('uncaughtException', onUncaught);
  process.on('unhandledRejection', onUncaught);
});

afterEach(async () => {
  await rig.close();
  process.off('uncaughtException', onUncaught);
  process.off('unhandledRejection', onUncaught);
  expect(uncaught).toEqual([]);
  expect(rig.faults).toEqual([]);
});

/** Whatever reached the origin was allowed first, as often as it came. */
function expectJudged(): void {
  const allowed = new Map<string, number>();
  for (const line of rig.judged) {
    const match = /^allow (\S+) https?:\/\/[^/]+(\/.*)$/.exec(line);
    if (match) {
      const key = `${match[1]} ${match[2]}`;
      allowed.set(key, (allowed.get(key) ?? 0) + 1);
    }
  }
  for (const line of rig.reached) {
    const key = line.replace(/\?.*$/, '').replace(/^UPGRADE/, 'GET');
    const left = allowed.get(key) ?? 0;
    expect(left, line).toBeGreaterThan(0);
    allowed.set(key, left - 1);
  }
}

const H = `Host: ${HOST}\r\n`;
const SEEDS: [string, ...string[]] = [
  `GET /ok/a?b=c HTTP/1.1\r\n${H}\r\n`,
  `GET /no HTTP/1.1\r\n${H}\r\n`,
  `POST /ok/b HTTP/1.1\r\n${H}Content-Length: 30\r\n\r\nGET /no HTTP/1.1\r\nHost: evil\r\n`,
  `POST /ok/c HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  `POST /ok/d HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\nTrailer: x\r\n\r\n2;a=b\r\nhi\r\n0\r\nx: 1\r\n\r\n`,
  `PUT /ok/e HTTP/1.1\r\n${H}Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi`,
  `GET /ok/f HTTP/1.1\r\n${H}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n`,
  `HEAD /ok/g HTTP/1.1\r\n${H}Connection: close\r\n\r\n`,
  `OPTIONS * HTTP/1.1\r\n${H}\r\n`,
];
const PIECES: [string, ...string[]] = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  '//',
  '/../',
  '%2e%2e',
  '%2f',
  '\\',
  ';',
  '#',
  '?',
  '*',
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Host: evil.test\r\n',
  'Connection: close\r\n',
  'Connection: Host\r\n',
  'X-Original-URL: /no\r\n',
  'GET /no HTTP/1.1\r\n',
  'HTTP/1.0',
  'HTTP/2.0',
  '0\r\n\r\n',
  'ffffffff\r\n',
  ' folded\r\n',
  `${H}\r\n`,
  'a'.repeat(40_000),
];

async function send(socket: Socket, bytes: Buffer, random: Random): Promise<void> {
  socket.resume();
  for (let at = 0; at < bytes.length && socket.writable;) {
    const size = random.chance(0.5) ? bytes.length : 1 + random.below(60);
    socket.write(bytes.subarray(at, at + size));
    at += size;
    if (random.chance(0.3)) await new Promise((resolve) => setImmediate(resolve));
  }
  if (random.chance(0.5)) socket.end();
  const wait = new Promise((resolve) => setTimeout(resolve, random.below(30)));
  await Promise.race([wait, new Promise((resolve) => socket.once('close', resolve))]);
  socket.destroy();
}

it('lets nothing through that was not allowed, whatever a client of HTTP/1.1 sends', async () => {
  const random = createRandom('http/1.1');
  rig = await createHttpRig({ port: 80, limits: { linger: 20 } });
  for (let round = 0; round < ROUNDS; round++) {
    await send(await rig.connect(), mutate(random, SEEDS, PIECES), random);
    if (round % 100 === 0) expectJudged();
  }
  expectJudged();
  expect(rig.reached.length).toBeGreaterThan(ROUNDS / 10);
});

/** What Node's client sends for a few requests. */
async function captureH2(paths: string[]): Promise<Buffer> {
  const [near, far] = createDuplexPair();
  const chunks: Buffer[] = [];
  far.on('data', (chunk: Buffer) => chunks.push(chunk));
  const session = http2.connect(`https://${HOST}`, { createConnection: () => near });
  session.on('error', () => undefined);
  for (const path of paths) {
    const stream = session.request({ ':path': path, ':method': 'POST', 'x-a': '1' });
    stream.on('error', () => undefined);
    stream.end('body');
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  session.destroy();
  await once(session, 'close').catch(() => undefined);
  return Buffer.concat(chunks);
}

it('lets nothing through that was not allowed, whatever a client of HTTP/2 sends', async () => {
  const random = createRandom('http/2');
  rig = await createHttpRig({ limits: { linger: 20 } });
  const seeds: [Buffer, ...Buffer[]] = [
    await captureH2(['/ok/1', '/no', '/ok/2']),
    await captureH2(['/ok/3']),
  ];
  for (let round = 0; round < H2_ROUNDS; round++) {
    const bytes = Buffer.from(random.pick(seeds));
    for (let count = random.below(4); count > 0; count--)
      bytes[24 + random.below(bytes.length - 24)] = random.below(256);
    const socket = await rig.connectTls({ ALPNProtocols: ['h2'] });
    await send(socket, bytes, random);
  }
  expectJudged();
  expect(rig.reached.length).toBeGreaterThan(H2_ROUNDS / 10);
});

const ANSWERS: [string, ...string[]] = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: 1\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nbytes',
  'HTTP/1.0 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nuntil the end',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n',
];

function damage(text: string, random: Random): string {
  let answer = text;
  for (let count = random.below(4); count > 0; count--) {
    const at = random.below(answer.length + 1);
    if (random.chance(0.4)) answer = answer.slice(0, at) + random.pick(PIECES) + answer.slice(at);
    else if (random.chance(0.5)) answer = answer.slice(0, at);
    else
      answer = answer.slice(0, at) + String.fromCharCode(random.below(256)) + answer.slice(at + 1);
  }
  return answer;
}

it('survives whatever a server answers, to clients of both versions', async () => {
  const random = createRandom('http answers');
  rig = await createHttpRig({
    alpn: ['http/1.1'],
    limits: { linger: 20, exchangeIdle: 200 },
    rawTlsOrigin: (socket) =>
      void socket.on('data', () => {
        socket.write(Buffer.from(damage(random.pick(ANSWERS), random), 'latin1'));
        if (random.chance(0.7)) socket.end();
      }),
  });
  for (let round = 0; round < H2_ROUNDS; round++) {
    const isH2 = random.chance(0.5);
    const socket = await rig.connectTls({ ALPNProtocols: [isH2 ? 'h2' : 'http/1.1'] });
    if (isH2) {
      const session = http2.connect(`https://${HOST}`, { createConnection: () => socket });
      session.on('error', () => undefined);
      const stream = session.request({
        ':path': '/ok',
        ':method': random.pick(['GET', 'HEAD', 'POST']),
      });
      stream.on('error', () => undefined).resume();
      stream.end();
      await Promise.race([
        new Promise((resolve) => stream.once('close', resolve)),
        new Promise((resolve) => setTimeout(resolve, 50)),
      ]);
      session.destroy();
    } else await send(socket, Buffer.from(random.pick(SEEDS), 'latin1'), random);
  }
  expect(rig.outcomes.length).toBeGreaterThan(H2_ROUNDS / 3);
});
