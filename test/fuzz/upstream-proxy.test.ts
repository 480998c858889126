import { once } from 'node:events';
import net from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { connectThrough } from '../../src/enforce/egress/upstream-proxy/connect.ts';
import type { ProxyKind } from '../../src/enforce/egress/upstream-proxy/setting.ts';
import { SandboxError } from '../../src/model/error.ts';
import { createRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';

const ROUNDS = 500;
const TAIL = 'tail of the tunnel';
const GOOD: Record<string, string> = {
  http: 'HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n',
  socks5h: '\x05\x02\x01\x00\x05\x00\x00\x01\x01\x02\x03\x04\x00\x50',
};
const PIECES: [string, ...string[]] = [
  '\r\n',
  '\n',
  '\0',
  '\xff',
  '\x05',
  'HTTP/1.1 ',
  ' 200',
  ': ',
];

let server: net.Server;
let behave: (socket: Socket) => void;
const uncaught: unknown[] = [];
const onUncaught = (error: unknown): void => void uncaught.push(error);

beforeAll(async () => {
  process.on('uncaughtException', onUncaught);
  process.on('unhandledRejection', onUncaught);
  server = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => behave(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterAll(() => {
  server.close();
  process.off('uncaughtException', onUncaught);
  process.off('unhandledRejection', onUncaught);
  expect(uncaught).toEqual([]);
});

function mutate(good: string, random: Random): { bytes: Buffer; isGood: boolean } {
  let text = good;
  const count = random.below(3);
  for (let i = 0; i < count; i++) {
    const at = random.below(text.length + 1);
    const kind = random.below(4);
    if (kind === 0) text = text.slice(0, at) + random.pick(PIECES) + text.slice(at);
    else if (kind === 1) text = text.slice(0, at) + text.slice(at + 1);
    else if (kind === 2)
      text = text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1);
    else text = text.slice(0, at);
  }
  return { bytes: Buffer.from(text + TAIL, 'latin1'), isGood: text === good };
}

it.each(['http', 'socks5h'] as const)(
  'whatever a proxy of the kind %s answers, there is a tunnel or an error, and no byte of it is lost',
  async (kind: ProxyKind) => {
    const random = createRandom(`upstream ${kind}`);
    const { port } = server.address() as AddressInfo;
    let opened = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const { bytes, isGood } = mutate(GOOD[kind] ?? '', random);
      const cut = random.below(bytes.length + 1);
      behave = (socket) => {
        socket.write(bytes.subarray(0, cut));
        setImmediate(() => socket.end(bytes.subarray(cut)));
      };
      const made = connectThrough(
        {
          kind,
          host: '127.0.0.1',
          port,
          label: '',
          credentials: { user: 'u', password: 'p' },
        },
        { host: 'a.test', port: 443 },
        {
          lookup: () => Promise.reject(new Error('no names here')),
          dial: (host, to) => net.connect({ host, port: to, allowHalfOpen: true }),
          trust: () => Promise.reject(new Error('no TLS here')),
          limits: { connect: 2000, stagger: 2000 },
          signal: new AbortController().signal,
        },
      );
      const socket = await made.catch((error: unknown) => {
        expect(error).toBeInstanceOf(SandboxError);
        expect(isGood, bytes.toString('latin1')).toBe(false);
      });
      if (socket === undefined) continue;
      opened += 1;
      const chunks: Buffer[] = [];
      for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString('latin1');
      if (isGood) expect(text).toBe(TAIL);
      socket.destroy();
    }
    expect(opened).toBeGreaterThan(ROUNDS / 10);
  },
);
