import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';

import { createRig, readAll, waitFor } from '../../support/egress-rig.ts';
import type { Rig, RigOptions } from '../../support/egress-rig.ts';

const PROXY = '198.18.0.1';
const PORT = 3128;
const PUBLIC = '20.1.2.3';
const allowed: RigOptions = {
  allow: [{ hosts: ['allowed.test'], ports: [443, 7] }],
  hosts: { 'allowed.test': [PUBLIC], 'other.test': ['20.1.2.4'] },
};

let rig: Rig;
afterEach(() => rig.close());

async function ask(text: string): Promise<Socket> {
  const socket = await rig.connect(PROXY, PORT);
  socket.write(text);
  return socket;
}

const connect = (authority: string): string =>
  `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;

async function answerTo(text: string): Promise<string> {
  const socket = await ask(text);
  return (await readAll(socket)).toString();
}

async function firstOf(socket: Socket): Promise<string> {
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk.toString();
}

describe('the proxy', () => {
  it('is found by its name, which needs no rule', async () => {
    rig = await createRig({});
    expect((await rig.resolve('proxy.sandbox.internal')).addresses).toEqual([PROXY]);
    expect(rig.denials()).toEqual([]);
  });

  it('carries a connection that a rule allows, and no byte before the decision', async () => {
    rig = await createRig(allowed);
    await rig.serve(`${PUBLIC}:7`, (socket) => void socket.pipe(socket));
    const socket = await ask(`${connect('ALLOWED.test:7')}early `);
    expect(await firstOf(socket)).toMatch(/^HTTP\/1\.1 200 /);
    socket.end('late');
    expect((await readAll(socket)).toString()).toBe('early late');
    expect(rig.allows()).toEqual(['connect allowed.test:7']);
  });

  it('forgets its own waits once a connection is carried', async () => {
    rig = await createRig({ ...allowed, httpLimits: { headerTime: 40, keepAlive: 60 } });
    await rig.serve(`${PUBLIC}:7`, (socket) => void socket.pipe(socket));
    const socket = await ask(connect('allowed.test:7'));
    expect(await firstOf(socket)).toMatch(/^HTTP\/1\.1 200 /);
    await new Promise((resolve) => setTimeout(resolve, 150));
    socket.end('still here');
    expect((await readAll(socket)).toString()).toBe('still here');
    expect(rig.denials()).toEqual([]);
  });

  it('says which rule is missing, and what to write', async () => {
    rig = await createRig(allowed);
    const answer = await answerTo(connect('other.test:443'));
    expect(answer).toContain('HTTP/1.1 403 Forbidden (agent-sandbox rule builtin/default)\r\n');
    expect(answer).toContain('x-agent-sandbox-rule: builtin/default');
    expect(answer).toContain('connect other.test:443');
    expect(answer).toContain('host: other.test');
    expect(rig.denials()[0]).toContain('connect other.test:443');
    expect([rig.looked, rig.dialled]).toEqual([[], []]);
  });

  it.each([
    ['an address of the host itself', '127.0.0.1:443'],
    ['a mapped one', '[::ffff:169.254.169.254]:80'],
    ['a made-up address that means nothing', '198.18.200.1:443'],
    ['the proxy itself', 'proxy.sandbox.internal:3128'],
    ['no port', 'allowed.test'],
    ['a port that is none', 'allowed.test:70000'],
    ['a name with a user', 'u@allowed.test:443'],
    ['a path', 'allowed.test:443/x'],
  ])('opens nothing to %s', async (_what, authority) => {
    rig = await createRig({
      ...allowed,
      allow: [{ hosts: ['**', '**.internal'], ports: [443, 3128] }],
    });
    expect(await answerTo(connect(authority))).toMatch(/^HTTP\/1\.1 4|^$/);
    expect(rig.dialled).toEqual([]);
  });

  it('judges the requests inside where a rule speaks of them', async () => {
    rig = await createRig({ ...allowed, allow: [{ hosts: ['allowed.test'], methods: ['GET'] }] });
    const socket = await ask(connect('allowed.test:80'));
    expect(await firstOf(socket)).toMatch(/^HTTP\/1\.1 200 /);
    socket.write(
      'POST /x HTTP/1.1\r\nHost: allowed.test\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    );
    expect((await readAll(socket)).toString()).toMatch(/^HTTP\/1\.1 403 /);
    expect(rig.dialled).toEqual([]);
  });

  it('opens no second connection inside the first', async () => {
    rig = await createRig({ ...allowed, allow: [{ hosts: ['allowed.test'], methods: ['GET'] }] });
    const socket = await ask(connect('allowed.test:80'));
    await firstOf(socket);
    socket.write(connect('allowed.test:443'));
    expect((await readAll(socket)).toString()).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('ends what is no request, and says why', async () => {
    rig = await createRig(allowed);
    expect(await answerTo('\x16\x03\x01 no request\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(rig.denials()[0]).toContain('connect proxy.sandbox.internal:3128: bytes that are no');
    expect(rig.dialled).toEqual([]);
  });

  it.each(['allowed.test', 'u@allowed.test:7', 'http://allowed.test:7/', '/', ''])(
    'opens nothing for CONNECT %j, on record',
    async (authority) => {
      rig = await createRig(allowed);
      expect(await answerTo(connect(authority))).toMatch(/^HTTP\/1\.1 400 /);
      expect(rig.denials()).toHaveLength(1);
      expect(rig.dialled).toEqual([]);
    },
  );

  it('refuses when the session is over', async () => {
    rig = await createRig(allowed);
    rig.egress.close();
    expect(await answerTo(connect('allowed.test:443'))).toMatch(/^HTTP\/1\.1 403 |^$/);
    await waitFor(() => rig.dialled.length === 0);
  });
});
