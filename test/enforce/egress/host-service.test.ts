import { afterEach, describe, expect, it } from 'vitest';

import { createRig, readAll } from '../../support/egress-rig.ts';
import type { Rig, RigOptions } from '../../support/egress-rig.ts';

const HOST = 'host.sandbox.internal';
const ADDRESS = '198.18.0.2';
const NXDOMAIN = 3;
const allowed: RigOptions = { allow: [{ hosts: [HOST], ports: [5432] }] };

let rig: Rig;
afterEach(() => rig.close());

async function start(options: RigOptions): Promise<void> {
  rig = await createRig(options);
  for (const port of [5432, 80])
    await rig.serve(`127.0.0.1:${port}`, (socket) => socket.end(`service ${port}`));
}

async function reach(port: number): Promise<string> {
  return (await readAll(await rig.connect(ADDRESS, port))).toString();
}

describe('a service on the host', () => {
  it('is found at one address, and reached on the port that its rule names', async () => {
    await start(allowed);
    expect(await rig.resolve(HOST)).toMatchObject({ code: 0, addresses: [ADDRESS] });
    expect(await reach(5432)).toBe('service 5432');
    expect(rig.allows()).toEqual([`resolve ${HOST}`, `connect ${HOST}:5432`]);
    expect([rig.dialled, rig.looked]).toEqual([['127.0.0.1:5432'], []]);
  });

  it('is reached on ports 80 and 443 where a rule names none', async () => {
    await start({ allow: [{ hosts: [HOST] }] });
    expect(await reach(80)).toBe('service 80');
    expect(await reach(5432)).toBe('');
    expect(rig.denials()[0]).toContain(`connect ${HOST}:5432: a service on the host takes a rule`);
  });

  it('may listen on either loopback', async () => {
    rig = await createRig(allowed);
    await rig.serve('::1:5432', (socket) => socket.end('six'));
    expect(await reach(5432)).toBe('six');
    expect(rig.dialled).toEqual(['127.0.0.1:5432', '::1:5432']);
  });

  it.each<[string, RigOptions]>([
    ['no rule', {}],
    ['any name', { allow: [{ hosts: ['**'], ports: [80, 5432] }] }],
    ['a pattern', { allow: [{ hosts: ['**.internal', '*.sandbox.internal'], ports: [80, 5432] }] }],
    ['its addresses', { allow: [{ cidrs: ['127.0.0.0/8', '198.18.0.0/15'], ports: [80, 5432] }] }],
    ['it on another port', { allow: [{ hosts: [HOST], ports: [1] }] }],
    ['it, and a deny of any name', { ...allowed, deny: [{ hosts: ['**'], ports: [80, 5432] }] }],
    ['it, and a deny of its name', { ...allowed, deny: [{ hosts: [HOST], ports: [80, 5432] }] }],
  ])('is out of reach where rules speak of %s, audited or not', async (what, options) => {
    for (const mode of ['enforce', 'audit'] as const) {
      await start({ ...options, mode });
      if (mode === 'enforce' && what !== 'it on another port')
        expect(await rig.resolve(HOST)).toMatchObject({ code: NXDOMAIN });
      expect(await reach(5432)).toBe('');
      expect(await reach(80)).toBe('');
      expect(rig.dialled).toEqual([]);
      const denials = rig.records.filter(
        (event) => event.type === 'decision' && event.effect === 'deny' && event.enforced,
      );
      expect(denials.length).toBeGreaterThanOrEqual(2);
      if (mode === 'enforce') await rig.close();
    }
  });

  it('opens no other way to the loopback', async () => {
    await start({
      allow: [{ hosts: [HOST, 'other.test', 'localhost'], ports: [5432] }],
      hosts: { 'other.test': ['127.0.0.1'] },
    });
    for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1', '0.0.0.0'])
      expect((await readAll(await rig.connect(address, 5432))).toString()).toBe('');
    expect((await readAll(await rig.connectByName('other.test', 5432))).toString()).toBe('');
    expect(await rig.resolve(`x.${HOST}`)).toMatchObject({ code: NXDOMAIN });
    expect(rig.dialled).toEqual([]);
  });

  it('is judged request by request where its rule says so', async () => {
    rig = await createRig({ allow: [{ hosts: [HOST], ports: [80], methods: ['GET'] }] });
    await rig.serve('127.0.0.1:80', (socket) =>
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'),
    );
    const ask = async (method: string): Promise<string> => {
      const socket = await rig.connect(ADDRESS, 80);
      socket.write(
        `${method} / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      );
      return (await readAll(socket)).toString();
    };
    expect(await ask('GET')).toMatch(/^HTTP\/1\.1 200 /);
    expect(await ask('POST')).toMatch(/^HTTP\/1\.1 403 /);
    expect(rig.dialled).toEqual(['127.0.0.1:80']);
  });

  it('is reached through the proxy by the same rule', async () => {
    await start(allowed);
    const ask = async (authority: string): Promise<string> => {
      const socket = await rig.connect('198.18.0.1', 3128);
      socket.write(`CONNECT ${authority} HTTP/1.1\r\n\r\n`);
      return (await readAll(socket)).toString();
    };
    expect(await ask(`${HOST}:5432`)).toMatch(/service 5432$/);
    const denied = await ask(`${HOST}:80`);
    expect(denied).toMatch(/^HTTP\/1\.1 403 /);
    expect(denied).toContain(`host: ${HOST}`);
  });
});
