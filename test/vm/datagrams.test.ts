// Datagrams of a real guest, on ports that are open to them and on others.
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { readDatagrams, writeDatagram } from '../../src/guest/datagrams.ts';
import type { Destination } from '../../src/guest/link.ts';
import { type GuestMachine, startGuestMachine } from '../support/guest-machine.ts';

const ECHO = 7;
const SILENT = 9;
const FLOOD = 19;

let guest: GuestMachine;
const flows: Destination[] = [];

function answer(to: Destination, stream: Duplex): void {
  flows.push(to);
  if (to.port === ECHO) readDatagrams(stream, (bytes) => writeDatagram(stream, bytes));
  else if (to.port === FLOOD)
    readDatagrams(stream, () => {
      for (let i = 0; i < 2000; i++) writeDatagram(stream, Buffer.alloc(1400, i));
    });
  else stream.destroy();
}

beforeAll(async () => {
  guest = await startGuestMachine({
    memory: 512 * 1024 * 1024,
    config: { datagramPorts: [ECHO, SILENT, FLOOD, 8080] },
    hooks: { onDatagrams: answer },
  });
}, 300_000);
afterAll(() => guest?.end());

const probe = async (...words: (string | number)[]): Promise<string[]> => {
  const { stdout } = await guest.run(guest.probe(...words));
  return stdout.split('\n').filter((line) => line !== '');
};

it('reach the host with the address they were for, and answers come from there, whatever their size', async () => {
  for (const [address, family] of [
    ['10.0.0.1', 4],
    ['198.18.0.7', 4],
    ['2001:db8::7', 6],
  ] as const) {
    const before = flows.length;
    const sizes = [0, 1, 1400, 9000, 65000];
    expect(await probe('datagrams', address, ECHO, ...sizes)).toEqual(sizes.map(String));
    expect(flows.slice(before)).toEqual([{ address, port: ECHO, family }]);
  }
});

it('of one socket to several addresses are several flows, told apart by where their answers come from', async () => {
  const before = flows.length;
  const answers = await probe('scatter', ECHO, '10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.1');
  expect(answers.sort()).toEqual([
    '10.0.0.1 10.0.0.1',
    '10.0.0.1 10.0.0.1',
    '10.0.0.2 10.0.0.2',
    '10.0.0.3 10.0.0.3',
  ]);
  expect(flows.slice(before).map(({ address }) => address)).toEqual([
    '10.0.0.1',
    '10.0.0.2',
    '10.0.0.3',
  ]);
});

it('are refused at once on a port that no rule opens', async () => {
  const before = flows.length;
  expect(await probe('udp', '10.0.0.1', 53, '--', 'udp', '2001:db8::1', 443)).toEqual([
    'read: ECONNREFUSED',
    'read: ECONNREFUSED',
  ]);
  expect(flows.length).toBe(before);
});

it('get no answer when the host ends their flow, and begin a new one', async () => {
  const before = flows.length;
  expect(await probe('knock', '10.0.0.1', SILENT, 2)).toEqual(['silent', 'silent']);
  expect(flows.length).toBe(before + 2);
});

it('stay in the guest on its own loopback and its own address', async () => {
  const before = flows.length;
  expect(await probe('pair', '127.0.0.1', 8080, '--', 'pair', '192.0.2.1', 8080)).toEqual([
    'hello',
    'hello',
  ]);
  expect(flows.length).toBe(before);
});

it('that come faster than they are read are lost, and nothing else is', async () => {
  const [received] = await probe('drain', '10.0.0.1', FLOOD);
  expect(Number(received)).toBeGreaterThan(10);
  expect(await probe('datagrams', '10.0.0.1', ECHO, 5)).toEqual(['5']);
  expect(guest.faults).toEqual([]);
});
