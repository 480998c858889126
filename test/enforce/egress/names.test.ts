import { afterEach, describe, expect, it } from 'vitest';

import { createRig } from '../../support/egress-rig.ts';
import type { Rig, RigOptions } from '../../support/egress-rig.ts';

let rig: Rig;
afterEach(() => rig.close());

async function start(options: RigOptions): Promise<Rig> {
  rig = await createRig(options);
  return rig;
}

const allowed: RigOptions = {
  allow: [{ hosts: ['allowed.test'] }, { hosts: ['*.one.test'] }, { hosts: ['**.many.test'] }],
};
const NXDOMAIN = 3;

describe('a question for a name', () => {
  it('gives an allowed name a made-up address and asks nobody', async () => {
    await start(allowed);
    expect(await rig.resolve('allowed.test')).toMatchObject({ code: 0, addresses: ['198.18.0.3'] });
    expect(await rig.resolve('AlLoWeD.test')).toMatchObject({ code: 0, addresses: ['198.18.0.3'] });
    expect(rig.allows()).toEqual(['resolve allowed.test']);
    expect(rig.looked).toEqual([]);
  });

  it('N38, N40: denies other names with NXDOMAIN and a record each, and asks nobody', async () => {
    await start(allowed);
    for (const type of [1, 28, 16, 10, 15, 255, 65])
      expect(await rig.resolve(`data${type}.c.canary.test`, type)).toMatchObject({
        code: NXDOMAIN,
        values: [],
      });
    expect(rig.denials()).toHaveLength(7);
    expect(rig.denials()[0]).toBe('resolve data1.c.canary.test: no rule allows it');
    expect(rig.looked).toEqual([]);
  });

  it('has no other kinds of record for an allowed name', async () => {
    await start(allowed);
    for (const type of [28, 65, 64, 16, 15, 33, 255])
      expect(await rig.resolve('allowed.test', type)).toMatchObject({ code: 0, values: [] });
    expect(rig.denials()).toEqual([]);
  });

  it('PX-28: takes `*` for one label and `**` for one or more, never for none', async () => {
    await start(allowed);
    const codes = async (...names: string[]): Promise<number[]> =>
      Promise.all(names.map(async (name) => (await rig.resolve(name)).code));
    expect(await codes('a.one.test', 'a.many.test', 'a.b.many.test')).toEqual([0, 0, 0]);
    expect(await codes('one.test', 'a.b.one.test', 'many.test')).toEqual([
      NXDOMAIN,
      NXDOMAIN,
      NXDOMAIN,
    ]);
  });

  it.each([
    'evilallowed.test',
    'allowed.test.blocked.test',
    'allowed.testx',
    'x-allowed.test',
    'allowed-test',
    'xn--llowed-4nf.test', // Cyrillic a
    'xn--llowed-0fe.test',
    'xn--.test',
    '\u0430llowed.test',
    'allowed\u3002test.blocked.test',
    'blocked.test',
    'test',
    '*.one.test',
    'a b.many.test',
    'a/b.many.test',
    'a\0.many.test',
    'a%2e.many.test',
  ])('N19, N20: denies the look-alike %j', async (name) => {
    await start(allowed);
    expect(await rig.resolve(name)).toMatchObject({ code: NXDOMAIN, addresses: [] });
    expect(rig.denials()).toHaveLength(1);
    expect(rig.denials()[0]).toMatch(/^[\x20-\x7e]+$/);
  });

  it.each(['2130706433', '0x7f000001', '127.1', '0177.0.0.1', '1.2.3.4', '0'])(
    'N07: denies the address spelled as a name %j',
    async (name) => {
      await start({ allow: [{ hosts: ['**'] }, { cidrs: ['0.0.0.0/0'] }] });
      expect(await rig.resolve(name)).toMatchObject({ code: NXDOMAIN, addresses: [] });
      expect(rig.denials()).toHaveLength(1);
    },
  );

  it('answers for the guest itself without asking the policy', async () => {
    await start(allowed);
    for (const name of ['localhost', 'x.localhost', 'guest-box'])
      expect((await rig.resolve(name)).addresses).toEqual(['127.0.0.1']);
    expect((await rig.resolve('localhost', 28)).values).toEqual([
      Buffer.from('00000000000000000000000000000001', 'hex'),
    ]);
    expect(rig.records).toEqual([]);
  });

  it('gives the name back for an address that it made up, and for no other', async () => {
    await start(allowed);
    await rig.resolve('allowed.test');
    expect((await rig.resolve('3.0.18.198.in-addr.arpa', 12)).values[0]?.toString()).toContain(
      'allowed',
    );
    expect(await rig.resolve('9.0.18.198.in-addr.arpa', 12)).toMatchObject({ code: NXDOMAIN });
    expect(await rig.resolve('8.8.8.8.in-addr.arpa', 12)).toMatchObject({ code: NXDOMAIN });
  });

  it('denies names kept for the host, whatever the rules say', async () => {
    await start({ allow: [{ hosts: ['**'] }, { hosts: ['other.sandbox.internal'] }] });
    expect(await rig.resolve('other.sandbox.internal')).toMatchObject({ code: NXDOMAIN });
    expect(rig.denials()[0]).toContain('resolve other.sandbox.internal: of the names below');
  });

  it('treats a service of an allowed host as absent, and one of another host as denied', async () => {
    await start(allowed);
    expect(await rig.resolve('_http._tcp.allowed.test', 33)).toMatchObject({ code: NXDOMAIN });
    expect(rig.denials()).toEqual([]);
    expect(await rig.resolve('_http._tcp.blocked.test', 33)).toMatchObject({ code: NXDOMAIN });
    expect(rig.denials()).toEqual(['resolve blocked.test: no rule allows it']);
  });

  it('says so when all addresses are taken', async () => {
    await start({ ...allowed, limits: { names: 2 } });
    await rig.resolve('a.many.test');
    await rig.resolve('b.many.test');
    expect(await rig.resolve('c.many.test')).toMatchObject({ code: 2, addresses: [] });
    expect(rig.denials()[0]).toContain('all addresses of the session are taken');
    expect(await rig.resolve('a.many.test')).toMatchObject({ code: 0, addresses: ['198.18.0.3'] });
  });

  it('N35: reads one question and refuses a message that carries a second', async () => {
    await start(allowed);
    const { dnsQuery, readDnsAnswer } = await import('../../support/dns.ts');
    const two = Buffer.concat([dnsQuery('allowed.test', 1), dnsQuery('exfil.canary.test', 1)]);
    expect(readDnsAnswer(await rig.egress.onDns(two))).toMatchObject({ code: 1, addresses: [] });
    expect(rig.looked).toEqual([]);
  });

  it('lets names through in audit mode, recorded as what they would be', async () => {
    await start({ ...allowed, mode: 'audit' });
    expect(await rig.resolve('blocked.test')).toMatchObject({ code: 0, addresses: ['198.18.0.3'] });
    expect(rig.records[0]).toMatchObject({
      effect: 'deny',
      enforced: false,
      request: 'resolve blocked.test',
    });
  });
});
