import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';

import { createRig, readAll, waitFor } from '../../support/egress-rig.ts';
import type { Rig, RigOptions } from '../../support/egress-rig.ts';

let rig: Rig;
afterEach(() => rig.close());

async function start(options: RigOptions): Promise<Rig> {
  rig = await createRig(options);
  return rig;
}

const PUBLIC = '20.1.2.3';
const allowed: RigOptions = {
  allow: [{ hosts: ['allowed.test'] }],
  hosts: { 'allowed.test': [PUBLIC] },
};

function echo(socket: Socket): void {
  socket.pipe(socket);
}

function greet(text: string): (socket: Socket) => void {
  return (socket) => socket.end(text);
}

async function answerOf(socket: Socket, request = 'hello\n'): Promise<string> {
  socket.end(request);
  return (await readAll(socket)).toString();
}

describe('a connection to an allowed name', () => {
  it('goes to the address that the host looked up, and is recorded before and after', async () => {
    await start(allowed);
    await rig.serve(`${PUBLIC}:80`, echo);
    expect(await answerOf(await rig.connectByName('allowed.test', 80))).toBe('hello\n');
    await waitFor(() => rig.outcomes().length === 1);
    expect(rig.dialled).toEqual([`${PUBLIC}:80`]);
    expect(rig.allows()).toEqual(['resolve allowed.test', 'connect allowed.test:80']);
    expect(rig.outcomes()[0]).toMatchObject({
      request: 'connect allowed.test:80',
      end: 'closed',
      bytesOut: 6,
      bytesIn: 6,
      protocol: 'other',
    });
    expect(JSON.stringify(rig.records)).not.toContain('hello');
    expect(rig.egress.bytesOut).toBe(6);
  });

  it('ends where every request in it must be judged and it holds something else', async () => {
    await start({ ...allowed, allow: [{ hosts: ['allowed.test'], methods: ['GET'] }] });
    const socket = await rig.connectByName('allowed.test', 80);
    socket.write('SSH-2.0-OpenSSH_9.9\r\n');
    expect(await readAll(socket)).toHaveLength(0);
    expect(rig.denials()).toEqual([
      'connect allowed.test:80: only HTTP requests can be judged here: this connection begins with something else',
    ]);
    expect(rig.dialled).toEqual([]);
  });

  it.each([
    { deny: [{ cidrs: ['20.0.0.0/8'], paths: ['/x'] }] },
    { allow: [{ hosts: ['allowed.test'] }, { cidrs: ['20.1.0.0/16'], paths: ['/x'] }] },
  ])('is denied where its address has rules for single requests: %j', async (rules) => {
    await start({ ...allowed, ...rules });
    expect(await readAll(await rig.connectByName('allowed.test', 80))).toHaveLength(0);
    expect(rig.denials()).toEqual([
      `connect allowed.test:80: allowed.test leads to ${PUBLIC}, of which rules judge single HTTP requests; such rules must name the host`,
    ]);
    expect(rig.dialled).toEqual([]);
  });

  it('N10: passes protocols whose server speaks first', async () => {
    await start({ ...allowed, allow: [{ hosts: ['allowed.test'], ports: [22] }] });
    await rig.serve(`${PUBLIC}:22`, greet('SSH-2.0-origin\r\n'));
    const socket = await rig.connectByName('allowed.test', 22);
    expect(await readAll(socket)).toEqual(Buffer.from('SSH-2.0-origin\r\n'));
  });

  it('N08: is denied on ports that no rule names, with one record each', async () => {
    await start(allowed);
    for (const port of [22, 25, 6379, 8443])
      expect(await readAll(await rig.connectByName('allowed.test', port))).toHaveLength(0);
    const [address = ''] = (await rig.resolve('allowed.test')).addresses;
    for (const port of [0, 99999, -1, 1.5, NaN])
      expect(await readAll(await rig.connect(address, port))).toHaveLength(0);
    expect(rig.denials()).toHaveLength(9);
    expect(rig.denials()[0]).toBe('connect allowed.test:22: no rule allows it');
    expect(rig.dialled).toEqual([]);
    expect(rig.looked).toEqual([]);
  });

  it('goes to IPv6 too, and to the next address when the first does not answer', async () => {
    await start({ ...allowed, hosts: { 'allowed.test': ['2600::1', PUBLIC, '2600::2'] } });
    await rig.serve('2600::2:80', greet('six'));
    expect((await readAll(await rig.connectByName('allowed.test', 80))).toString()).toBe('six');
    expect(rig.dialled).toEqual(['2600::1:80', `${PUBLIC}:80`, '2600::2:80']);
  });

  it('is reset when nobody answers, and the record says why', async () => {
    await start(allowed);
    expect(await readAll(await rig.connectByName('allowed.test', 80))).toHaveLength(0);
    await waitFor(() => rig.outcomes().length === 1);
    expect(rig.outcomes()[0]).toMatchObject({ end: 'unreachable', error: 'ECONNREFUSED' });
    expect(rig.denials()).toEqual([]);
  });
});

describe('a connection to an address', () => {
  it('N04, N05: is denied although a rule allows a name behind it', async () => {
    await start(allowed);
    await rig.serve(`${PUBLIC}:80`, greet('ORIGIN'));
    const socket = await rig.connect(PUBLIC, 80);
    expect(await answerOf(socket, 'GET / HTTP/1.1\r\nHost: allowed.test\r\n\r\n')).toBe('');
    expect(rig.denials()).toEqual([`connect ${PUBLIC}:80: no rule allows it`]);
  });

  it('N41: is denied when the guest ties an allowed name to an address of its choice', async () => {
    await start(allowed);
    await rig.resolve('allowed.test');
    expect(await readAll(await rig.connect('20.9.9.9', 443))).toHaveLength(0);
    expect(rig.denials()).toEqual(['connect 20.9.9.9:443: no rule allows it']);
  });

  it('is allowed where a cidr rule names it, private or not', async () => {
    await start({ allow: [{ cidrs: ['20.0.0.0/8', '10.20.0.0/16'], ports: [5432] }] });
    for (const address of [PUBLIC, '10.20.3.4']) {
      await rig.serve(`${address}:5432`, greet(`at ${address}`));
      expect((await readAll(await rig.connect(address, 5432))).toString()).toBe(`at ${address}`);
    }
    expect(await readAll(await rig.connect('10.21.0.1', 5432))).toHaveLength(0);
    expect(await readAll(await rig.connect('10.20.3.4', 5433))).toHaveLength(0);
    expect(rig.denials()).toHaveLength(2);
    expect(rig.looked).toEqual([]);
  });

  it.each([
    '::ffff:20.9.9.9',
    '::ffff:1409:909',
    '64:ff9b::20.9.9.9',
    '2002:1409:909::1',
    '::20.9.9.9',
  ])('N07: is judged as the IPv4 address that %s stands for', async (spelling) => {
    await start(allowed);
    expect(await readAll(await rig.connect(spelling, 80))).toHaveLength(0);
    expect(rig.denials()).toEqual(['connect 20.9.9.9:80: no rule allows it']);
  });

  it.each([
    'fe80::1%eth0',
    '20.9.9',
    '0x14.9.9.9',
    '340330761',
    '[2600::1]',
    'allowed.test',
    '',
    '20.9.9.9:80',
    '020.9.9.9',
  ])('is denied when %j is no address in canonical form', async (address) => {
    await start({ allow: [{ hosts: ['**'] }, { cidrs: ['0.0.0.0/0', '::/0'] }] });
    expect(await readAll(await rig.connect(address, 80))).toHaveLength(0);
    expect(rig.denials()).toHaveLength(1);
    expect(rig.dialled).toEqual([]);
  });

  it('is denied when it looks made up and was never given out', async () => {
    await start({ allow: [{ hosts: ['**'] }, { cidrs: ['0.0.0.0/0'] }] });
    for (const address of [
      '198.18.0.0',
      '198.18.0.1',
      '198.18.0.3',
      '198.19.255.255',
      '::ffff:198.18.0.3',
    ])
      expect(await readAll(await rig.connect(address, 80))).toHaveLength(0);
    expect(rig.denials()).toHaveLength(5);
    expect(rig.denials()[2]).toBe(
      'connect 198.18.0.3:80: 198.18.0.3 was never given out as the address of a name',
    );
  });

  const out = [
    '127.0.0.1',
    '::1',
    '0.0.0.0',
    '::',
    '169.254.169.254',
    '169.254.170.2',
    '100.100.100.200',
    '168.63.129.16',
    'fd00:ec2::254',
    '169.254.7.7',
    'fe80::1',
    '224.0.0.1',
    'ff02::1',
    '255.255.255.255',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
  ];
  it.each(out)(
    'N44: %s is denied even where rules name it and audit lets things through',
    async (address) => {
      await start({
        mode: 'audit',
        allow: [
          {
            cidrs: [
              '0.0.0.0/0',
              '::/0',
              '127.0.0.0/8',
              '169.254.0.0/16',
              'fe80::/10',
              'fd00:ec2::/32',
              '100.64.0.0/10',
            ],
          },
        ],
      });
      expect(await readAll(await rig.connect(address, 80))).toHaveLength(0);
      expect(rig.dialled).toEqual([]);
      expect(
        rig.records.some(
          (event) =>
            event.type === 'decision' && event.effect === 'deny' && event.enforced === true,
        ),
      ).toBe(true);
    },
  );
});

describe('where an allowed name leads', () => {
  const bad = [
    '127.0.0.1',
    '10.0.0.1',
    '192.168.1.1',
    '172.16.0.1',
    '169.254.169.254',
    '::1',
    '::ffff:a9fe:a9fe',
    '::ffff:10.0.0.1',
    'fe80::1',
    'fe80::1%eth0',
    'fd00::1',
    '64:ff9b::10.0.0.1',
    '2002:a00:1::1',
    '100.64.0.1',
    '198.18.0.9',
    '224.0.0.1',
    '0.0.0.0',
    '::',
    'not an address',
    '',
  ];

  it.each(bad)(
    'PX-25, N43: to %j, first or last among good answers: no connection',
    async (address) => {
      await start({ ...allowed, mode: 'audit', hosts: { 'allowed.test': [PUBLIC, address] } });
      await rig.serve(`${PUBLIC}:80`, greet('ORIGIN'));
      expect(await readAll(await rig.connectByName('allowed.test', 80))).toHaveLength(0);
      expect(rig.dialled).toEqual([]);
      expect(rig.denials()).toHaveLength(1);
      expect(rig.records.at(-1)).toMatchObject({
        effect: 'deny',
        enforced: true,
        request: 'connect allowed.test:80',
        rule: { id: 'builtin/egress-address' },
      });
    },
  );

  it('to a private address that a cidr rule names: a connection; with another port or address beside it: none', async () => {
    const hosts = { 'db.test': ['10.0.0.5'], 'mixed.test': ['10.0.0.5', '10.0.0.6'] };
    await start({
      allow: [
        { hosts: ['*.test'], ports: [80, 5432] },
        { cidrs: ['10.0.0.5/32'], ports: [5432] },
      ],
      hosts,
    });
    await rig.serve('10.0.0.5:5432', greet('db'));
    expect((await readAll(await rig.connectByName('db.test', 5432))).toString()).toBe('db');
    expect(await readAll(await rig.connectByName('db.test', 80))).toHaveLength(0);
    expect(await readAll(await rig.connectByName('mixed.test', 5432))).toHaveLength(0);
    expect(rig.denials()[1]).toContain(
      'connect mixed.test:5432: mixed.test leads to 10.0.0.6, which is a private address',
    );
    expect(rig.dialled).toEqual(['10.0.0.5:5432']);
  });

  it('to an address that a cidr rule denies: no connection', async () => {
    await start({ ...allowed, deny: [{ cidrs: ['20.1.0.0/16'] }] });
    expect(await readAll(await rig.connectByName('allowed.test', 80))).toHaveLength(0);
    expect(rig.denials()).toEqual([
      `connect allowed.test:80: allowed.test leads to ${PUBLIC}, which repo/network.deny[0] denies`,
    ]);
  });

  it('PX-25: changes between two connections: each is checked by itself', async () => {
    const answers = [[PUBLIC], ['127.0.0.1']];
    await start({
      ...allowed,
      hosts: { 'allowed.test': () => Promise.resolve(answers.shift() ?? []) },
    });
    await rig.serve(`${PUBLIC}:80`, greet('ORIGIN'));
    expect((await readAll(await rig.connectByName('allowed.test', 80))).toString()).toBe('ORIGIN');
    expect(await readAll(await rig.connectByName('allowed.test', 80))).toHaveLength(0);
    expect(rig.dialled).toEqual([`${PUBLIC}:80`]);
  });

  it.each<[string, () => Promise<string[]>, string]>([
    [
      'does not exist',
      () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })),
      'ENOTFOUND',
    ],
    [
      'cannot be asked for',
      () => Promise.reject(Object.assign(new Error('later'), { code: 'EAI_AGAIN' })),
      'EAI_AGAIN',
    ],
    ['has no address', () => Promise.resolve([]), 'no address'],
    ['gets no answer', () => new Promise<string[]>(() => undefined), 'no answer in time'],
  ])('PX-26: nowhere, since it %s: no connection, and a record', async (_what, lookup, reason) => {
    await start({ ...allowed, hosts: { 'allowed.test': lookup }, limits: { lookup: 50 } });
    expect(await readAll(await rig.connectByName('allowed.test', 80))).toHaveLength(0);
    expect(rig.denials()).toEqual([
      `connect allowed.test:80: allowed.test could not be resolved on the host: ${reason}`,
    ]);
  });
});

describe('the relay', () => {
  it('carries much in both directions to a slow reader without holding it in memory', async () => {
    const size = 24 * 1024 * 1024;
    await start(allowed);
    let isReading = false;
    let received = 0;
    await rig.serve(`${PUBLIC}:80`, (socket) => {
      socket.pause();
      const timer = setInterval(() => {
        if (!isReading) return;
        clearInterval(timer);
        socket.resume();
      }, 5);
      socket.on('data', (chunk: Buffer) => (received += chunk.length));
      socket.on('end', () => socket.end(Buffer.alloc(size, 1)));
    });
    const guest = await rig.connectByName('allowed.test', 80);
    guest.end(Buffer.alloc(size, 2));
    await waitFor(() => rig.egress.bytesOut > 0);
    let before = -1;
    await waitFor(() => {
      const isStill = before === rig.egress.bytesOut;
      before = rig.egress.bytesOut;
      return isStill;
    });
    expect(before).toBeLessThan(size - 1024 * 1024);
    isReading = true;
    expect(await readAll(guest)).toHaveLength(size);
    expect(received).toBe(size);
    await waitFor(() => rig.outcomes().length === 1);
    expect(rig.outcomes()[0]).toMatchObject({ end: 'closed', bytesOut: size, bytesIn: size });
  });

  it('passes on that one side has ended while the other still speaks', async () => {
    await start(allowed);
    await rig.serve(`${PUBLIC}:80`, (socket) => {
      socket.on('data', () => undefined);
      socket.on('end', () => socket.end('after your end'));
    });
    const guest = await rig.connectByName('allowed.test', 80);
    expect(await answerOf(guest)).toBe('after your end');
    await rig.serve(`${PUBLIC}:443`, (socket) => {
      socket.end('I end first');
      socket.on('data', (chunk: Buffer) => rig.faults.push(chunk.toString()));
    });
    const other = await rig.connectByName('allowed.test', 443);
    await readAll(other);
    other.end('and still listen');
    await waitFor(() => rig.faults.length === 1);
    expect(rig.faults).toEqual(['and still listen']);
    await waitFor(() => rig.outcomes().length === 2);
    expect(rig.outcomes().map((event) => event.end)).toEqual(['closed', 'closed']);
  });

  it('passes on a reset in both directions', async () => {
    await start(allowed);
    const origins: Socket[] = [];
    await rig.serve(`${PUBLIC}:80`, (socket) => origins.push(socket.resume()));
    const guest = await rig.connectByName('allowed.test', 80);
    guest.write('x');
    await waitFor(() => (origins[0]?.bytesRead ?? 0) > 0);
    guest.resetAndDestroy();
    await waitFor(() => origins[0]?.destroyed === true);
    await waitFor(() => rig.outcomes().length === 1);
    expect(rig.outcomes()[0]).toMatchObject({ end: 'reset' });

    const other = await rig.connectByName('allowed.test', 80);
    await waitFor(() => origins.length === 2);
    origins[1]?.resetAndDestroy();
    other.resume();
    await waitFor(() => other.destroyed || other.readableEnded);
    await waitFor(() => rig.outcomes().length === 2);
    expect(rig.outcomes()[1]).toMatchObject({ end: 'reset' });
  });

  it('ends connections on which nothing happens', async () => {
    await start({ ...allowed, limits: { idle: 60 } });
    await rig.serve(`${PUBLIC}:80`, (socket) => socket.resume());
    await readAll(await rig.connectByName('allowed.test', 80));
    await waitFor(() => rig.outcomes().length === 1);
    expect(rig.outcomes()[0]).toMatchObject({ end: 'idle' });
  });

  it('stops at the byte limit of the session, and nothing goes out after that', async () => {
    await start({ ...allowed, egress: 1000 });
    let received = 0;
    await rig.serve(`${PUBLIC}:80`, (socket) =>
      socket.on('data', (chunk: Buffer) => (received += chunk.length)),
    );
    const guest = await rig.connectByName('allowed.test', 80);
    const other = await rig.connectByName('allowed.test', 80);
    guest.write(Buffer.alloc(900));
    await waitFor(() => received === 900);
    guest.write(Buffer.alloc(101));
    await readAll(guest);
    expect(rig.denials()[0]).toContain(
      'connect allowed.test:80: the session may send 1000 bytes out (limits.egress)',
    );
    other.write('x');
    await readAll(other);
    expect(await readAll(await rig.connectByName('allowed.test', 80))).toHaveLength(0);
    expect(rig.denials()).toHaveLength(3);
    expect(received).toBe(900);
    expect(rig.egress.bytesOut).toBe(900);
  });

  it('bounds how many connections are open at once', async () => {
    await start({ ...allowed, limits: { connections: 2 } });
    await rig.serve(`${PUBLIC}:80`, echo);
    const first = await rig.connectByName('allowed.test', 80);
    const second = await rig.connectByName('allowed.test', 80);
    first.write('1');
    second.write('2');
    await Promise.all([once(first, 'data'), once(second, 'data')]);
    expect(await readAll(await rig.connectByName('allowed.test', 80))).toHaveLength(0);
    expect(rig.denials()).toEqual(['connect allowed.test:80: 2 connections are open already']);
    first.end();
    await waitFor(() => rig.outcomes().length === 1);
    expect(await answerOf(await rig.connectByName('allowed.test', 80), '3')).toBe('3');
  });

  it('resets what is open and refuses what comes once it is closed', async () => {
    await start(allowed);
    await rig.serve(`${PUBLIC}:80`, echo);
    const open = await rig.connectByName('allowed.test', 80);
    open.write('x');
    await once(open, 'data');
    const address = '198.18.0.3';
    rig.egress.close();
    await readAll(open);
    expect(await readAll(await rig.connect(address, 80))).toHaveLength(0);
    expect(rig.outcomes()[0]).toMatchObject({ end: 'stopped' });
    expect(rig.dialled).toHaveLength(1);
  });

  it('begins nothing for a guest that has already hung up', async () => {
    let answer: (addresses: string[]) => void = () => undefined;
    await start({
      ...allowed,
      hosts: { 'allowed.test': () => new Promise((resolve) => (answer = resolve)) },
    });
    const guest = await rig.connectByName('allowed.test', 80);
    await waitFor(() => rig.looked.length === 1);
    guest.resetAndDestroy();
    await once(guest, 'close');
    await new Promise((resolve) => setTimeout(resolve, 30));
    answer([PUBLIC]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(rig.dialled).toEqual([]);
  });
});
