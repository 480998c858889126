// A server ends connections that nothing goes over: the next call takes another, and none waits on one that is gone.
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { dialAddress, dialFirst } from '../../../../src/enforce/egress/dial.ts';
import { createRemoteUpstream } from '../../../../src/enforce/mcp/remote/remote.ts';
import type { Upstream } from '../../../../src/enforce/mcp/upstream.ts';

let server: http.Server;
let upstream: Upstream;
const seen: Socket[] = [];
const dialled: Socket[] = [];

beforeEach(async () => {
  server = http.createServer((request, response) => {
    seen.push(request.socket);
    request.resume().on('end', () => {
      response.setHeader('content-type', 'application/json');
      response.end('{"jsonrpc":"2.0","id":1,"result":{}}');
    });
  });
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  upstream = createRemoteUpstream({
    url: `http://127.0.0.1:${port}/mcp`,
    connect: async () => {
      const signal = AbortSignal.timeout(10_000);
      const way = { dial: dialAddress, addresses: ['127.0.0.1'], port };
      const socket = await dialFirst({ ...way, timeout: 5_000, stagger: 250, signal });
      dialled.push(socket);
      return socket;
    },
  });
});
afterEach(async () => {
  await upstream.close();
  server.closeAllConnections();
  server.close();
  seen.length = dialled.length = 0;
});

async function post(): Promise<number> {
  const message = { jsonrpc: '2.0', id: 1, method: 'ping' };
  const answer = await upstream.post(message, { headers: [], signal: AbortSignal.timeout(20_000) });
  for await (const event of answer.events) expect(event.data.length).toBeGreaterThan(0);
  return answer.status;
}

it('uses a connection again', async () => {
  expect(await post()).toBe(200);
  await new Promise((resolve) => setImmediate(resolve));
  expect(await post()).toBe(200);
  expect(dialled).toHaveLength(1);
});

it.each(['end', 'destroy', 'resetAndDestroy'] as const)(
  'takes another where the server did %s the last',
  async (way) => {
    expect(await post()).toBe(200);
    const closed = new Promise((resolve) => dialled[0]?.once('close', resolve));
    seen[0]?.[way]();
    await closed;
    expect(await post()).toBe(200);
    expect(dialled).toHaveLength(2);
  },
);
