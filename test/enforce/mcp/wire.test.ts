// What is no message of the protocol, by the agent's side of the wire: nothing of it reaches a server.
import net from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { BEARER, createRig, HOST, type Rig } from '../../support/mcp/rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

const call = (args: unknown = { text: 'x' }, id: unknown = 7) =>
  JSON.stringify({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name: 'echo', arguments: args },
  });

const expectAlive = async (): Promise<void> => {
  const { status } = await rig.modern('tools/list');
  expect(status).toBe(200);
};
const toolCalls = () => rig.upstream.of('tools/call').length;

describe('a body', () => {
  it.each([
    [
      'AS1 duplicate name',
      call().replace('"name":"echo"', '"name":"echo","name":"danger"'),
      -32600,
    ],
    ['AS2 twin of name', call().replace('"name":"echo"', '"name":"echo","Name":"danger"'), -32600],
    [
      'AS4 escaped twin',
      call().replace('"name":"echo"', '"name":"echo","\\u006eame":"danger"'),
      -32600,
    ],
    [
      'AS5 __proto__',
      call().replace('{"text"', '{"__proto__":{"path":"/etc/passwd"},"text"'),
      -32600,
    ],
    ['M04 duplicate method', call().replace('"method"', '"method":"ping","method"'), -32600],
    ['M04 huge integer', call().replace('"x"', '12345678901234567890'), -32600],
    ['M04 comment', call().replace('{', '{/* */'), -32700],
    [
      'AS22 overlong bytes',
      Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]),
      -32700,
    ],
    ['AS22 UTF-16', Buffer.from(call(), 'utf16le'), -32700],
    ['AS22 lone surrogate', call().replace('"x"', '"\\ud800"'), -32600],
    ['PR1 batch of one', `[${call()}]`, -32600],
    ['PR1 batch with spaces', `  [${call()},{"jsonrpc":"2.0","method":"x"}]`, -32600],
    ['PR1 mark in front', `\ufeff[${call()}]`, -32700],
    ['M05 nested batch', `[[${call()}]]`, -32600],
    ['PR2 two documents', `${call()}${call()}`, -32700],
    ['PR2 lines', `${call()}\n${call()}`, -32700],
    ['PR2 NaN', call().replace('"x"', 'NaN'), -32700],
    ['PR7 depth', '['.repeat(100_000), -32600],
    ['PR10 id null', call({}, null), -32600],
    ['PR10 id 1.5', call({}, 1.5), -32600],
    ['PR10 id {}', call({}, {}), -32600],
    ['PR10 id true', call({}, true), -32600],
    ['PR10 id beyond 2^53', call().replace('"id":7', '"id":9007199254740993'), -32600],
    ['AS23 id of 10 kB', call({}, 'i'.repeat(10_000)), -32600],
  ])('is refused: %s', async (_, body, code) => {
    const answer = await rig.send(body);
    expect(answer.status).toBe(400);
    expect(answer.message).toMatchObject({ error: { code } });
    expect(rig.upstream.received).toHaveLength(0);
    expect(rig.decisions()).toMatchObject([
      {
        effect: 'deny',
        rule: { id: 'builtin/mcp-malformed' },
        request: 'feature gh/malformed-message',
      },
    ]);
    await expectAlive();
  });

  it.each([
    ['among arguments', { text: 'x', Text: 'y' }, 400],
    ['within an argument', { a: { b: [{ root: '/workspace', Root: '/etc' }] } }, 400],
    ['with a long s', { a: { paths: 1, pathſ: 2 } }, 400],
    ['[ctl] in other objects', { a: { root: 1 }, b: { Root: 2 }, C: 'c' }, 200],
  ])('AS2 has no names that are one to a reader who ignores case: %s', async (_, args, status) => {
    const answer = await rig.modern('tools/call', { name: 'echo', arguments: args });
    expect(answer.status).toBe(status);
    expect(toolCalls()).toBe(status === 200 ? 1 : 0);
    if (status === 400)
      expect(rig.decisions()).toMatchObject([{ rule: { id: 'builtin/mcp-malformed' } }]);
  });

  it('PR4 comes in no coding', async () => {
    const answer = await rig.send(call(), { headers: { 'content-encoding': 'gzip' } });
    expect(answer.status).toBe(415);
    expect(rig.upstream.received).toHaveLength(0);
  });

  it.each([
    ['text/plain', 415],
    ['application/jsonx', 415],
    ['application/json; charset=utf-16', 415],
    ['application/json; charset=utf-8', 400],
  ])('has the type of the protocol: %s', async (type, status) => {
    const answer = await rig.send('{', { headers: { 'content-type': type } });
    expect(answer.status).toBe(status);
  });

  it('is sent by who takes both forms of an answer', async () => {
    const answer = await rig.send(call(), { headers: { accept: 'application/json' } });
    expect(answer.status).toBe(406);
  });

  it('PR5 is no longer than it may be, said or not', async () => {
    const head = `POST /mcp/gh HTTP/1.1\r\nHost: ${HOST}\r\nAuthorization: Bearer ${BEARER}\r\nContent-Type: application/json\r\nAccept: */*\r\n`;
    const said = await rig.raw(`${head}Content-Length: 10737418240\r\n\r\n{`);
    expect(said).toMatch(/^HTTP\/1\.1 413 /);
    expect(said).toContain('onnection: close');
    const socket = net.connect(rig.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('error', () => undefined);
    socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    let sent = 0;
    while (!socket.destroyed && sent < 100_000) {
      sent += 1;
      if (!socket.write(chunk))
        await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => undefined);
    }
    if (!socket.destroyed) await once(socket, 'close');
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
    expect(sent).toBeLessThan(100_000);
    expect(rig.upstream.received).toHaveLength(0);
    await expectAlive();
  });
});

describe('a connection', () => {
  const head = (lines: string): string =>
    `POST /mcp/gh HTTP/1.1\r\n${lines}Authorization: Bearer ${BEARER}\r\nContent-Type: application/json\r\nAccept: */*\r\n`;
  const host = `Host: ${HOST}\r\n`;
  it.each([
    [
      'PR19 two lengths',
      `${head(host)}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['PR19 folded field', `${head(host)}X-A: a\r\n b\r\nContent-Length: 2\r\n\r\n{}`],
    ['PR19 bare line feed', `POST /mcp/gh HTTP/1.1\nHost: ${HOST}\nContent-Length: 2\n\n{}`],
    ['PR19 two hosts', `${head(host + host)}Content-Length: 2\r\n\r\n{}`],
    ['PR19 no host', `${head('')}Content-Length: 2\r\n\r\n{}`],
    ['PR19 space before the colon', `${head(host)}Content-Length : 2\r\n\r\n{}`],
    ['two bearers', `${head(host)}Authorization: Bearer x\r\nContent-Length: 2\r\n\r\n{}`],
  ])('that is not strict HTTP is refused: %s', async (_, bytes) => {
    expect(await rig.raw(bytes)).toMatch(/^HTTP\/1\.1 400 /);
    expect(rig.upstream.received).toHaveLength(0);
  });

  it('PR19 takes no absolute form', async () => {
    const text = await rig.raw(
      `POST http://${HOST}/mcp/gh HTTP/1.1\r\n${host}Authorization: Bearer ${BEARER}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`,
    );
    expect(text).toMatch(/^HTTP\/1\.1 404 /);
  });

  it('NT7 is one of as many as may be', async () => {
    await rig.close();
    rig = await createRig({ limits: { connections: 4 } });
    const idle = Array.from({ length: 20 }, () => net.connect(rig.port, '127.0.0.1'));
    for (const socket of idle) socket.on('error', () => undefined);
    const closed = new Set<net.Socket>();
    for (const socket of idle) socket.on('close', () => closed.add(socket)).resume();
    await expect.poll(() => closed.size).toBe(16);
    for (const socket of idle) socket.destroy();
    await expect.poll(() => closed.size).toBe(20);
    await expectAlive();
  });
});

describe('a request', () => {
  it.each(['evil.test:1234', 'localhost', '127.0.0.1', `${HOST}.evil.test`])(
    'NT1 M11 for the host %s is refused',
    async (host) => {
      const answer = await rig.send(call(), { headers: { host } });
      expect(answer.status).toBe(403);
      expect(rig.upstream.received).toHaveLength(0);
    },
  );

  it.each(['https://evil.test', 'null', 'http://localhost.evil.test', `http://${HOST}.evil.test`])(
    'NT2 M11 from the page %s is refused',
    async (origin) => {
      const answer = await rig.send(call(), { headers: { origin } });
      expect(answer.status).toBe(403);
      expect(rig.upstream.received).toHaveLength(0);
      await expectAlive();
    },
  );

  it.each([undefined, 'Bearer x', 'Basic eDp5', `Bearer ${BEARER} `, BEARER])(
    'without the bearer is refused: %s',
    async (authorization) => {
      const answer = await rig.send(call(), {
        headers: { authorization: authorization === undefined ? undefined : authorization + '.' },
      });
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toBeUndefined();
      expect(rig.upstream.received).toHaveLength(0);
    },
  );

  it('NT5 of a browser that asks first gets no leave', async () => {
    const headers = {
      origin: 'https://evil.test',
      'access-control-request-private-network': 'true',
    };
    const answer = await rig.send(undefined, { method: 'OPTIONS', headers });
    expect(answer.status).toBe(403);
    const plain = await rig.send(undefined, { method: 'OPTIONS' });
    expect(plain.status).toBe(405);
    for (const { headers: got } of [answer, plain])
      expect(Object.keys(got).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it.each([
    '/mcp/gh/../files',
    '/mcp/%67h',
    '//mcp/gh',
    '/mcp/gh?server=files',
    '/mcp/GH',
    '/MCP/gh',
    '/mcp/gh/',
    '/mcp/',
    '/mcp/__proto__',
    '/mcp/constructor',
    '/',
  ])('PR20 has one exact path, not %s', async (path) => {
    const answer = await rig.send(call(), { path });
    expect(answer.status).toBe(404);
    expect(answer.message).toMatchObject({ error: { message: 'Not found' } });
    expect(rig.upstream.received).toHaveLength(0);
  });

  it.each([
    '/.well-known/oauth-authorization-server',
    '/.well-known/oauth-protected-resource/mcp/gh',
    '/.well-known/openid-configuration',
    '/health',
    '/metrics',
    '/debug',
  ])('NT8 finds nothing at %s', async (path) => {
    const answer = await rig.send(undefined, {
      method: 'GET',
      path,
      headers: { authorization: undefined },
    });
    expect(answer.status).toBe(404);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(rig.log).toHaveLength(0);
  });

  it('CR1 CR11 brings no header of its own to a server', async () => {
    const headers = {
      cookie: 'a=b',
      'x-api-key': 'k',
      'proxy-authorization': 'Basic x',
      'x-forwarded-for': '1.2.3.4',
      'mcp-init-host': 'evil',
      traceparent: 'x',
    };
    const answer = await rig.modern('tools/call', { name: 'echo', arguments: {} }, { headers });
    expect(answer.status).toBe(200);
    const [got] = rig.upstream.of('tools/call');
    expect(Object.keys(got?.headers ?? {}).sort()).toEqual([
      'accept',
      'accept-encoding',
      'connection',
      'content-length',
      'content-type',
      'host',
      'mcp-method',
      'mcp-name',
      'mcp-protocol-version',
      'user-agent',
    ]);
  });
});

describe('a method', () => {
  it.each([
    'acme/exec',
    'tools/call2',
    'rpc.discover',
    '__proto__',
    'ui/open',
    'skills/list',
    'sampling/createMessage',
    'notifications/x',
    'tasks/get',
    'tasks/result',
    'tasks/list',
    'tasks/cancel',
    'tasks/update',
  ])('PR14 BP7 BP11 that is not known does not exist: %s', async (method) => {
    const modern = await rig.modern(method, { taskId: 'x' });
    expect(modern.status).toBe(404);
    expect(modern.message).toMatchObject({ id: 1, error: { code: -32601 } });
    const session = await rig.begin();
    const legacy = await rig.legacy(session, method, { taskId: 'x' });
    expect(legacy.message).toMatchObject({ id: 1, error: { code: -32601 } });
    expect(rig.upstream.received.filter(({ message }) => message['method'] === method)).toEqual([]);
    expect(rig.decisions().map(({ effect }) => effect)).toEqual(['deny', 'deny']);
  });

  it('of one era does not exist in the other', async () => {
    expect((await rig.modern('initialize')).status).toBe(404);
    expect((await rig.modern('logging/setLevel', { level: 'debug' })).status).toBe(404);
    const session = await rig.begin();
    const { message } = await rig.legacy(session, 'server/discover');
    expect(message).toMatchObject({ error: { code: -32601 } });
    expect(toolCalls()).toBe(0);
  });
});
