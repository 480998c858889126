import { createHash, randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Destination } from '../../src/guest/link.ts';
import { AGENT, type GuestMachine, startGuestMachine } from '../support/guest-machine.ts';

const MEMORY = 512 * 1024 * 1024;

let guest: GuestMachine;
/** what the guest dialled, oldest first */
const dialled: Destination[] = [];
const knocks: string[] = [];

/** Answers by port: 7 echoes, 9 resets after the first bytes, 13 sends and ends; others are reset at once. */
function answer(to: Destination, stream: Duplex): void {
  dialled.push(to);
  if (to.port === 7) stream.pipe(stream);
  else if (to.port === 9) stream.once('data', () => stream.destroy());
  else if (to.port === 13) stream.resume().end('good day');
  else stream.destroy();
}

beforeAll(async () => {
  guest = await startGuestMachine({
    memory: MEMORY,
    hooks: {
      onConnect: answer,
      // The answer is longer than the question; a question of 666 bytes gets none.
      onDns: (query) =>
        query.length === 666
          ? Promise.reject(new Error('no'))
          : Promise.resolve(Buffer.alloc(query.length * 3, 'a')),
      onSession: (stream, peer) => {
        stream.on('data', (part: Buffer) => knocks.push(part.toString()));
        stream.end(`uid ${peer.uid}`);
      },
    },
  });
}, 300_000);
afterAll(() => guest?.end());

const probe = async (...words: (string | number)[]): Promise<string> =>
  (await guest.run(guest.probe(...words))).stdout;

describe('a connection from the guest', () => {
  it.each([
    ['1.1.1.1', 4],
    ['198.18.0.7', 4],
    ['10.9.8.7', 4],
    ['255.255.255.254', 4],
    ['169.254.169.254', 4],
    ['2001:db8::7', 6],
    ['fe80::1', 6],
    ['fd00::1:2', 6],
    ['::2', 6],
  ])('to %s reaches the host with its address', async (address, family) => {
    const before = dialled.length;
    expect(await probe('exchange', address, 13)).toBe('good day');
    expect(dialled.slice(before)).toEqual([{ address, port: 13, family }]);
  });

  it('to an IPv4 address in IPv6 clothes reaches the host as IPv4', async () => {
    const before = dialled.length;
    expect(await probe('exchange', '::ffff:10.1.2.3', 13)).toBe('good day');
    expect(dialled.slice(before)).toEqual([{ address: '10.1.2.3', port: 13, family: 4 }]);
  });

  it.each([1, 80, 53, 32768, 65535])(
    'to port %i is not taken by anything in the guest',
    async (port) => {
      const before = dialled.length;
      expect(await probe('exchange', '10.0.0.1', port)).toMatch(/ECONNRESET|ECONNREFUSED/);
      expect(dialled.slice(before)).toEqual([{ address: '10.0.0.1', port, family: 4 }]);
    },
  );

  it('carries megabytes both ways at once, and half closes', async () => {
    const input = randomBytes(12 * 1024 * 1024);
    const child = await guest.link.exec({
      argv: guest.probe('exchange', '10.0.0.1', 7),
      env: [],
      cwd: '/',
      user: 'agent',
    });
    child.stderr.resume();
    child.stdin.end(input);
    const hash = createHash('sha256');
    for await (const part of child.stdout as AsyncIterable<Buffer>) hash.update(part);
    expect(await child.exited).toEqual({ code: 0 });
    expect(hash.digest('hex')).toBe(createHash('sha256').update(input).digest('hex'));
  });

  it('is reset in the guest when the host resets it', async () => {
    expect(await probe('exchange', '10.0.0.1', 99)).toMatch(/ECONNRESET/);
    const late = await guest.run(guest.probe('exchange', '10.0.0.1', 9), { input: 'x' });
    expect(late.stdout).toMatch(/ECONNRESET/);
  });

  it('is one of many', async () => {
    expect(await probe('crowd', '10.0.0.1', 7, 400)).toBe('400\n');
  });
});

describe('the loopback of the guest', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.1', '127.0.0.1'],
    ['0.0.0.0', '127.1.2.3'],
    ['0.0.0.0', '192.0.2.1'],
    ['::1', '::1'],
    ['::', '::1'],
  ])('has a server on %s that answers at %s', async (at, by) => {
    const before = dialled.length;
    expect(await probe('serve', at, by, 8080)).toBe('served');
    expect(dialled.length).toBe(before);
  });

  it('has no server where none listens', async () => {
    expect(await probe('exchange', '127.0.0.1', 8081)).toBe('connect: ECONNREFUSED\n');
    expect(await probe('exchange', '::1', 8081)).toBe('connect: ECONNREFUSED\n');
  });

  it('does not stand in for any other address', async () => {
    const before = dialled.length;
    expect(await probe('serve', '0.0.0.0', '10.0.0.1', 13)).toBe('good day');
    expect(await probe('serve', '::', '2001:db8::1', 13)).toBe('good day');
    expect(dialled.length).toBe(before + 2);
  });

  it('refuses datagrams to anywhere at once', async () => {
    expect(await probe('udp', '8.8.8.8', 53)).toBe('read: ECONNREFUSED\n');
    expect(await probe('udp', '2001:db8::1', 443)).toBe('read: ECONNREFUSED\n');
  });
});

describe('names', () => {
  it('are asked over UDP, also in long messages', async () => {
    expect(await probe('dns-udp', 17, 512, 4096)).toBe('51\n1536\n12288\n');
  });

  it('are asked over TCP, several on one connection', async () => {
    expect(await probe('dns-tcp', 17, 4096, 1, 300)).toMatch(/^(51|12288|3|900)\n(\d+\n){3}$/);
  });

  it('without an answer keep nobody else waiting', async () => {
    const silent = await guest.link.exec({
      argv: guest.probe('dns-udp', 666),
      env: [],
      cwd: '/',
      user: 'agent',
    });
    expect(await probe('dns-udp', 20)).toBe('60\n');
    silent.stdout.resume();
    silent.stderr.resume();
    silent.signal(9);
    expect(await silent.exited).toEqual({ signal: 9 });
  });

  it('are asked by the resolver of the guest', async () => {
    const result = await guest.run('getent ahosts localhost; grep nameserver /etc/resolv.conf');
    expect(result.stdout).toContain('127.0.0.1');
    expect(result.stdout).toContain('nameserver 127.0.0.53');
  });
});

it('a process of the agent reaches the session socket and says who it is', async () => {
  expect(await probe('session')).toBe(`uid ${AGENT.uid}`);
  expect(knocks.join('')).toBe('knock');
  expect(guest.faults).toEqual([]);
});
