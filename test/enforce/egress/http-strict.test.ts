// Requests that two readers could understand differently, as raw bytes: none of them reaches the origin.

import http2 from 'node:http2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { HOST, createHttpRig } from '../../support/http-rig.ts';
import type { HttpRig } from '../../support/http-rig.ts';

let rig: HttpRig;

beforeEach(async () => {
  rig = await createHttpRig();
});

afterEach(async () => {
  await rig.close();
  expect(rig.faults).toEqual([]);
});

function nothingSent(): void {
  expect(rig.reached).toEqual([]);
  expect(rig.bytesAtOrigin()).toBe(0);
  expect(rig.dialled()).toBe(0);
}

const head = (line: string, ...fields: string[]): string => [line, ...fields, '', ''].join('\r\n');
const H = `Host: ${HOST}`;

describe('HTTP/1.1 that could be read in two ways', () => {
  it.each([
    ['two hosts', head('GET /ok HTTP/1.1', H, H), 400],
    ['two different hosts', head('GET /ok HTTP/1.1', H, 'Host: evil.test'), 400],
    ['no host', head('GET /ok HTTP/1.1', 'X: 1'), 400],
    ['no host in HTTP/1.0', head('GET /ok HTTP/1.0', 'X: 1'), 400],
    ['an empty host', head('GET /ok HTTP/1.1', 'Host:'), 421],
    ['another host', head('GET /ok HTTP/1.1', 'Host: evil.test'), 421],
    ['another port', head('GET /ok HTTP/1.1', `${H}:8443`), 421],
    ['user information', head('GET /ok HTTP/1.1', `Host: a@${HOST}`), 421],
    ['a host with a path', head('GET /ok HTTP/1.1', `${H}/x`), 421],
    ['a list of hosts', head('GET /ok HTTP/1.1', `${H}, evil.test`), 421],
    ['a host below', head('GET /ok HTTP/1.1', `Host: a.${HOST}`), 421],
    ['two trailing dots', head('GET /ok HTTP/1.1', `${H}..`), 421],
    ['an absolute target', head(`GET https://${HOST}/ok HTTP/1.1`, H), 400],
    ['an absolute target elsewhere', head('GET http://evil.test/ok HTTP/1.1', H), 400],
    ['an authority as target', head(`GET ${HOST}:443 HTTP/1.1`, H), 400],
    ['CONNECT', head('CONNECT evil.test:443 HTTP/1.1', H), 400],
    ['the server as a whole', head('OPTIONS * HTTP/1.1', H), 400],
    ['a star with another method', head('GET * HTTP/1.1', H), 400],
    ['two slashes', head('GET //evil.test/ok HTTP/1.1', H), 400],
    ['dot segments', head('GET /ok/../no HTTP/1.1', H), 400],
    ['encoded dot segments', head('GET /ok/%2e%2e/no HTTP/1.1', H), 400],
    ['encoded slash', head('GET /ok%2f..%2fno HTTP/1.1', H), 400],
    ['encoded backslash', head('GET /ok/..%5cno HTTP/1.1', H), 400],
    ['backslash', head('GET /ok\\..\\no HTTP/1.1', H), 400],
    ['encoded twice', head('GET /ok/%252e%252e/no HTTP/1.1', H), 400],
    ['path parameters', head('GET /ok;/../no HTTP/1.1', H), 400],
    ['an encoded NUL', head('GET /ok%00 HTTP/1.1', H), 400],
    ['overlong UTF-8', head('GET /ok/%c0%ae%c0%ae/no HTTP/1.1', H), 400],
    ['a fragment', head('GET /ok#/../no HTTP/1.1', H), 400],
    ['a path header with underscores', head('GET /ok HTTP/1.1', H, 'X_Original_URL: /no'), 400],
    ['a length with an underscore', head('POST /ok HTTP/1.1', H, 'Content_Length: 5'), 400],
    [
      'a coding with an underscore',
      head('POST /ok HTTP/1.1', H, 'Transfer_Encoding: chunked'),
      400,
    ],
    ['a path header', head('GET /ok HTTP/1.1', H, 'X-Original-URL: /no'), 400],
    ['another path header', head('GET /ok HTTP/1.1', H, 'X-Rewrite-Url: /no'), 400],
    ['a method header of two', head('POST /ok HTTP/1.1', H, 'X-HTTP-Method-Override: A B'), 400],
    [
      'TE and CL',
      head('POST /ok HTTP/1.1', H, 'Content-Length: 6', 'Transfer-Encoding: chunked') +
        '0\r\n\r\nG',
      400,
    ],
    [
      'CL and TE',
      head('POST /ok HTTP/1.1', H, 'Transfer-Encoding: chunked', 'Content-Length: 6') +
        '0\r\n\r\nG',
      400,
    ],
    [
      'two lengths',
      head('POST /ok HTTP/1.1', H, 'Content-Length: 1', 'Content-Length: 2') + 'ab',
      400,
    ],
    [
      'two equal lengths',
      head('POST /ok HTTP/1.1', H, 'Content-Length: 1', 'Content-Length: 1') + 'a',
      400,
    ],
    ['a list of lengths', head('POST /ok HTTP/1.1', H, 'Content-Length: 1, 1') + 'a', 400],
    ['a signed length', head('POST /ok HTTP/1.1', H, 'Content-Length: +1') + 'a', 400],
    ['a negative length', head('POST /ok HTTP/1.1', H, 'Content-Length: -1'), 400],
    ['a hexadecimal length', head('POST /ok HTTP/1.1', H, 'Content-Length: 0x1') + 'a', 400],
    ['a huge length', head('POST /ok HTTP/1.1', H, `Content-Length: ${'9'.repeat(30)}`), 400],
    ['xchunked', head('POST /ok HTTP/1.1', H, 'Transfer-Encoding: xchunked') + '0\r\n\r\n', 400],
    [
      'chunked twice',
      head('POST /ok HTTP/1.1', H, 'Transfer-Encoding: chunked, chunked') + '0\r\n\r\n',
      400,
    ],
    [
      'two codings',
      head('POST /ok HTTP/1.1', H, 'Transfer-Encoding: gzip, chunked') + '0\r\n\r\n',
      400,
    ],
    ['identity', head('POST /ok HTTP/1.1', H, 'Transfer-Encoding: identity') + 'abc', 400],
    [
      'two coding fields',
      head('POST /ok HTTP/1.1', H, 'Transfer-Encoding: chunked', 'Transfer-Encoding: identity') +
        '0\r\n\r\n',
      400,
    ],
    [
      'a space before the colon',
      head('POST /ok HTTP/1.1', H, 'Transfer-Encoding : chunked') + '0\r\n\r\n',
      400,
    ],
    [
      'a tab in the coding',
      head('POST /ok HTTP/1.1', H, 'Transfer-Encoding: \x0bchunked') + '0\r\n\r\n',
      400,
    ],
    [
      'chunked in HTTP/1.0',
      head('POST /ok HTTP/1.0', H, 'Transfer-Encoding: chunked') + '0\r\n\r\n',
      400,
    ],
    ['a folded field', head('GET /ok HTTP/1.1', H, 'X: 1', ' folded'), 400],
    ['a folded first field', head('GET /ok HTTP/1.1', ' X: 1', H), 400],
    ['bare LF', `GET /ok HTTP/1.1\n${H}\n\n`, 400],
    ['bare LF behind one field', `GET /ok HTTP/1.1\r\n${H}\nX: 1\r\n\r\n`, 400],
    ['bare CR', `GET /ok HTTP/1.1\r\n${H}\rX: 1\r\n\r\n`, 400],
    ['NUL in a value', head('GET /ok HTTP/1.1', H, 'X: a\0b'), 400],
    ['a control character in a value', head('GET /ok HTTP/1.1', H, 'X: a\x01b'), 400],
    ['a field without colon', head('GET /ok HTTP/1.1', H, 'nocolon'), 400],
    ['a field without name', head('GET /ok HTTP/1.1', H, ': x'), 400],
    ['a space in a name', head('GET /ok HTTP/1.1', H, 'X Y: 1'), 400],
    [
      'an unknown expectation',
      head('POST /ok HTTP/1.1', H, 'Expect: all', 'Content-Length: 0'),
      417,
    ],
    ['HTTP/2.0 in the line', head('GET /ok HTTP/2.0', H), 400],
    ['HTTP/1.2', head('GET /ok HTTP/1.2', H), 400],
    ['HTTP/0.9', 'GET /ok\r\n\r\n', 400],
    ['a lower-case method', head('get /ok HTTP/1.1', H), 400],
    [
      'an upgrade with a body',
      head(
        'POST /ok HTTP/1.1',
        H,
        'Connection: upgrade',
        'Upgrade: websocket',
        'Content-Length: 1',
      ) + 'a',
      400,
    ],
    [
      'more fields than the limit',
      head('GET /ok HTTP/1.1', H, ...Array.from({ length: 201 }, (_, i) => `X${i}: 1`)),
      431,
    ],
    ['more bytes than the limit', head('GET /ok HTTP/1.1', H, `X: ${'a'.repeat(33_000)}`), 431],
  ])('%s', async (_name, text, status) => {
    const answer = await rig.exchange(text);
    nothingSent();
    expect(rig.judged).toEqual([]);
    expect(rig.refused).toHaveLength(1);
    // Lower-case methods and the like are no request at all: the connection may just end.
    if (answer !== '') expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });

  it('still reads what is merely unusual', async () => {
    const text = await rig.exchange(
      head(
        'GET  /ok?a=//../%2e HTTP/1.1',
        `hOST:   ${HOST.toUpperCase()}.:443  `,
        'Connection: close',
      ),
    );
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(rig.reached).toEqual(['GET /ok?a=//../%2e']);
    expect(text).toContain(`"host":"${HOST}"`);
  });
});

describe('requests in one segment', () => {
  it('judges each: an allowed one, a denied one, an allowed one', async () => {
    const text = await rig.exchange(
      head('GET /ok/1 HTTP/1.1', H) +
        head('GET /no HTTP/1.1', H) +
        head('GET /ok/2 HTTP/1.1', H, 'Connection: close'),
    );
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 403', 'HTTP/1.1 200']);
    expect(rig.reached).toEqual(['GET /ok/1', 'GET /ok/2']);
    expect(rig.judged.map((line) => line.slice(0, 5))).toEqual(['allow', 'deny ', 'allow']);
  });

  it('answers in the order asked, one after the other', async () => {
    const text = await rig.exchange(
      [1, 2, 3, 4]
        .map((n) => head(`POST /ok/${n} HTTP/1.1`, H, 'Content-Length: 3') + 'abc')
        .join('') + head('GET /ok/last HTTP/1.1', H, 'Connection: close'),
    );
    expect(text.match(/"url":"[^"]+"/g)).toEqual(
      [1, 2, 3, 4, 'last'].map((n) => `"url":"/ok/${n}"`),
    );
    expect(rig.dialled()).toBe(1);
  });

  it('takes a body for a body: what looks like a request in it is none', async () => {
    const inner = head('GET /no HTTP/1.1', H);
    const text = await rig.exchange(
      head('POST /ok HTTP/1.1', H, `Content-Length: ${inner.length}`, 'Connection: close') + inner,
    );
    expect(text).toContain(`"length":${inner.length}`);
    expect(rig.judged).toHaveLength(1);
    expect(rig.reached).toEqual(['POST /ok']);
  });

  it('ends at what follows a refused one', async () => {
    const text = await rig.exchange(
      head('GET /ok HTTP/1.1', 'Host: evil.test') + head('GET /ok HTTP/1.1', H),
    );
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 421']);
    nothingSent();
  });
});

describe('header fields that do not cross', () => {
  it('leaves out what is about the connection, and what it names', async () => {
    const text = await rig.exchange(
      head(
        'GET /ok HTTP/1.1',
        H,
        'Connection: close, X-Secret, Keep-Alive',
        'X-Secret: 1',
        'Keep-Alive: 5',
        'Proxy-Authorization: Basic x',
        'Proxy-Connection: keep-alive',
        'TE: trailers',
        'Upgrade: h2c',
        'HTTP2-Settings: AAA',
        'X-Kept: ä',
      ),
    );
    const seen = /\{.*\}/.exec(text)?.[0] ?? '{}';
    const { headers } = JSON.parse(seen) as { headers: Record<string, string> };
    expect(Object.keys(headers).sort()).toEqual(['connection', 'host', 'x-kept']);
  });

  it.each(['X-HTTP-Method-Override', 'X_HTTP_METHOD_OVERRIDE', 'X-HTTP_Method'])(
    'asks for a method that a header names as well: %s',
    async (name) => {
      await rig.close();
      rig = await createHttpRig({ allow: ({ method }) => method === 'POST' });
      const text = await rig.exchange(
        head('POST /ok HTTP/1.1', H, `${name}: delete`, 'Content-Length: 0', 'Connection: close'),
      );
      expect(text).toMatch(/^HTTP\/1\.1 403 /);
      expect(rig.judged).toEqual([
        `allow POST https://${HOST}/ok`,
        `deny DELETE https://${HOST}/ok`,
      ]);
      nothingSent();
    },
  );
});

describe('HTTP/2', () => {
  async function ask(headers: http2.OutgoingHttpHeaders): Promise<number | string> {
    const socket = await rig.connectTls({ ALPNProtocols: ['h2'] });
    const session = http2.connect(`https://${HOST}`, { createConnection: () => socket });
    session.on('error', () => undefined);
    const stream = session.request(headers);
    stream.on('error', () => undefined);
    stream.resume();
    const status = await new Promise<number | string>((resolve) => {
      stream.on('response', (answer) => resolve(answer[':status'] ?? 0));
      stream.on('close', () => resolve('reset'));
    });
    session.destroy();
    return status;
  }

  it.each([
    ['another authority', { ':authority': 'evil.test', ':path': '/ok' }, 421],
    ['another port', { ':authority': `${HOST}:1`, ':path': '/ok' }, 421],
    ['a host beside the authority', { ':authority': HOST, host: 'evil.test', ':path': '/ok' }, 421],
    ['another scheme', { ':scheme': 'http', ':path': '/ok' }, 400],
    ['dot segments', { ':path': '/ok/../no' }, 400],
    ['an absolute path', { ':path': `https://${HOST}/ok` }, 400],
    ['a lower-case method', { ':method': 'post', ':path': '/ok' }, 400],
    ['a method with a space', { ':method': 'GET /no', ':path': '/ok' }, 400],
    ['a path header', { ':path': '/ok', 'x-original-url': '/no' }, 400],
  ])('%s', async (_name, headers, status) => {
    // Node, or what it is built on, may end such a stream before we are asked.
    const answer = await ask(headers);
    nothingSent();
    expect(rig.judged).toEqual([]);
    if (answer !== 'reset') {
      expect(answer).toBe(status);
      expect(rig.refused).toHaveLength(1);
    }
  });

  it('goes on after a stream that was refused', async () => {
    expect(await ask({ ':path': '/ok' })).toBe(200);
  });
});
