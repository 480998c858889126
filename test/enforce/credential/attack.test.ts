// What a guest, and a server that it reaches, try with a credential that lies within their reach.
import { afterEach, expect, it } from 'vitest';
import { gzipSync } from 'node:zlib';

import { createRoom } from '../../../src/enforce/credential/room.ts';
import { Secret } from '../../../src/model/secret.ts';
import { CANARY, createCredentialRig, mintCanary } from '../../support/credential-rig.ts';
import type { CredentialRig, CredentialRigOptions } from '../../support/credential-rig.ts';

const NETWORK = 'network: {allow: [{host: [cred.test, echo.test], ports: [80, 443, 8443]}]}';
const POLICY = `
${NETWORK}
credentials:
  - id: app
    provider: env
    request: {name: APP}
    expose: {env: [APP_TOKEN]}
    bind: [{host: cred.test, paths: ["/ok/**"]}]
`;

let made: CredentialRig | undefined;
afterEach(async () => {
  await made?.close();
  made = undefined;
});

async function rigOf(options: Partial<CredentialRigOptions> = {}): Promise<CredentialRig> {
  made = await createCredentialRig({ policy: POLICY, ...options });
  return made;
}

const bearer = (rig: CredentialRig): Record<string, string> => ({
  authorization: `Bearer ${rig.env['APP_TOKEN']}`,
});

it.each(['x-api-key', 'x_api_key', 'x-amz-security-token'])(
  'keeps what the guest says of itself in %s beside the value',
  async (name) => {
    const rig = await rigOf();
    const headers = { ...bearer(rig), [name]: 'of-the-attacker' };
    const { status } = await rig.ask('cred.test', '/ok/a', { headers });
    expect(status).toBe(200);
    const sent = rig.got[0]?.headers.join('\n') ?? '';
    expect(sent).toContain(CANARY);
    expect(sent).not.toContain('of-the-attacker');
    expect(rig.ofType('alert')).toMatchObject([{ alert: 'auth.foreign', header: name }]);
  },
);

it('gives no piece of an answer that shows the value in pieces', async () => {
  const rig = await rigOf({
    origin: (request, response) => {
      const text = Buffer.from(`<${String(request.headers['authorization'])}>`);
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
      if (from === undefined) {
        response.end(text);
        return;
      }
      response.statusCode = 206;
      response.setHeader('content-range', `bytes ${from}-${to}/${text.length}`);
      response.end(text.subarray(Number(from), Number(to) + 1));
    },
  });
  let whole = '';
  for (let at = 0; at < 60; at += 6) {
    const headers = { ...bearer(rig), range: `bytes=${at}-${at + 5}` };
    whole += (await rig.ask('cred.test', '/ok/a', { headers })).body;
  }
  expect(whole).not.toContain(CANARY);
  expect(whole).toContain(rig.env['APP_TOKEN']);
});

it('leaves a range alone where no value goes along', async () => {
  const rig = await rigOf();
  await rig.ask('cred.test', '/ok/a', { headers: { range: 'bytes=0-5' } });
  expect(rig.got[0]?.headers).toContain('bytes=0-5');
});

it('lets no placeholder out in the trailers of a body', async () => {
  const trailers: string[][] = [];
  const rig = await rigOf({
    origin: (request, response, body) => {
      trailers.push(request.rawTrailers);
      response.end(body);
    },
  });
  for (const value of ['plain', rig.env['APP_TOKEN']])
    await rig.send(
      'cred.test',
      `POST /x HTTP/1.1\r\nhost: cred.test\r\nconnection: close\r\ntransfer-encoding: chunked\r\ntrailer: x-t\r\n\r\n1\r\na\r\n0\r\nx-t: ${value}\r\n\r\n`,
    );
  expect(trailers).toEqual([[], []]);
});

it('lets no answer pass that is coded on its way', async () => {
  const rig = await rigOf({
    origin: (request, response) => {
      const body = gzipSync(String(request.headers['authorization']));
      const size = body.length.toString(16);
      response.socket?.end(
        Buffer.concat([
          Buffer.from(
            `HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\nconnection: close\r\n\r\n${size}\r\n`,
          ),
          body,
          Buffer.from('\r\n0\r\n\r\n'),
        ]),
      );
    },
  });
  const answer = await rig.ask('cred.test', '/ok/a', { headers: bearer(rig) });
  expect(answer.status).toBe(502);
});

it.each([
  ['UTF-16', (text: string) => Buffer.from(text, 'utf16le')],
  ['big-endian UTF-16', (text: string) => Buffer.from(text, 'utf16le').swap16()],
  [
    'HTML',
    (text: string) =>
      Buffer.from(
        text.replaceAll('&', '&amp;').replaceAll('/', '&#x2F;').replaceAll('=', '&#x3D;'),
      ),
  ],
  ['HTML with names', (text: string) => Buffer.from(text.replaceAll('&', '&amp;'))],
])('finds the value written as %s', async (_, write) => {
  const value = `${CANARY}/a&b=`;
  const rig = await rigOf({
    mint: async (credential) => ({
      ...(await mintCanary(credential)),
      material: { kind: 'token', token: new Secret(value) },
    }),
    origin: (request, response) => response.end(write(String(request.headers['authorization']))),
  });
  const { body } = await rig.ask('cred.test', '/ok/a', { headers: bearer(rig) });
  expect(Buffer.from(body, 'latin1').toString('latin1').replaceAll('\0', '')).not.toContain(CANARY);
});

it('seals an answer where any of the binds that a request lies within says so', async () => {
  const rig = await rigOf({
    policy: POLICY.replace(
      '/ok/**"]}]',
      '/ok/**"]}, {host: cred.test, paths: ["/ok/token"], seal: true}]',
    ),
    origin: (_request, response) => response.end('{"token": "a-token-of-the-registry"}'),
  });
  const { body } = await rig.ask('cred.test', '/ok/token', { headers: bearer(rig) });
  expect(body).toContain('asbx');
  expect(body).not.toContain('a-token-of-the-registry');
});

it('counts all that lies within the limit of a ceiling together', async () => {
  const bind = (paths: string): string =>
    `{host: cred.test, paths: ["${paths}"], limit: 2/session}`;
  const rig = await createCredentialRig({
    layers: [
      [
        'org',
        `origin: acme/policy\n${NETWORK}\nmax: {${NETWORK}, credentials: [{provider: env, request: {name: APP}, bind: [${bind('/ok/**')}]}]}`,
      ],
      [
        'repo',
        `${NETWORK}\ncredentials: [{id: app, provider: env, request: {name: APP}, expose: {env: [APP_TOKEN]}, bind: [${bind('/ok/a')}, ${bind('/ok/b')}]}]`,
      ],
    ],
    policy: '',
  });
  made = rig;
  const statuses: number[] = [];
  for (const path of ['/ok/a', '/ok/b', '/ok/a', '/ok/b'])
    statuses.push((await rig.ask('cred.test', path, { headers: bearer(rig) })).status);
  expect(statuses).toEqual([200, 200, 403, 403]);
  expect(rig.got).toHaveLength(2);
});

it('puts a body that is too long to be signed on record as refused', async () => {
  const rig = await rigOf({
    policy: `
${NETWORK}
credentials:
  - id: aws
    provider: aws
    request: {role: R, actions: [a], resources: [r]}
    expose: {env: [AWS_ACCESS_KEY_ID, AWS_SESSION_TOKEN]}
    bind: [{host: cred.test, sign: {service: sqs, region: eu-west-1}}]
`,
  });
  const headers = {
    authorization: `AWS4-HMAC-SHA256 Credential=${rig.env['AWS_ACCESS_KEY_ID']}/20260101/eu-west-1/sqs/aws4_request, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`,
    'x-amz-security-token': rig.env['AWS_SESSION_TOKEN'] ?? '',
  };
  const body = Buffer.alloc(8 * 1024 * 1024 + 1, 'a');
  const { status } = await rig.ask('cred.test', '/', { method: 'POST', headers, body });
  expect(status).toBe(403);
  expect(rig.rig.denials()).toHaveLength(1);
  expect(rig.minted).toEqual([]);
});

it('holds no more bodies at once than the host has room for', () => {
  const room = createRoom(10);
  const [one, two] = [room.share(), room.share()];
  expect([one.hold(6), two.hold(6), two.hold(4)]).toEqual([true, false, true]);
  one.release();
  one.release();
  expect([one.hold(1), two.hold(6), two.hold(1)]).toEqual([false, true, false]);
});
