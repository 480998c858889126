// Answers that hold a real value in any way a server could write it, and places where none may be sent to at all.
import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';

import { encodingsOf } from '../../../src/enforce/scan/encodings.ts';
import { Secret } from '../../../src/model/secret.ts';
import { createCertificate } from '../../support/certificate.ts';
import { CANARY, createCredentialRig, mintCanary } from '../../support/credential-rig.ts';
import type { CredentialRig, CredentialRigOptions } from '../../support/credential-rig.ts';

const POLICY = `
network: {allow: [{host: cred.test}]}
credentials:
  - id: app
    provider: env
    request: {name: APP}
    expose: {env: [APP_TOKEN], git: [cred.test]}
    bind:
      - {host: cred.test, methods: [GET, POST], paths: ["/ok/**"]}
      - {host: cred.test, methods: [GET], paths: [/token], seal: true}
      - {host: cred.test, paths: ["/few/**"], limit: 2/session}
`;

let made: CredentialRig | undefined;
afterEach(async () => {
  if (made) expect(made.leaks()).toEqual([]);
  await made?.close();
  made = undefined;
});

async function rigOf(options: Partial<CredentialRigOptions> = {}): Promise<CredentialRig> {
  made = await createCredentialRig({ policy: POLICY, hosts: ['cred.test'], ...options });
  return made;
}

const bearer = (rig: CredentialRig): Record<string, string> => ({
  authorization: `Bearer ${rig.env['APP_TOKEN'] ?? ''}`,
});

describe('an answer with the real value in it (PX-11, 13)', () => {
  const all = encodingsOf(CANARY).map(({ bytes }) => bytes.toString('latin1'));
  const text = ['<', ...all, '>'].join(' ');
  const coded: [string, Buffer][] = [
    ['gzip', gzipSync(text)],
    ['br', brotliCompressSync(text)],
    ['deflate', deflateSync(text)],
    ['identity', Buffer.from(text)],
  ];

  it.each(coded)('in every encoding, in one piece and byte by byte (%s)', async (coding, body) => {
    const rig = await rigOf({
      origin: (request, response) => {
        response.setHeader('content-encoding', coding);
        if (request.url === '/ok/whole') return void response.end(body);
        for (const byte of body) response.write(Buffer.of(byte));
        response.end();
      },
    });
    for (const target of ['/ok/whole', '/ok/bytes'])
      for (const asked of [rig.ask, rig.askH2]) {
        const answer = await asked('cred.test', target, { headers: bearer(rig) });
        expect([target, answer.status, answer.body[0], answer.body.at(-1)]).toEqual([
          target,
          200,
          '<',
          '>',
        ]);
      }
    expect(new Set(rig.ofType('credential.reflected').map(({ form }) => form))).toEqual(
      new Set(['raw', 'base64', 'hex', ...encodingsOf(CANARY).map(({ form }) => form)]),
    );
  });

  it('in its headers, its reason, its trailers and interim answers', async () => {
    const rig = await rigOf({
      origin: (_request, response: ServerResponse) => {
        response.writeEarlyHints({ link: `</${CANARY}>; rel=preload` });
        response.writeHead(200, `OK ${CANARY}`, {
          location: `https://cred.test/?t=${CANARY}`,
          'set-cookie': [`a=${CANARY}`, `b=${Buffer.from(`x:${CANARY}`).toString('base64')}`],
          [`x-${CANARY}`]: '1',
          trailer: 'grpc-message',
          'transfer-encoding': 'chunked',
        });
        response.write('body');
        response.addTrailers({ 'grpc-message': `failed with ${CANARY}`, 'grpc-status': '16' });
        response.end();
      },
    });
    const one = await rig.ask('cred.test', '/ok/a', {
      headers: { ...bearer(rig), te: 'trailers' },
    });
    // Early hints come first, and the answer behind them.
    expect(one.status).toBe(103);
    expect(one.body).toContain(' 200 ');
    expect(one.body).toContain(`?t=${rig.env['APP_TOKEN']}`);
    const two = await rig.askH2('cred.test', '/ok/a', {
      headers: { ...bearer(rig), te: 'trailers' },
    });
    expect(two.trailers).toContain(`failed with ${rig.env['APP_TOKEN']}`);
  });

  it('in a frame after a switch of protocols, which ends the connection', async () => {
    const rig = await rigOf({
      rawOrigin: (socket) => {
        let head = '';
        socket.on('data', (chunk: Buffer) => {
          head += chunk.toString('latin1');
          if (!head.includes('\r\n\r\n')) return;
          const key = /sec-websocket-key: (.*)/i.exec(head)?.[1]?.trim() ?? '';
          const accept = createHash('sha1')
            .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
            .digest('base64');
          expect(head).toContain(`Bearer ${CANARY}`);
          socket.write(
            `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
          );
          const frame = (payload: string): Buffer =>
            Buffer.concat([Buffer.of(0x81, payload.length), Buffer.from(payload)]);
          socket.write(frame('hello'));
          setTimeout(() => socket.write(frame(`token ${CANARY}`)), 60);
          setTimeout(() => socket.write(frame('after')), 120);
        });
      },
    });
    const answer = await rig.send(
      'cred.test',
      `GET /ok/ws HTTP/1.1\r\nhost: cred.test\r\nauthorization: Bearer ${rig.env['APP_TOKEN']}\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
    expect(answer).toContain('101');
    expect(answer).toContain('hello');
    expect(answer).not.toContain('after');
    expect(rig.ofType('credential.reflected')).toMatchObject([{ credential: 'app', form: 'raw' }]);
  });
});

describe('an answer that hands out a token of its own (PX-38)', () => {
  const REAL = 'registry-token-4b1d7a90c2e855f1';

  it('has a placeholder in its place, which goes where the credential goes', async () => {
    const rig = await rigOf({
      origin: (request, response) => {
        if (request.url === '/token')
          response.end(JSON.stringify({ token: REAL, expires_in: 300 }));
        else response.end(`seen ${String(request.headers.authorization)}`);
      },
    });
    const { body } = await rig.ask('cred.test', '/token', { headers: bearer(rig) });
    const { token, expires_in } = JSON.parse(body) as { token: string; expires_in: number };
    expect([token === REAL, expires_in]).toEqual([false, 300]);
    const pull = await rig.ask('cred.test', '/ok/v2', {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(rig.got[1]?.headers).toContain(`Bearer ${REAL}`);
    expect(pull.body).toBe(`seen Bearer ${token}`);
    const elsewhere = await rig.ask('cred.test', '/other', {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(elsewhere.status).toBe(403);
  });

  it.each(['no JSON', '[]', '{"token": 7}', '{"token": "a b"}', '{"token": {"a": "b"}}', '"x"'])(
    'does not pass where it is not what it should be: %s',
    async (text) => {
      const rig = await rigOf({ origin: (_request, response) => void response.end(text) });
      const { body } = await rig.ask('cred.test', '/token', { headers: bearer(rig) });
      expect(body).not.toContain(text);
    },
  );
});

it('git fetches where its verb is fetch; push and LFS get nothing (PX-40, 41)', async () => {
  const rig = await rigOf();
  const basic = {
    authorization: `Basic ${Buffer.from(`x:${rig.env['APP_TOKEN']}`).toString('base64')}`,
  };
  const asked = async (method: string, target: string): Promise<number> =>
    (await rig.ask('cred.test', target, { method, headers: basic })).status;
  expect(await asked('GET', '/a/b.git/info/refs?service=git-upload-pack')).toBe(200);
  expect(await asked('POST', '/a/b.git/git-upload-pack')).toBe(200);
  expect(await asked('GET', '/a/b.git/info/refs?service=git-receive-pack')).toBe(403);
  expect(
    await asked('GET', '/a/b.git/info/refs?service=git-upload-pack&service=git-receive-pack'),
  ).toBe(403);
  expect(await asked('POST', '/a/b.git/git-receive-pack')).toBe(403);
  expect(await asked('POST', '/a/b.git/info/lfs/objects/batch')).toBe(403);
  expect(rig.got).toHaveLength(2);
});

it('counts uses, in both protocols together (PX-46)', async () => {
  const rig = await rigOf();
  const statuses = [];
  for (const asked of [rig.ask, rig.askH2, rig.ask, rig.askH2])
    statuses.push((await asked('cred.test', '/few/a', { headers: bearer(rig) })).status);
  expect(statuses).toEqual([200, 200, 403, 403]);
  expect(rig.got).toHaveLength(2);
  expect(rig.rig.denials()[0]).toContain('repo/app.bind[2]');
});

describe('a place that may not be what it says', () => {
  const old = { notBefore: new Date('2019-01-01'), notAfter: new Date('2020-01-01') };
  it.each([
    ['expired', createCertificate(['cred.test'], old)],
    ['of another name', createCertificate(['evil.test'])],
    ['signed by itself', createCertificate(['cred.test'])],
  ])('shows a certificate that is %s, and gets no byte (PX-44)', async (_, certificate) => {
    let bytes = 0;
    const rig = await rigOf({
      certificate,
      rawOrigin: (socket) => socket.on('data', (chunk: Buffer) => (bytes += chunk.length)),
    });
    for (const asked of [rig.ask, rig.askH2])
      expect((await asked('cred.test', '/ok/a', { headers: bearer(rig) })).status).toBe(502);
    expect(bytes).toBe(0);
  });

  it.each([
    ['169.254.169.254'],
    ['127.0.0.1'],
    ['10.0.0.1'],
    ['::ffff:a9fe:a9fe'],
    ['::1'],
    ['fd00::1'],
    ['0.0.0.0'],
  ])('has a public address and %s: nothing is dialled there (PX-25)', async (address) => {
    const rig = await rigOf({ addresses: { 'cred.test': ['93.184.216.34', address] } });
    const answered = await rig
      .ask('cred.test', '/ok/a', { headers: bearer(rig) })
      .catch(() => undefined);
    expect(rig.rig.dialled.filter((where) => !where.startsWith('93.184.216.34:'))).toEqual([]);
    if (answered?.status === 200) expect(rig.got).toHaveLength(1);
  });

  it('changes its address between two questions: the second is checked as the first (PX-25)', async () => {
    let asked = 0;
    const rig = await rigOf({
      addresses: {
        'cred.test': () => Promise.resolve([asked++ === 0 ? '93.184.216.34' : '169.254.169.254']),
      },
    });
    for (let i = 0; i < 3; i++)
      await rig.ask('cred.test', '/ok/a', { headers: bearer(rig) }).catch(() => undefined);
    expect(rig.rig.dialled.filter((where) => where.startsWith('169.'))).toEqual([]);
  });

  it.each(['ENOTFOUND', 'EAI_AGAIN', 'ETIMEOUT'])(
    'has no address (%s), and nothing is dialled (PX-26)',
    async (code) => {
      const rig = await rigOf({
        addresses: { 'cred.test': () => Promise.reject(Object.assign(new Error(code), { code })) },
      });
      const answered = await rig
        .ask('cred.test', '/ok/a', { headers: bearer(rig) })
        .catch(() => undefined);
      expect([rig.rig.dialled, answered?.status === 200]).toEqual([[], false]);
    },
  );
});

it('a secret shows nothing of itself, whoever prints what holds it (PX-47)', async () => {
  const secret = new Secret(CANARY);
  const minted = await mintCanary({ id: 'a' } as Parameters<typeof mintCanary>[0]);
  const error = Object.assign(new Error(`failed for ${String(secret)}`), { secret, cause: minted });
  const shown = [
    secret,
    minted,
    { deep: { er: [minted] } },
    new Map([[secret, secret]]),
    error,
  ].flatMap((value) => [
    inspect(value),
    JSON.stringify(value),
    inspect(value, { depth: 20, showHidden: true, getters: true }),
    inspect(value, { customInspect: false, depth: 20, showHidden: true }),
    JSON.stringify(Object.getOwnPropertyDescriptors(value)),
  ]);
  shown.push(
    `${JSON.stringify(structuredClone({ ...minted.material }))}`,
    JSON.stringify({ ...secret }),
  );
  for (const text of shown) expect(text).not.toContain(CANARY);
});
