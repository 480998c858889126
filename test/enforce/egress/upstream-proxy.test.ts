import type { Socket } from 'node:net';
import tls from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';

import { createCertificate } from '../../support/certificate.ts';
import { createRig, readAll, waitFor } from '../../support/egress-rig.ts';
import type { Rig, RigOptions } from '../../support/egress-rig.ts';
import { fakeHttpProxy, fakeSocksProxy } from '../../support/upstream-proxy.ts';
import type { FakeProxy, FakeProxyOptions } from '../../support/upstream-proxy.ts';

const PUBLIC = '20.1.2.3';
const AT = '10.9.9.9';
const SECRET = 's3cr3t-w0rd';
const base: RigOptions = {
  allow: [
    { hosts: ['allowed.test'], ports: [80, 443, 7] },
    { cidrs: ['20.7.0.0/16', '10.20.0.0/16'], ports: [443] },
  ],
  hosts: { 'allowed.test': [PUBLIC] },
};

let rig: Rig;
afterEach(() => rig.close());

const answer = (socket: Socket, authority: string): void => {
  socket.once('data', (chunk: Buffer) => socket.end(`${authority} heard ${chunk.toString()}`));
};

const KINDS: [string, number, (options: FakeProxyOptions) => FakeProxy][] = [
  ['http', 3128, fakeHttpProxy],
  ['socks5h', 1080, fakeSocksProxy],
  ['socks5', 1080, fakeSocksProxy],
];

async function start(
  kind: string,
  more: Partial<RigOptions> & { fake?: Partial<FakeProxyOptions>; user?: string } = {},
): Promise<FakeProxy> {
  const [, port, create] = KINDS.find(([name]) => name === kind) ?? KINDS[0]!;
  const user = more.user === undefined ? '' : `${more.user}@`;
  const proxies = { ALL_PROXY: `${kind}://${user}${AT}:${port}`, ...more.proxies };
  rig = await createRig({ ...base, ...more, proxies });
  const fake = create({ destination: answer, ...more.fake });
  await rig.serve(`${AT}:${port}`, (socket) => fake.serve(socket));
  return fake;
}

async function ask(where: Promise<Socket>): Promise<string> {
  const socket = await where;
  socket.end('hello');
  return (await readAll(socket)).toString();
}

describe.each(KINDS)('through a proxy of the kind %s', (kind, port) => {
  const name = kind === 'socks5' ? PUBLIC : 'allowed.test';

  it('an allowed connection goes, and its record says so', async () => {
    const fake = await start(kind);
    expect(await ask(rig.connectByName('allowed.test', 7))).toBe(`${name}:7 heard hello`);
    expect(fake.asked).toEqual([`${name}:7`]);
    expect(rig.dialled).toEqual([`${AT}:${port}`]);
    await waitFor(() => rig.outcomes().length === 1);
    expect(rig.outcomes()[0]).toMatchObject({ viaProxy: `${kind}://${AT}:${port}`, end: 'closed' });
    expect(rig.outcomes()[0]).not.toHaveProperty('address');
  });

  it('credentials go, and are shown to nobody', async () => {
    const fake = await start(kind, {
      user: `me:${SECRET}%40`,
      fake: { credentials: `me:${SECRET}@` },
    });
    expect(await ask(rig.connectByName('allowed.test', 443))).toContain('heard hello');
    expect(fake.credentials).toEqual([`me:${SECRET}@`]);
    await waitFor(() => rig.outcomes().length === 1);
    expect(JSON.stringify(rig.records)).not.toContain(SECRET);
  });

  it.each([undefined, `me:wrong-${SECRET}`])(
    'none go where it refuses credentials (%s)',
    async (user) => {
      await start(kind, {
        ...(user !== undefined && { user }),
        fake: { credentials: 'me:right', destination: () => rig.faults.push('reached') },
      });
      expect(await ask(rig.connectByName('allowed.test', 443))).toBe('');
      await waitFor(() => rig.outcomes().length === 1);
      expect(rig.outcomes()[0]).toMatchObject({ end: 'unreachable' });
      expect(rig.outcomes()[0]?.['error']).toMatch(/credentials|user and password/);
      expect(JSON.stringify(rig.records)).not.toContain(SECRET);
      expect(rig.faults).toEqual([]);
    },
  );

  it('nothing goes that is denied, and no address that is out of bounds', async () => {
    await start(kind, {
      allow: [...(base.allow ?? []), { hosts: ['inner.test', 'local.test'], ports: [443] }],
      hosts: { ...base.hosts, 'inner.test': ['10.0.0.1'], 'local.test': ['127.0.0.1'] },
    });
    for (const where of ['inner.test', 'local.test'])
      expect(await ask(rig.connectByName(where, 443))).toBe('');
    for (const address of ['127.0.0.1', '169.254.169.254', '20.8.0.1'])
      expect(await ask(rig.connect(address, 443))).toBe('');
    expect(rig.dialled).toEqual([]);
    expect(rig.denials()).toHaveLength(5);
  });

  it('an address goes as it is, where a cidr rule names it', async () => {
    const fake = await start(kind);
    expect(await ask(rig.connect('20.7.0.1', 443))).toContain('heard hello');
    expect(await ask(rig.connect('10.20.0.1', 443))).toContain('heard hello');
    expect(fake.asked).toEqual(['20.7.0.1:443', '10.20.0.1:443']);
  });

  it('the host itself is never asked for', async () => {
    await start(kind, { allow: [{ hosts: ['host.sandbox.internal'], ports: [7] }] });
    await rig.serve('127.0.0.1:7', (socket) => answer(socket, 'loopback'));
    expect(await ask(rig.connect('198.18.0.2', 7))).toBe('loopback heard hello');
    expect(rig.dialled).toEqual(['127.0.0.1:7']);
  });

  it('nothing goes directly when it fails', async () => {
    await start(kind, { fake: { status: '503 No', reply: 5 } });
    await rig.serve(`${PUBLIC}:443`, () => rig.faults.push('direct'));
    expect(await ask(rig.connectByName('allowed.test', 443))).toBe('');
    await waitFor(() => rig.outcomes().length === 1);
    expect(rig.outcomes()[0]?.['error']).toMatch(/503|connection refused/);
    expect(rig.dialled).toEqual([`${AT}:${port}`]);
  });

  it.each<[string, (socket: Socket) => void]>([
    ['garbage', (socket) => socket.end(Buffer.alloc(4096, 0xee))],
    ['nothing', (socket) => socket.resume()],
    ['half an answer', (socket) => socket.write(kind === 'http' ? 'HTTP/1.1 200 O' : Buffer.of(5))],
    ['an endless head', (socket) => flood(socket, kind === 'http' ? 'HTTP/1.1 200 OK\r\nX: ' : '')],
    ['a reset', (socket) => socket.resetAndDestroy()],
    [
      'one byte now and then',
      (socket) => {
        const timer = setInterval(() => socket.write(kind === 'http' ? 'H' : Buffer.of(5)), 20);
        socket.once('close', () => clearInterval(timer));
      },
    ],
  ])('a proxy that says %s ends the connection, and nothing else', async (_what, behave) => {
    rig = await createRig({
      ...base,
      proxies: { ALL_PROXY: `${kind}://${AT}:1` },
      limits: { connect: 300 },
    });
    await rig.serve(`${AT}:1`, (socket) => {
      socket.once('data', () => behave(socket));
    });
    expect(await ask(rig.connectByName('allowed.test', 443))).toBe('');
    await waitFor(() => rig.outcomes().length === 1);
    expect(rig.outcomes()[0]).toMatchObject({ end: 'unreachable' });
    expect(rig.faults).toEqual([]);
  });

  it('what comes with the answer is kept', async () => {
    await start(kind, { fake: { destination: (socket) => socket.end('first words') } });
    expect(await ask(rig.connectByName('allowed.test', 7))).toBe('first words');
  });
});

function flood(socket: Socket, begin: string): void {
  socket.write(begin);
  const more = (): void => {
    while (!socket.destroyed && socket.write(Buffer.alloc(16_384, 0x41)));
  };
  socket.on('drain', more);
  more();
}

describe('a name that nobody on the host knows', () => {
  const unknown: Partial<RigOptions> = { hosts: {} };

  it.each(['http', 'socks5h'])('is left to a proxy of the kind %s, on record', async (kind) => {
    const fake = await start(kind, unknown);
    expect(await ask(rig.connectByName('allowed.test', 443))).toContain('heard hello');
    expect(await ask(rig.connectByName('allowed.test', 443))).toContain('heard hello');
    expect(fake.asked).toEqual(['allowed.test:443', 'allowed.test:443']);
    expect(rig.looked).toEqual(['allowed.test']);
    await waitFor(() => rig.outcomes().length === 2);
    expect(rig.outcomes()[0]).toMatchObject({ resolvedBy: 'proxy' });
  });

  it('goes nowhere with socks5, which wants an address', async () => {
    const fake = await start('socks5', unknown);
    expect(await ask(rig.connectByName('allowed.test', 443))).toBe('');
    expect(rig.denials()[0]).toContain('could not be resolved on the host');
    expect(fake.asked).toEqual([]);
  });

  it('goes nowhere where a rule denies addresses, which could be behind it', async () => {
    const fake = await start('http', { ...unknown, deny: [{ cidrs: ['20.0.0.0/8'] }] });
    expect(await ask(rig.connectByName('allowed.test', 443))).toBe('');
    expect(rig.denials()[0]).toContain('could not be resolved on the host');
    expect(fake.asked).toEqual([]);
  });

  it('goes nowhere when only audit mode lets it through', async () => {
    const fake = await start('http', { ...unknown, allow: [], mode: 'audit' });
    expect(await ask(rig.connectByName('allowed.test', 443))).toBe('');
    expect(rig.denials().at(-1)).toContain('could not be resolved on the host');
    expect(fake.asked).toEqual([]);
  });
});

describe('requests that are judged', () => {
  it('go through the proxy, one tunnel for those of a connection, on record', async () => {
    const fake = await start('http', {
      allow: [{ hosts: ['allowed.test'], methods: ['GET'] }],
      fake: {
        destination: (socket) =>
          socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')),
      },
    });
    const socket = await rig.connectByName('allowed.test', 80);
    const get = (more = ''): string => `GET /x HTTP/1.1\r\nHost: allowed.test\r\n${more}\r\n`;
    socket.write(`${get()}${get().replace('GET', 'PUT')}${get('Connection: close\r\n')}`);
    const answers = (await readAll(socket)).toString();
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual([
      'HTTP/1.1 200',
      'HTTP/1.1 403',
      'HTTP/1.1 200',
    ]);
    expect(fake.asked).toEqual(['allowed.test:80']);
    expect(rig.outcomes()[0]).toMatchObject({ viaProxy: `http://${AT}:3128`, status: 200 });
  });
});

it('says nothing to the guest of what the proxy of the host is called', async () => {
  rig = await createRig({
    ...base,
    allow: [{ hosts: ['allowed.test'], methods: ['GET'] }],
    proxies: { ALL_PROXY: 'http://secret-name.internal:3128' },
  });
  const socket = await rig.connectByName('allowed.test', 80);
  socket.write('GET /x HTTP/1.1\r\nHost: allowed.test\r\nConnection: close\r\n\r\n');
  const said = (await readAll(socket)).toString();
  expect(said).toMatch(/^HTTP\/1\.1 502/);
  expect(said).not.toContain('secret-name');
});

describe('a proxy spoken to in TLS', () => {
  const certificate = createCertificate(['proxy.test']);

  async function startTls(ca: string[]): Promise<FakeProxy> {
    rig = await createRig({
      ...base,
      hosts: { ...base.hosts, 'proxy.test': [AT] },
      ca,
      proxies: { HTTPS_PROXY: `https://me:${SECRET}@proxy.test` },
    });
    const fake = fakeHttpProxy({ destination: answer });
    const context = tls.createSecureContext(certificate);
    await rig.serve(`${AT}:443`, (socket) => {
      const secured = new tls.TLSSocket(socket, { isServer: true, secureContext: context });
      secured.on('error', () => undefined);
      fake.serve(secured);
    });
    return fake;
  }

  it('carries what a rule allows', async () => {
    const fake = await startTls([certificate.cert]);
    expect(await ask(rig.connectByName('allowed.test', 443))).toBe('allowed.test:443 heard hello');
    expect(fake.credentials).toEqual([`me:${SECRET}`]);
    expect(rig.dialled).toEqual([`${AT}:443`]);
  });

  it('is sent nothing when its certificate is not believed', async () => {
    const fake = await startTls([]);
    expect(await ask(rig.connectByName('allowed.test', 443))).toBe('');
    expect(fake.asked).toEqual([]);
    await waitFor(() => rig.outcomes().length === 1);
    expect(rig.outcomes()[0]?.['error']).toContain('no TLS with the proxy');
  });
});
