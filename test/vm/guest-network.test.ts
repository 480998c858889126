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
  else if (to.port === 8013) stream.resume().end('good day');
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

/** The answers of several probes, a line each. */
async function batch(probes: (string | number)[][]): Promise<string[]> {
  const words = probes.flatMap((words) => ['--', ...words]).slice(1);
  return (await probe(...words)).split('\n').filter((line) => line !== '');
}

describe('a connection from the guest', () => {
  it('reaches the host with the address and port it was for, whatever they are', async () => {
    const before = dialled.length;
    const destinations: Destination[] = [
      { address: '1.1.1.1', port: 8013, family: 4 },
      { address: '198.18.0.7', port: 8013, family: 4 },
      { address: '255.255.255.254', port: 8013, family: 4 },
      { address: '169.254.169.254', port: 8013, family: 4 },
      { address: '2001:db8::7', port: 8013, family: 6 },
      { address: 'fd00::1:2', port: 8013, family: 6 },
      { address: '::2', port: 8013, family: 6 },
      { address: '10.0.0.1', port: 1, family: 4 },
      { address: '10.0.0.1', port: 53, family: 4 },
      { address: '10.0.0.1', port: 32768, family: 4 },
      { address: '10.0.0.1', port: 65535, family: 4 },
      { address: '2001:db8::7', port: 1, family: 6 },
    ];
    const answers = await batch(
      destinations.map(({ address, port }) => ['exchange', address, port]),
    );
    expect(dialled.slice(before)).toEqual(destinations);
    for (const [index, { port }] of destinations.entries())
      expect(answers[index]).toMatch(port === 8013 ? /^good day$/ : /RESET|PIPE|errno/);
  });

  it('to an IPv4 address in IPv6 clothes reaches the host as IPv4', async () => {
    const before = dialled.length;
    expect(await probe('exchange', '::ffff:10.1.2.3', 8013)).toBe('good day');
    expect(dialled.slice(before)).toEqual([{ address: '10.1.2.3', port: 8013, family: 4 }]);
  });

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
  it('has servers of its own, on loopback and on the address of the guest', async () => {
    const before = dialled.length;
    const servers = [
      ['127.0.0.1', '127.0.0.1'],
      ['0.0.0.0', '127.1.2.3'],
      ['0.0.0.0', '192.0.2.1'],
      ['::1', '::1'],
      ['::', '::1'],
      ['::', '::ffff:127.0.0.1'],
    ] as const;
    const answers = await batch(servers.map(([at, by]) => ['serve', at, by, 8080]));
    expect(answers).toEqual(servers.map(() => 'served'));
    expect(dialled.length).toBe(before);
  });

  it('has no server where none listens', async () => {
    const answers = await batch([
      ['exchange', '127.0.0.1', 8081],
      ['exchange', '::1', 8081],
    ]);
    expect(answers).toEqual(['connect: ECONNREFUSED', 'connect: ECONNREFUSED']);
  });

  it('does not stand in for any other address', async () => {
    const before = dialled.length;
    const answers = await batch([
      ['serve', '0.0.0.0', '10.0.0.1', 8013],
      ['serve', '::', '2001:db8::1', 8013],
    ]);
    expect(answers).toEqual(['good day', 'good day']);
    expect(dialled.length).toBe(before + 2);
  });

  it('refuses datagrams to anywhere at once', async () => {
    const answers = await batch([
      ['udp', '8.8.8.8', 53],
      ['udp', '2001:db8::1', 443],
    ]);
    expect(answers).toEqual(['read: ECONNREFUSED', 'read: ECONNREFUSED']);
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
