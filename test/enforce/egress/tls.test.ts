import { once } from 'node:events';
import type { Socket } from 'node:net';
import tls from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import { createCertificate } from '../../support/certificate.ts';
import type { TestCertificate } from '../../support/certificate.ts';
import { createRig, readAll, waitFor } from '../../support/egress-rig.ts';
import type { Rig, RigOptions } from '../../support/egress-rig.ts';
import { captureHello, hello } from '../../support/tls.ts';

const NAME = 'allowed.test';
const PUBLIC = '20.1.2.3';
const allowed: RigOptions = { allow: [{ hosts: [NAME] }], hosts: { [NAME]: [PUBLIC] } };

let certificate: TestCertificate;
let rig: Rig;
beforeAll(() => {
  certificate = createCertificate([NAME, 'blocked.test']);
});
afterEach(() => rig.close());

/** A TLS server behind an address, and what reached it: names, and bytes on the wire. */
async function serveTls(
  where: string,
  options: tls.TlsOptions = {},
): Promise<{ names: string[]; bytes: () => number }> {
  const names: string[] = [];
  const sockets: Socket[] = [];
  const server = tls.createServer({ ...certificate, ...options }, (socket) => {
    names.push(typeof socket.servername === 'string' ? socket.servername : '');
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => socket.end(`ORIGIN:${chunk.toString()}`));
  });
  server.on('tlsClientError', () => undefined);
  await rig.serve(where, (socket) => {
    sockets.push(socket);
    server.emit('connection', socket);
  });
  return { names, bytes: () => sockets.reduce((sum, socket) => sum + socket.bytesRead, 0) };
}

async function secure(socket: Socket, options: tls.ConnectionOptions): Promise<string> {
  const client = tls.connect({ socket, ca: certificate.cert, ...options });
  client.on('error', () => undefined);
  client.write('ping');
  const answer = await readAll(client);
  client.destroy();
  socket.end();
  return answer.toString();
}

describe('TLS through the egress', () => {
  it.each<[string, tls.ConnectionOptions]>([
    ['TLS 1.3', {}],
    ['TLS 1.2', { maxVersion: 'TLSv1.2' }],
    ['with ALPN', { ALPNProtocols: ['h2', 'http/1.1'] }],
  ])('works with a real client and server: %s', async (_what, options) => {
    rig = await createRig(allowed);
    const origin = await serveTls(`${PUBLIC}:443`);
    expect(await secure(await rig.connectByName(NAME, 443), { servername: NAME, ...options })).toBe(
      'ORIGIN:ping',
    );
    expect(origin.names).toEqual([NAME]);
    await waitFor(() => rig.outcomes().length === 1);
    expect(rig.outcomes()[0]).toMatchObject({ protocol: 'tls' });
    expect(rig.outcomes()[0]?.bytesOut).toBe(origin.bytes());
    expect(rig.denials()).toEqual([]);
  });

  it('works when the server asks for a second hello', async () => {
    rig = await createRig(allowed);
    const origin = await serveTls(`${PUBLIC}:443`, { ecdhCurve: 'P-384' });
    expect(
      await secure(await rig.connectByName(NAME, 443), {
        servername: NAME,
        ecdhCurve: 'X25519:P-256:P-384',
      }),
    ).toBe('ORIGIN:ping');
    expect(origin.names).toEqual([NAME]);
  });

  it('works when a session is resumed', async () => {
    rig = await createRig(allowed);
    await serveTls(`${PUBLIC}:443`);
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const first = tls.connect({
        socket: await rig.connectByName(NAME, 443),
        ca: certificate.cert,
        servername: NAME,
        maxVersion,
      });
      let session: Buffer | undefined;
      first.on('session', (fresh: Buffer) => (session = fresh));
      first.write('ping');
      await readAll(first);
      await waitFor(() => session !== undefined);
      const second = tls.connect({
        socket: await rig.connectByName(NAME, 443),
        ca: certificate.cert,
        servername: NAME,
        maxVersion,
        session,
      });
      second.write('ping');
      expect((await readAll(second)).toString()).toBe('ORIGIN:ping');
      expect(second.isSessionReused()).toBe(true);
    }
  });

  it('works when the hello comes byte by byte', async () => {
    rig = await createRig(allowed);
    const origin = await serveTls(`${PUBLIC}:443`);
    const guest = await rig.connectByName(NAME, 443);
    guest.setNoDelay(true);
    const bytes = await captureHello({ servername: NAME });
    for (const byte of bytes) {
      guest.write(Buffer.from([byte]));
      if (byte % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const [answer] = (await once(guest, 'data')) as [Buffer];
    expect(answer[0]).toBe(22);
    expect(origin.bytes()).toBe(bytes.length);
  });

  it.each<[string, tls.ConnectionOptions, string]>([
    [
      'N11: another server',
      { servername: 'blocked.test' },
      'asks for "blocked.test", and this connection was decided for allowed.test',
    ],
    ['N14: no server', {}, 'names no server'],
    [
      'N20: a server whose name begins alike',
      { servername: 'allowed.test.blocked.test' },
      'asks for "allowed.test.blocked.test"',
    ],
  ])(
    'is reset, and no byte reaches the server, when the hello names %s',
    async (_what, options, reason) => {
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        rig = await createRig(allowed);
        const origin = await serveTls(`${PUBLIC}:443`);
        expect(
          await secure(await rig.connectByName(NAME, 443), {
            ...options,
            maxVersion,
            rejectUnauthorized: false,
          }),
        ).toBe('');
        expect(origin.bytes()).toBe(0);
        expect(rig.denials()).toHaveLength(1);
        expect(rig.denials()[0]).toContain(reason);
        expect(
          rig.records.find((event) => event.type === 'decision' && event.effect === 'deny'),
        ).toMatchObject({
          request: 'connect allowed.test:443',
          surface: 'network',
          rule: { id: 'builtin/egress-hello' },
        });
        await waitFor(() => rig.outcomes().length === 1);
        expect(rig.outcomes()[0]).toMatchObject({ end: 'refused', bytesOut: 0 });
        await rig.close();
      }
    },
  );

  it('is reset on every port, in audit mode too', async () => {
    rig = await createRig({ ...allowed, allow: [], mode: 'audit' });
    const origin = await serveTls(`${PUBLIC}:5000`);
    expect(await secure(await rig.connectByName(NAME, 5000), { servername: 'blocked.test' })).toBe(
      '',
    );
    expect(origin.bytes()).toBe(0);
    expect(rig.records.find((event) => event.type === 'decision' && event.enforced)).toMatchObject({
      effect: 'deny',
    });
  });

  it('is reset when the hello is encrypted, on a connection by address too', async () => {
    rig = await createRig({ ...allowed, allow: [{ hosts: [NAME] }, { cidrs: ['20.1.2.3/32'] }] });
    const origin = await serveTls(`${PUBLIC}:443`);
    for (const guest of [await rig.connectByName(NAME, 443), await rig.connect(PUBLIC, 443)]) {
      guest.write(hello(NAME, [[0xfe0d, Buffer.alloc(100)]]));
      expect(await readAll(guest)).toHaveLength(0);
    }
    expect(origin.bytes()).toBe(0);
    expect(rig.denials()[0]).toContain(
      'connect allowed.test:443: the TLS hello is encrypted (ECH)',
    );
    expect(rig.denials()[1]).toContain(`connect ${PUBLIC}:443: the TLS hello is encrypted (ECH)`);
  });

  it('is reset when the hello does not become complete in time, however it drips', async () => {
    rig = await createRig({ ...allowed, limits: { hello: 80 } });
    const origin = await serveTls(`${PUBLIC}:443`);
    const guest = await rig.connectByName(NAME, 443);
    const bytes = await captureHello({ servername: NAME });
    let at = 0;
    const drip = setInterval(() => guest.write(bytes.subarray(at, ++at)), 10);
    await readAll(guest);
    clearInterval(drip);
    expect(origin.bytes()).toBe(0);
    expect(rig.denials()[0]).toContain('did not become complete in time');
  });

  it('passes on a connection by address, with any name and with none', async () => {
    rig = await createRig({ allow: [{ cidrs: ['20.1.2.3/32'] }] });
    const origin = await serveTls(`${PUBLIC}:443`);
    for (const servername of ['blocked.test', '']) {
      expect(
        await secure(await rig.connect(PUBLIC, 443), { servername, rejectUnauthorized: false }),
      ).toBe('ORIGIN:ping');
    }
    expect(origin.names).toEqual(['blocked.test', '']);
  });

  it('N10: leaves other protocols on port 443 alone, and records that they are none of TLS', async () => {
    rig = await createRig(allowed);
    await rig.serve(`${PUBLIC}:443`, (socket) => socket.end('SSH-2.0-origin\r\n'));
    const guest = await rig.connectByName(NAME, 443);
    guest.end('SSH-2.0-x\r\n');
    expect((await readAll(guest)).toString()).toBe('SSH-2.0-origin\r\n');
    await waitFor(() => rig.outcomes().length === 1);
    expect(rig.outcomes()[0]).toMatchObject({ protocol: 'other' });
  });
});
