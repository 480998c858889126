// A host that reaches the outside through a proxy alone: what a guest may ask for goes through it, and a setting that cannot be
// used ends the start.

import { once } from 'node:events';
import { type Server, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CliRig, collect } from '../support/cli.ts';
import { type FakeProxy, fakeHttpProxy } from '../support/upstream-proxy.ts';

const POLICY =
  'version: 1\nnetwork: {allow: [{host: registry.example.com}, {id: api, host: api.example.com, methods: [GET]}]}\n';

let rig: CliRig;
let server: Server;
let fake: FakeProxy;
let port: number;
beforeAll(async () => {
  rig = new CliRig();
  fake = fakeHttpProxy({
    credentials: 'me:pass-w0rd',
    destination: (socket, authority) =>
      socket.on('data', (chunk: Buffer) =>
        socket.write(
          `HTTP/1.1 200 OK\r\nContent-Length: ${authority.length + 1}\r\nX-Saw: ${chunk.length > 0}\r\n\r\n${authority}\n`,
        ),
      ),
  });
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    fake.serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => {
  server.close();
  rig.remove();
});

async function run(
  script: string,
  env: Record<string, string>,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = rig.start(['run', '--policy', rig.policy(POLICY), '--', 'sh', '-c', script], env);
  child.stdin?.end();
  return collect(child);
}

it('carries what rules allow through the proxy of the host, and nothing of it into the guest', async () => {
  const { stdout, stderr } = await run(
    [
      'curl -sS http://registry.example.com/a',
      'curl -sS --noproxy "*" http://registry.example.com/b',
      'curl -sS http://api.example.com/c',
      'curl -sS -X PUT http://api.example.com/d',
      'curl -sS http://other.example.com/e',
      'env',
    ].join('\n'),
    { http_proxy: `http://me:pass-w0rd@127.0.0.1:${port}` },
  );
  expect(stdout, stderr).toMatch(
    /^registry\.example\.com:80\nregistry\.example\.com:80\napi\.example\.com:80\n/,
  );
  expect(stdout).toContain('request  PUT http://api.example.com/d');
  expect(stdout).toContain('request  connect other.example.com:80');
  expect(new Set(fake.asked)).toEqual(new Set(['registry.example.com:80', 'api.example.com:80']));
  expect(stdout).not.toContain('pass-w0rd');
  expect(JSON.stringify(rig.records())).not.toContain('pass-w0rd');
  expect(rig.records()).toContainEqual(
    expect.objectContaining({ type: 'outcome', viaProxy: `http://127.0.0.1:${port}` }),
  );
});

it('does not start with a setting that cannot be used, and says what to do', async () => {
  const { code, stderr } = await run('true', { HTTPS_PROXY: 'socks4://me:pass-w0rd@127.0.0.1' });
  expect(code).toBe(125);
  expect(stderr).toContain('HTTPS_PROXY');
  expect(stderr).toContain('socks5://HOST:PORT');
  expect(stderr).not.toContain('pass-w0rd');
});
