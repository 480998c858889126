import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';

import { HOST, createHttpRig } from '../../support/http-rig.ts';
import type { HttpRig } from '../../support/http-rig.ts';

let rig: HttpRig;
let heads: string[][];
afterEach(async () => {
  await rig.close();
  expect(rig.faults).toEqual([]);
});

type Behaviour = 'answer' | 'reset' | 'end' | 'begin and reset';

/** What a server does with each request, connection by connection. */
async function start(script: Behaviour[][]): Promise<void> {
  heads = [];
  rig = await createHttpRig({
    port: 80,
    rawOrigin(socket: Socket) {
      const mine: string[] = [];
      const plan = script[heads.push(mine) - 1] ?? [];
      let text = '';
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
          mine.push(text.slice(0, text.indexOf(' HTTP')));
          text = text.slice(end + 4);
          act(socket, plan[mine.length - 1] ?? 'answer');
        }
      });
    },
  });
}

function act(socket: Socket, behaviour: Behaviour): void {
  if (behaviour === 'answer') socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  else if (behaviour === 'end') socket.end();
  else if (behaviour === 'reset') socket.resetAndDestroy();
  else {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf');
    setTimeout(() => socket.resetAndDestroy(), 20);
  }
}

const request = (method: string, path: string, more = ''): string =>
  `${method} ${path} HTTP/1.1\r\nHost: ${HOST}\r\n${more}\r\n`;
const LAST = 'Connection: close\r\n';

const statuses = (text: string): number[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));

describe('a request on a kept connection that the server closes', () => {
  it.each(['reset', 'end'] as const)('is sent once more where it is safe (%s)', async (how) => {
    await start([['answer', how], ['answer']]);
    const text = await rig.exchangePlain(
      `${request('GET', '/ok/1')}${request('GET', '/ok/2', LAST)}`,
    );
    expect(statuses(text)).toEqual([200, 200]);
    expect(heads).toEqual([['GET /ok/1', 'GET /ok/2'], ['GET /ok/2']]);
    expect(rig.judged).toHaveLength(2);
    expect(rig.outcomes.map(({ facts }) => facts['status'])).toEqual([200, 200]);
  });

  it('is not sent a third time', async () => {
    await start([['answer', 'reset'], ['reset'], ['answer']]);
    const text = await rig.exchangePlain(
      `${request('GET', '/ok/1')}${request('GET', '/ok/2', LAST)}`,
    );
    expect(statuses(text)).toEqual([200, 502]);
    expect(heads).toHaveLength(2);
  });

  it.each<[string, string]>([
    ['POST', request('POST', '/ok/2', `Content-Length: 0\r\n${LAST}`)],
    ['DELETE', request('DELETE', '/ok/2', LAST)],
    ['GET with a body', `${request('GET', '/ok/2', `Content-Length: 2\r\n${LAST}`)}hi`],
    [
      'GET that a header turns into POST',
      request('GET', '/ok/2', `X-HTTP-Method-Override: POST\r\n${LAST}`),
    ],
  ])('is not repeated when it is %s', async (_what, second) => {
    await start([['answer', 'reset'], ['answer']]);
    const text = await rig.exchangePlain(`${request('GET', '/ok/1')}${second}`);
    expect(statuses(text)).toEqual([200, 502]);
    expect(heads).toHaveLength(1);
  });

  it('is not repeated once its answer has begun, nor when its connection was new', async () => {
    await start([['answer', 'begin and reset'], ['answer']]);
    const text = await rig.exchangePlain(
      `${request('GET', '/ok/1')}${request('GET', '/ok/2', LAST)}`,
    );
    expect(text).not.toContain('502');
    expect(heads).toHaveLength(1);
    await rig.close();
    await start([['reset'], ['answer']]);
    expect(statuses(await rig.exchangePlain(request('GET', '/ok/1', LAST)))).toEqual([502]);
    expect(heads).toHaveLength(1);
  });
});
