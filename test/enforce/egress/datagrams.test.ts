import { once } from 'node:events';
import { duplexPair, type Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';

import { datagramPorts } from '../../../src/enforce/egress/datagrams.ts';
import { readDatagrams, writeDatagram } from '../../../src/guest/datagrams.ts';
import { createPolicy, createRig, waitFor } from '../../support/egress-rig.ts';
import type { Rig, Rule, RigOptions } from '../../support/egress-rig.ts';
import { createRandom } from '../../support/random.ts';

const NAME = 'time.example.test';
const PUBLIC = '20.1.2.3';
const UDP: Rule = { hosts: [NAME], protocol: 'udp', ports: [123] };
const RULES: RigOptions = { allow: [UDP], hosts: { [NAME]: [PUBLIC] } };

let rig: Rig;
afterEach(async () => {
  await rig.close();
  expect(rig.faults).toEqual([]);
});

interface Flow {
  stream: Duplex;
  received: string[];
  send(text: string): void;
}

/** A process of the guest that sends to `address:port`. */
function open(address: string, port: number): Flow {
  const [guest, host] = duplexPair();
  guest.on('error', () => undefined);
  // A reset crosses the mux; a pair of streams in memory does not carry it.
  host.on('close', () => guest.destroy());
  const received: string[] = [];
  readDatagrams(guest, (bytes) => received.push(bytes.toString()));
  rig.egress.onDatagrams({ address, port }, host);
  return { stream: guest, received, send: (text) => void writeDatagram(guest, Buffer.from(text)) };
}

async function openByName(name: string, port: number): Promise<Flow> {
  const [address] = (await rig.resolve(name)).addresses;
  return open(address ?? '', port);
}

const isRefused = async ({ stream }: Flow): Promise<boolean> => {
  stream.resume();
  if (!stream.closed) await once(stream, 'close');
  return true;
};

describe('datagrams to an allowed name', () => {
  it('go to the address that the host looked up, and are recorded before and after', async () => {
    rig = await createRig({ ...RULES, limits: { datagramIdle: 300 } });
    await rig.serveDatagrams(`${PUBLIC}:123`, (bytes) => Buffer.concat([bytes, bytes]));
    const flow = await openByName(NAME, 123);
    flow.send('early');
    await waitFor(() => flow.received.length === 1);
    flow.send('');
    flow.send('later');
    await waitFor(() => flow.received.length === 3);
    expect(flow.received).toEqual(['earlyearly', '', 'laterlater']);
    expect(rig.allows()).toEqual([`resolve ${NAME}`, `connect ${NAME}:123/udp`]);
    await waitFor(() => rig.outcomes().length === 1);
    expect(rig.outcomes()[0]).toMatchObject({ end: 'idle', bytesOut: 10, bytesIn: 20 });
    expect(await isRefused(flow)).toBe(true);
    expect(rig.egress.bytesOut).toBe(10);
  });

  it('are begun as often as their rule allows, and send as much', async () => {
    rig = await createRig({
      ...RULES,
      allow: [{ ...UDP, limit: { count: 2, per: 'session' }, egress: 8 }],
    });
    await rig.serveDatagrams(`${PUBLIC}:123`, (bytes) => bytes);
    const first = await openByName(NAME, 123);
    first.send('four');
    await waitFor(() => first.received.length === 1);
    const second = await openByName(NAME, 123);
    second.send('more than four');
    expect(await isRefused(second)).toBe(true);
    expect(second.received).toEqual([]);
    expect(await isRefused(await openByName(NAME, 123))).toBe(true);
    expect(rig.denials()).toHaveLength(2);
    expect(rig.records.at(-1)).toMatchObject({ rule: { id: 'repo/network.allow[0]' } });
  });

  it('end when the target says that nobody is there', async () => {
    rig = await createRig(RULES);
    const flow = await openByName(NAME, 123);
    flow.send('x');
    expect(await isRefused(flow)).toBe(true);
    await waitFor(() => rig.outcomes().length === 1);
    expect(rig.outcomes()[0]).toMatchObject({ end: 'ECONNREFUSED', bytesIn: 0 });
  });

  it('stop where the session may send no more', async () => {
    rig = await createRig({ ...RULES, egress: 8 });
    await rig.serveDatagrams(`${PUBLIC}:123`, (bytes) => bytes);
    const flow = await openByName(NAME, 123);
    flow.send('12345678');
    await waitFor(() => flow.received.length === 1);
    flow.send('9');
    expect(await isRefused(flow)).toBe(true);
    expect(rig.denials()).toEqual([expect.stringContaining('may send 8 bytes out')]);
  });
});

describe('datagrams that come faster than they can go', () => {
  it('are lost before the address is known, but for a few', async () => {
    let answer: (addresses: string[]) => void = () => undefined;
    const hosts = { [NAME]: () => new Promise<string[]>((resolve) => (answer = resolve)) };
    rig = await createRig({ ...RULES, hosts, limits: { datagramIdle: 100 } });
    await rig.serveDatagrams(`${PUBLIC}:123`, () => Buffer.from('!'));
    const flow = await openByName(NAME, 123);
    for (let i = 0; i < 10; i++) flow.send('x'.repeat(20_000));
    await waitFor(() => rig.looked.length === 1);
    answer([PUBLIC]);
    await waitFor(() => rig.outcomes().length === 1);
    expect(rig.outcomes()[0]).toMatchObject({ bytesOut: 60_000, bytesIn: 3 });
  });

  it('are lost, and unpaid, while too many wait for the network', async () => {
    let unsent = 0;
    rig = await createRig({
      ...RULES,
      onDatagramSocket: (socket) => (socket.getSendQueueSize = () => unsent),
    });
    await rig.serveDatagrams(`${PUBLIC}:123`, (bytes) => bytes);
    const flow = await openByName(NAME, 123);
    flow.send('1');
    await waitFor(() => flow.received.length === 1);
    unsent = 300_000;
    flow.send('2');
    await new Promise((resolve) => setTimeout(resolve, 50));
    unsent = 0;
    flow.send('3');
    await waitFor(() => flow.received.length === 2);
    expect(flow.received).toEqual(['1', '3']);
    expect(rig.egress.bytesOut).toBe(2);
  });

  it('are one denial when the session may send no more, not one each', async () => {
    rig = await createRig({ ...RULES, egress: 8 });
    await rig.serveDatagrams(`${PUBLIC}:123`, (bytes) => bytes);
    const flow = await openByName(NAME, 123);
    flow.send('12345678');
    await waitFor(() => flow.received.length === 1);
    flow.stream.write(Buffer.from([1, 0, 57, ...Buffer.alloc(20_000)]));
    expect(await isRefused(flow)).toBe(true);
    await waitFor(() => rig.outcomes().length === 1);
    expect(rig.denials()).toHaveLength(1);
  });
});

it('nothing is carried once egress is closed', async () => {
  rig = await createRig(RULES);
  await rig.serveDatagrams(`${PUBLIC}:123`, (bytes) => bytes);
  const [address = ''] = (await rig.resolve(NAME)).addresses;
  rig.egress.close();
  const flow = open(address, 123);
  flow.send('x');
  expect(await isRefused(flow)).toBe(true);
  expect(rig.dialled).toEqual([]);
});

describe('datagrams are refused, on record', () => {
  const cases: [string, RigOptions, string, number][] = [
    ['where only connections are allowed', { allow: [{ hosts: [NAME] }] }, PUBLIC, 443],
    ['on another port', { allow: [UDP] }, PUBLIC, 124],
    [
      'where a deny names no protocol',
      { allow: [UDP], deny: [{ hosts: [NAME], ports: [123] }] },
      PUBLIC,
      123,
    ],
    [
      'where single requests are denied, which nobody could see in them',
      { allow: [UDP], deny: [{ hosts: [NAME], ports: [123], paths: ['/x'] }] },
      PUBLIC,
      123,
    ],
    ['to a private address behind the name', { allow: [UDP] }, '10.0.0.9', 123],
    [
      'to a private address that is open to connections alone',
      { allow: [UDP, { cidrs: ['10.0.0.0/24'], ports: [123] }] },
      '10.0.0.9',
      123,
    ],
    ['to loopback behind the name', { allow: [UDP] }, '127.0.0.1', 123],
  ];
  it.each(cases)('%s', async (_what, rules, address, port) => {
    const tcp = { hosts: [NAME], ports: [1] };
    rig = await createRig({
      ...rules,
      allow: [...(rules.allow ?? []), tcp],
      hosts: { [NAME]: [address] },
    });
    const flow = await openByName(NAME, port);
    flow.send('x');
    expect(await isRefused(flow)).toBe(true);
    expect(rig.dialled).toEqual([]);
    expect(rig.denials()).toEqual([expect.stringContaining(`connect ${NAME}:${port}/udp: `)]);
  });

  it('to an address that was never given out, and to one that no rule names', async () => {
    rig = await createRig(RULES);
    for (const address of ['198.18.77.7', '8.8.8.8', '169.254.169.254', '::1']) {
      const flow = open(address, 123);
      flow.send('x');
      expect(await isRefused(flow), address).toBe(true);
    }
    expect(rig.dialled).toEqual([]);
    expect(rig.denials()).toHaveLength(4);
  });

  it('beyond the number that may be open at once', async () => {
    rig = await createRig({ ...RULES, limits: { connections: 1 } });
    await rig.serveDatagrams(`${PUBLIC}:123`, (bytes) => bytes);
    const first = await openByName(NAME, 123);
    first.send('x');
    await waitFor(() => first.received.length === 1);
    expect(await isRefused(await openByName(NAME, 123))).toBe(true);
    expect(rig.denials()).toEqual([expect.stringContaining('1 connections are open already')]);
  });
});

it('a cidr rule opens datagrams to a private address where it says so', async () => {
  rig = await createRig({ allow: [{ cidrs: ['10.0.0.0/24'], ports: [53], protocol: 'udp' }] });
  await rig.serveDatagrams('10.0.0.9:53', (bytes) => bytes);
  const flow = open('10.0.0.9', 53);
  flow.send('ask');
  await waitFor(() => flow.received.length === 1);
  expect(flow.received).toEqual(['ask']);
});

it('the ports that the guest is told are those of rules that open datagrams', () => {
  const policy = createPolicy({
    allow: [{ hosts: ['a.test'] }, { ...UDP, ports: [443, 53] }, UDP, { ...UDP, ports: [53] }],
    deny: [{ ...UDP, ports: [9] }],
  });
  expect(datagramPorts(policy)).toEqual([53, 123, 443]);
  rig = { close: () => Promise.resolve(), faults: [] } as unknown as Rig;
});

it('datagrams cut anywhere come out as they were', async () => {
  const random = createRandom('datagrams');
  rig = { close: () => Promise.resolve(), faults: [] } as unknown as Rig;
  for (let round = 0; round < 50; round++) {
    const sent = Array.from({ length: 20 }, () =>
      random.bytes(random.below(random.chance(0.1) ? 65536 : 300)),
    );
    const [from, to] = duplexPair();
    const bytes: Buffer[] = [];
    from.on('data', (chunk: Buffer) => bytes.push(chunk));
    for (const datagram of sent) {
      while (!writeDatagram(to, datagram)) await once(to, 'drain');
    }
    to.end();
    await once(from, 'end');
    const all = Buffer.concat(bytes);
    const [left, right] = duplexPair();
    const received: Buffer[] = [];
    readDatagrams(right, (datagram) => received.push(Buffer.from(datagram)));
    for (let at = 0; at < all.length;) {
      const size = 1 + random.below(random.pick([3, 900, 100_000]));
      left.write(all.subarray(at, at + size));
      at += size;
    }
    left.end();
    await once(right, 'end');
    expect(received.length).toBe(sent.length);
    expect(Buffer.concat(received).equals(Buffer.concat(sent))).toBe(true);
  }
});
