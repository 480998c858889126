import { gzipSync, brotliCompressSync } from 'node:zlib';
import { afterEach, expect, it } from 'vitest';

import { CANARY, createCredentialRig } from '../../support/credential-rig.ts';
import type { CredentialRig, CredentialRigOptions } from '../../support/credential-rig.ts';

const POLICY = `
network:
  allow: [{host: [cred.test, echo.test], ports: [80, 443, 8443]}]
credentials:
  - id: app
    provider: env
    request: {name: APP}
    expose: {env: [APP_TOKEN]}
    bind:
      - {host: cred.test, methods: [GET, POST], paths: ["/ok/**", /whoami]}
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

it('puts the value where its placeholder stood, and records that first', async () => {
  const rig = await rigOf();
  const answer = await rig.ask('cred.test', '/whoami', { headers: bearer(rig) });
  expect(answer.status).toBe(200);
  expect(rig.got[0]?.headers).toContain(`Bearer ${CANARY}`);
  expect(rig.ofType('credential.mint')).toMatchObject([{ credential: 'app', provider: 'env' }]);
  expect(rig.ofType('credential.inject')).toMatchObject([
    { credential: 'app', request: 'GET https://cred.test/whoami', header: 'authorization' },
  ]);
  expect(JSON.stringify(rig.rig.records)).not.toContain(CANARY);
});

it('takes the value out of the answer again', async () => {
  const rig = await rigOf();
  const answer = await rig.ask('cred.test', '/whoami', { headers: bearer(rig) });
  expect(answer.body).toContain(`Bearer ${rig.env['APP_TOKEN']}`);
  expect(answer.head + answer.body).not.toContain(CANARY);
  expect(rig.ofType('credential.reflected')).toMatchObject([{ credential: 'app', form: 'raw' }]);
});

it('mints once for fifty requests at the same time, and revokes at the end', async () => {
  const rig = await rigOf();
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => rig.ask('cred.test', '/ok/a', { headers: bearer(rig) })),
  );
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  expect(rig.minted).toEqual(['app']);
  expect([...rig.remembered]).toEqual(['app']);
  await rig.credentials.close();
  expect(rig.revoked).toEqual(['https://vendor.test/app']);
  expect([...rig.remembered]).toEqual([]);
  expect(rig.ofType('credential.revoke')).toMatchObject([{ result: 'revoked' }]);
});

it('mints nothing for a request without a placeholder, and sends it as it is', async () => {
  const rig = await rigOf();
  expect((await rig.ask('cred.test', '/whoami')).status).toBe(200);
  expect(rig.minted).toEqual([]);
  expect(rig.got[0]?.headers.join('\n')).not.toMatch(/authorization/i);
});

it('keeps what the guest brings along to say who it is', async () => {
  const rig = await rigOf();
  await rig.ask('cred.test', '/whoami', { headers: { authorization: 'Bearer stolen-elsewhere' } });
  expect(rig.got[0]?.headers.join('\n')).not.toContain('stolen');
  expect(rig.ofType('alert')).toMatchObject([{ alert: 'auth.foreign', header: 'authorization' }]);
  await rig.ask('echo.test', '/x', { headers: { authorization: 'Bearer own' } });
});

it.each([
  ['another path', 'cred.test', '/other', {}],
  ['another method', 'cred.test', '/whoami', { method: 'DELETE' }],
])('refuses a placeholder at %s of its host', async (_, host, target, options) => {
  const rig = await rigOf();
  const answer = await rig.ask(host, target, { ...options, headers: bearer(rig) });
  expect(answer.status).toBe(403);
  expect(answer.body).toContain('not bound');
  expect(rig.got).toEqual([]);
  expect(rig.minted).toEqual([]);
  expect(rig.ofType('alert')).toMatchObject([
    { alert: 'placeholder.misplaced', credential: 'app' },
  ]);
  expect(rig.rig.denials()).toHaveLength(1);
});

it('refuses a placeholder over plain HTTP and on another port', async () => {
  const rig = await rigOf();
  const text = `GET /whoami HTTP/1.1\r\nhost: cred.test\r\nconnection: close\r\nauthorization: Bearer ${rig.env['APP_TOKEN']}\r\n\r\n`;
  expect(await rig.send('cred.test', text, 80)).toContain('403');
  expect(await rig.send('cred.test', text.replace('cred.test', 'cred.test:8443'), 8443)).toContain(
    '403',
  );
  expect(rig.got).toEqual([]);
});

const encodings: [string, (text: string) => string][] = [
  ['as it is', (text) => text],
  ['percent-encoded', (text) => text.replace(/./g, (c) => `%${c.charCodeAt(0).toString(16)}`)],
  ['in base64', (text) => Buffer.from(`user:${text}`).toString('base64')],
];
it.each(encodings)(
  'refuses a placeholder in path, query, cookie and body, %s',
  async (_, encode) => {
    const rig = await rigOf();
    const text = encode(rig.env['APP_TOKEN'] ?? '');
    const answers = [
      await rig.ask('cred.test', `/ok/${text.replaceAll('=', '')}`),
      await rig.ask('cred.test', `/ok/a?t=${text}`),
      await rig.ask('cred.test', '/ok/a', { headers: { cookie: `t=${text}` } }),
      await rig.ask('cred.test', '/ok/a', { headers: { 'x-other': text } }),
    ];
    for (const answer of answers) expect(answer.status).toBe(403);
    expect(rig.got).toEqual([]);
    await rig.ask('cred.test', '/ok/a', { method: 'POST', body: `before ${text} after` });
    await rig.ask('cred.test', '/ok/a', {
      method: 'POST',
      headers: { 'content-encoding': 'gzip' },
      body: gzipSync(`x ${text}`),
    });
    expect(rig.got).toEqual([]);
    expect(rig.rig.denials()).toHaveLength(6);
  },
);

it('refuses the placeholder of another session', async () => {
  const other = await createCredentialRig({ policy: POLICY });
  const stolen = bearer(other);
  await other.close();
  const rig = await rigOf();
  const answer = await rig.ask('cred.test', '/whoami', { headers: stolen });
  expect(answer.status).toBe(403);
  expect(rig.ofType('alert')).toMatchObject([{ alert: 'placeholder.foreign' }]);
});

it.each(['gzip', 'br', 'identity', 'chunked'])(
  'finds the value in an answer (%s)',
  async (coding) => {
    const rig = await rigOf({
      origin: (request, response) => {
        const text = `a ${String(request.headers['authorization'])} ${Buffer.from(`u:${CANARY}`).toString('base64')} ${encodeURIComponent(CANARY)} z`;
        response.setHeader('x-echo', String(request.headers['authorization']));
        response.setHeader('set-cookie', [`a=${CANARY}`]);
        if (coding === 'chunked') {
          for (const char of text) response.write(char);
          response.end();
          return;
        }
        response.setHeader('content-encoding', coding);
        response.end(
          coding === 'gzip' ? gzipSync(text) : coding === 'br' ? brotliCompressSync(text) : text,
        );
      },
    });
    const { status, head, body } = await rig.ask('cred.test', '/whoami', { headers: bearer(rig) });
    expect(status).toBe(200);
    expect(body).toMatch(/^a Bearer .* z$/);
    const all = head + body;
    expect(all).not.toContain(CANARY);
    for (const part of all.split(/[^A-Za-z0-9+/=]/))
      expect(Buffer.from(part, 'base64').toString('latin1')).not.toContain(CANARY);
    expect(rig.ofType('credential.reflected').length).toBeGreaterThan(1);
  },
);

it('lets no answer pass from a bound host that it cannot read', async () => {
  const rig = await rigOf({
    origin: (_request, response) => {
      response.setHeader('content-encoding', 'x-unknown');
      response.end(CANARY);
    },
  });
  const answer = await rig.ask('cred.test', '/whoami', { headers: bearer(rig) });
  expect(answer.status).toBe(502);
  expect(answer.body).not.toContain(CANARY);
});

it('counts the uses that a bind allows', async () => {
  const rig = await rigOf({
    policy: POLICY.replace('/whoami]}', '/whoami], limit: 2/session}'),
  });
  const answers = [];
  for (let i = 0; i < 3; i++)
    answers.push(await rig.ask('cred.test', '/ok/a', { headers: bearer(rig) }));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 403]);
  expect(rig.got).toHaveLength(2);
});

it('says nothing of why an exchange failed, and tries it no more for a moment', async () => {
  const rig = await rigOf({ mint: () => Promise.reject(new Error(`vendor said ${CANARY}`)) });
  const first = await rig.ask('cred.test', '/whoami', { headers: bearer(rig) });
  const second = await rig.ask('cred.test', '/whoami', { headers: bearer(rig) });
  expect([first.status, second.status]).toEqual([502, 502]);
  expect(first.body).not.toContain(CANARY);
  expect(rig.minted).toEqual(['app']);
  expect(rig.got).toEqual([]);
  expect(JSON.stringify(rig.rig.records)).not.toContain(CANARY);
  expect(rig.ofType('credential.refuse')).toHaveLength(1);
});

it('offers a server no compression of frames, which could not be looked into', async () => {
  const rig = await rigOf();
  await rig.ask('cred.test', '/whoami', {
    headers: { ...bearer(rig), 'sec-websocket-extensions': 'permessage-deflate' },
  });
  expect(rig.got).toHaveLength(1);
  expect(rig.got[0]?.headers.join('\n')).not.toMatch(/permessage/i);
});
