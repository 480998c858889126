// Requests with a credential on their host, as hostile as they come: the real value leaves to its bind alone, and nothing
// that two readers could understand differently leaves at all.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';

import { CANARY, createCredentialRig } from '../../support/credential-rig.ts';
import type { CredentialRig, CredentialRigOptions } from '../../support/credential-rig.ts';

const POLICY = `
network:
  allow:
    - {host: cred.test}
    - {host: [other.test, echo.test], methods: [GET, POST]}
credentials:
  - id: app
    provider: env
    request: {name: APP}
    expose: {env: [APP_TOKEN]}
    bind: [{host: cred.test, methods: [GET, POST], paths: ["/repos/acme/app/**"]}]
`;
const OK = '/repos/acme/app/issues';

let made: CredentialRig | undefined;
afterEach(async () => {
  expect(made?.leaks()).toEqual([]);
  await made?.close();
  made = undefined;
});

async function rigOf(options: Partial<CredentialRigOptions> = {}): Promise<CredentialRig> {
  made = await createCredentialRig({
    policy: POLICY,
    hosts: ['cred.test', 'other.test', 'echo.test'],
    ...options,
  });
  return made;
}

const placeholder = (rig: CredentialRig): string => rig.env['APP_TOKEN'] ?? '';
const bearer = (rig: CredentialRig): Record<string, string> => ({
  authorization: `Bearer ${placeholder(rig)}`,
});
/** Whether the real value reached the origin at all. */
const reached = (rig: CredentialRig): boolean =>
  rig.got.some(({ headers, url, body }) =>
    [url, ...headers, body.toString('latin1')].join('\n').includes(CANARY),
  );

it.each(['HTTP/1.1', 'HTTP/2'])(
  'injects in %s what stands in the approved header (PX-02)',
  async (protocol) => {
    const rig = await rigOf();
    const asked = protocol === 'HTTP/2' ? rig.askH2 : rig.ask;
    expect((await asked('cred.test', OK, { headers: bearer(rig) })).status).toBe(200);
    expect(rig.got.map(({ headers }) => headers.includes(`Bearer ${CANARY}`))).toEqual([true]);
    expect(rig.ofType('credential.inject')).toHaveLength(1);
    await asked('cred.test', OK);
    expect(rig.got[1]?.headers.join().toLowerCase()).not.toContain('authorization');
    await asked('cred.test', OK, {
      headers: { authorization: 'Bearer stolen', 'x-api-key': 'stolen' },
    });
    expect(rig.got[2]?.headers.join()).not.toContain('stolen');
    expect(rig.ofType('alert')).toMatchObject([{ alert: 'auth.foreign' }]);
  },
);

describe('a placeholder in a body (PX-07)', () => {
  const codings: [string, (text: string) => string][] = [
    ['plain', (text) => text],
    ['percent', (text) => text.replace(/./g, (c) => `%${c.charCodeAt(0).toString(16)}`)],
    ['percent twice', (text) => text.replace(/./g, (c) => `%25${c.charCodeAt(0).toString(16)}`)],
    ['JSON escapes', (text) => text.replace(/./g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`)],
    ['base64', (text) => Buffer.from(text).toString('base64')],
  ];

  it.each(codings)('is found in two chunks, wherever they part (%s)', async (_, encode) => {
    const rig = await rigOf();
    const text = Buffer.from(`token=${encode(placeholder(rig))}&x=1`);
    const step = Math.max(1, Math.floor(text.length / 24));
    for (let at = 1; at < text.length; at += step) {
      const parts = [text.subarray(0, at), text.subarray(at)];
      await rig.askH2('cred.test', OK, { method: 'POST', body: parts });
      const chunked = parts.map((part) => `${part.length.toString(16)}\r\n${part.toString()}\r\n`);
      await rig.send(
        'cred.test',
        `POST ${OK} HTTP/1.1\r\nhost: cred.test\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n${chunked.join('')}0\r\n\r\n`,
      );
    }
    expect(rig.got).toEqual([]);
    expect(new Set(rig.ofType('alert').map(({ alert }) => alert))).toEqual(
      new Set(['placeholder.misplaced']),
    );
  });

  it('is found at every single position in one-byte chunks', async () => {
    const rig = await rigOf();
    const text = `{"a":"${placeholder(rig)}"}`;
    const chunks = [...text].map((char) => `1\r\n${char}\r\n`).join('');
    const sent = `POST ${OK} HTTP/1.1\r\nhost: cred.test\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`;
    await rig.send('cred.test', sent);
    await rig.askH2('cred.test', OK, {
      method: 'POST',
      body: [...text].map((char) => Buffer.from(char)),
    });
    await rig.send('echo.test', sent.replace('cred.test', 'echo.test'));
    expect(rig.got).toEqual([]);
    expect(rig.rig.denials()).toHaveLength(3);
  });

  it('leaves nothing of it at the origin while the guest is slow', async () => {
    let received = '';
    const rig = await rigOf({
      rawOrigin: (socket) =>
        socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1'))),
    });
    const text = placeholder(rig);
    const socket = await rig.rig.connectByName('cred.test', 80);
    socket.write(
      `POST ${OK} HTTP/1.1\r\nhost: cred.test\r\ncontent-length: ${text.length + 9}\r\n\r\nbefore `,
    );
    for (const char of text) {
      socket.write(char);
      await sleep(1);
    }
    socket.end('zz');
    await new Promise((resolve) => socket.once('close', resolve).resume());
    expect(received).not.toContain(text.slice(0, 24));
    expect(rig.rig.denials()).toHaveLength(1);
  });
});

it.each([
  ['the path', (t: string) => ({ target: `/repos/acme/app/${t}` })],
  [
    'the path, percent-encoded',
    (t: string) => ({
      target: `/repos/acme/app/${t.replace(/./g, (c) => `%${c.charCodeAt(0).toString(16)}`)}`,
    }),
  ],
  ['the query', (t: string) => ({ target: `${OK}?access_token=${t}` })],
  ['a name in the query', (t: string) => ({ target: `${OK}?${t}=1` })],
  ['a cookie', (t: string) => ({ headers: { cookie: `a=${t}` } })],
  ['Referer', (t: string) => ({ headers: { referer: `https://a.test/?${t}` } })],
  ['User-Agent', (t: string) => ({ headers: { 'user-agent': t } })],
  [
    'the name of a header',
    (t: string) => ({ headers: { [`x-${t.toLowerCase()}`]: '1', 'x-v': t } }),
  ],
  [
    'Authorization with more',
    (t: string) => ({ headers: { authorization: `Bearer ${t}, Bearer ${t}` } }),
  ],
  [
    'two approved headers',
    (t: string) => ({ headers: { authorization: `Bearer ${t}`, 'x-api-key': t } }),
  ],
  [
    'Authorization and the query',
    (t: string) => ({ headers: { authorization: `Bearer ${t}` }, target: `${OK}?t=${t}` }),
  ],
  ['a digest', (t: string) => ({ headers: { authorization: `Digest username="${t}"` } })],
  ['a part of a longer word', (t: string) => ({ headers: { authorization: `Bearer a${t}` } })],
])('refuses a placeholder in %s, in both protocols', async (_, where) => {
  const rig = await rigOf();
  const { target = OK, headers = {} } = where(placeholder(rig)) as {
    target?: string;
    headers?: Record<string, string>;
  };
  expect((await rig.ask('cred.test', target, { headers })).status).toBe(403);
  expect((await rig.askH2('cred.test', target, { headers })).status).toBe(403);
  expect([rig.got, rig.minted]).toEqual([[], []]);
});

describe('a path that could mean another (PX-10)', () => {
  const inside = '/repos/acme/app';
  it.each([
    '/repos/acme/app/../other',
    '/repos/acme/app/../../x',
    '/repos/acme/other/../app/x',
    '/repos/acme/app/..',
    '/repos/acme/app/%2e%2e/other',
    '/repos/acme/app/%2E%2E/other',
    '/repos/acme/app/.%2e/other',
    '/repos/acme/app/%2e./x',
    '/repos/acme/app/..%2fother',
    '/repos/acme/app%2f..%2fother',
    '/repos/acme/app%2Fissues',
    '/repos%2facme/app/x',
    '/repos/acme/app/%252e%252e/other',
    '/repos/acme/app/%252fx',
    '/repos/acme/app/..%5cother',
    '/repos/acme/app/..\\other',
    '//repos/acme/app/x',
    '/repos//acme/app/x',
    '/repos/acme//app/x',
    '/repos/acme/app//x',
    '/repos/acme/app;x/issues',
    '/repos/acme/app/;/../x',
    '/repos/acme/app/issues;a=b',
    '/repos/acme/app/%3bx',
    '/repos/acme/app/%00',
    '/repos/acme/app/a%00b',
    '/repos/acme/app/%0d%0ax',
    '/repos/acme/app/%7f',
    '/repos/acme/app/%c0%ae%c0%ae/x',
    '/repos/acme/app/%e0%80%af',
    '/repos/acme/app/%',
    '/repos/acme/app/%zz',
    '/repos/acme/app/%u002e',
    '/repos/acme/app/#x',
    '/Repos/acme/app/x',
    '/repos/ACME/app/x',
    '/repos/acme/APP/x',
    '/repos/acme/app2/x',
    '/repos/acme/ap',
    '/./../repos/acme/app/x',
    '*',
    'repos/acme/app/x',
    '/repos/acme/app/\u00e9',
  ])('gets no credential: %s', async (path) => {
    const rig = await rigOf();
    const answer = await rig.ask('cred.test', path, { headers: bearer(rig) });
    expect([400, 403, 404, 421]).toContain(answer.status);
    await rig.askH2('cred.test', path, { headers: bearer(rig) });
    expect([rig.got, rig.minted]).toEqual([[], []]);
  });

  it.each([
    [`${inside}/%69ssues`, `${inside}/issues`],
    [`${inside}/./issues`, `${inside}/issues`],
    [`${inside}/a%3Ab`, `${inside}/a%3Ab`],
    [`${inside}/`, `${inside}/`],
  ])('goes out as it was judged: %s', async (path, sent) => {
    const rig = await rigOf();
    expect((await rig.ask('cred.test', path, { headers: bearer(rig) })).status).toBe(200);
    expect(rig.got.map(({ url }) => url)).toEqual([sent]);
  });
});

describe('who is asked, when that is said twice (PX-14, 16, 17, 19, 20)', () => {
  const H = 'host: cred.test';
  const request = (rig: CredentialRig, line: string, ...fields: string[]): string =>
    [
      line,
      ...fields,
      `authorization: Bearer ${placeholder(rig)}`,
      'connection: close',
      '',
      '',
    ].join('\r\n');

  it.each([
    ['another Host than the SNI', `GET ${OK} HTTP/1.1`, ['host: other.test'], 421],
    ['another port in Host', `GET ${OK} HTTP/1.1`, ['host: cred.test:80'], 421],
    ['two Hosts', `GET ${OK} HTTP/1.1`, [H, 'host: other.test'], 400],
    ['the same Host twice', `GET ${OK} HTTP/1.1`, [H, H], 400],
    ['a target of another host', `GET http://evil.test${OK} HTTP/1.1`, [H], 400],
    ['a target of another allowed host', `GET https://other.test${OK} HTTP/1.1`, [H], 400],
    ['a user in Host', `GET ${OK} HTTP/1.1`, ['host: cred.test@other.test'], 421],
    ['a method of its own case', `get ${OK} HTTP/1.1`, [H], 0],
  ])('with %s', async (_, line, fields, status) => {
    const rig = await rigOf();
    const answer = await rig.send('cred.test', request(rig, line, ...fields));
    const given = Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
    if (status === 0) expect([400, 403, 405, 501]).toContain(given);
    else expect([400, 403, 421]).toContain(given);
    expect([rig.got, rig.minted]).toEqual([[], []]);
  });

  it('in the SNI: a connection to one allowed name that says it is for another is closed', async () => {
    const rig = await rigOf();
    const socket = await rig.rig.connectByName('other.test', 443);
    const { connect } = await import('node:tls');
    const stream = connect({ socket, servername: 'cred.test', ca: await rig.rig.egress.caPem() });
    stream.on('error', () => undefined);
    stream.write(request(rig, `GET ${OK} HTTP/1.1`, H));
    await new Promise((resolve) => stream.once('close', resolve).resume());
    expect([rig.got, rig.minted]).toEqual([[], []]);
    expect(rig.rig.denials()).toHaveLength(1);
  });

  it('by a redirect: the next host gets a placeholder from nobody', async () => {
    const rig = await rigOf({
      origin: (_request, response) => {
        response.writeHead(302, { location: 'https://other.test/x' }).end();
      },
    });
    const first = await rig.ask('cred.test', OK, { headers: bearer(rig) });
    expect(first.status).toBe(302);
    expect((await rig.ask('other.test', '/x', { headers: bearer(rig) })).status).toBe(403);
    expect(rig.got.map(({ host }) => host)).toEqual(['cred.test']);
  });
});

describe('framing that two readers could understand differently (PX-22, 23)', () => {
  it.each([
    ['xchunked', ['transfer-encoding: xchunked'], '0\r\n\r\n'],
    ['a length and chunks', ['content-length: 4', 'transfer-encoding: chunked'], '0\r\n\r\n'],
    ['two lengths', ['content-length: 1', 'content-length: 2'], 'ab'],
    ['a list of lengths', ['content-length: 1, 2'], 'ab'],
    ['a signed length', ['content-length: +1'], 'a'],
    ['chunks named twice', ['transfer-encoding: chunked, chunked'], '0\r\n\r\n'],
    ['a folded header', ['x: a\r\n b'], ''],
    ['a bare line feed', ['x: a\nx-b: c'], ''],
    ['a bare return', ['x: a\rb'], ''],
    ['a space before the colon', ['content-length : 1'], 'a'],
    ['a newline in a chunk extension', ['transfer-encoding: chunked'], '1;a\nb\r\nx\r\n0\r\n\r\n'],
    ['a chunk of a bad size', ['transfer-encoding: chunked'], '0x1\r\na\r\n0\r\n\r\n'],
  ])('with %s', async (_, fields, body) => {
    const rig = await rigOf();
    const head = [
      `POST ${OK} HTTP/1.1`,
      'host: cred.test',
      `authorization: Bearer ${placeholder(rig)}`,
      ...fields,
      '',
      '',
    ].join('\r\n');
    await rig.send('cred.test', head + body);
    expect(rig.got).toEqual([]);
    expect(reached(rig)).toBe(false);
  });

  it('in one segment: the second of two requests is judged by itself', async () => {
    const rig = await rigOf();
    const one = (path: string, more = ''): string =>
      `GET ${path} HTTP/1.1\r\nhost: cred.test\r\nauthorization: Bearer ${placeholder(rig)}\r\n${more}\r\n`;
    const answer = await rig.send(
      'cred.test',
      one(OK) + one('/repos/acme/other', 'connection: close\r\n'),
    );
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 403']);
    expect(rig.got.map(({ url }) => url)).toEqual([OK]);
  });
});

it('refuses in audit mode as well: nothing is minted for what would be denied', async () => {
  const rig = await rigOf({ policy: `mode: audit\n${POLICY}` });
  expect((await rig.ask('cred.test', '/repos/acme/other', { headers: bearer(rig) })).status).toBe(
    403,
  );
  expect((await rig.ask('other.test', OK, { headers: bearer(rig) })).status).toBe(403);
  expect([rig.got, rig.minted]).toEqual([[], []]);
});
