// A service on this machine's loopback, asked for by a guest: with a rule that names it, and without.

import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CliRig } from '../support/cli.ts';

let rig: CliRig;
let server: Server;
let port: number;
beforeAll(async () => {
  rig = new CliRig();
  server = createServer((request, response) => response.end(`host says ${request.url}\n`));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => {
  server.close();
  rig.remove();
});

it('reaches a service on the host where a rule names it, on its port and by no other name', async () => {
  const { stdout, stderr } = await rig.run(
    [
      'sh',
      '-c',
      [
        `curl -sS http://host.sandbox.internal:${port}/proxied`,
        `curl -sS --noproxy "*" http://host.sandbox.internal:${port}/direct`,
        `curl -sS --max-time 5 --noproxy "*" http://127.0.0.1:${port}/guest || echo no`,
        `curl -sS --max-time 5 --noproxy "*" http://host.sandbox.internal:${port === 81 ? 82 : 81}/ || echo no`,
      ].join('\n'),
    ],
    { policy: `version: 1\nnetwork: {allow: [{host: host.sandbox.internal, ports: [${port}]}]}\n` },
  );
  expect(stdout, stderr).toBe('host says /proxied\nhost says /direct\nno\nno\n');
});

it('does not where rules allow every other name', async () => {
  const { stdout } = await rig.run(
    [
      'sh',
      '-c',
      `curl -sS http://host.sandbox.internal:${port}/; curl -sS --noproxy "*" http://host.sandbox.internal:${port}/ || echo no`,
    ],
    { policy: `version: 1\nnetwork: {allow: [{host: "**", ports: [${port}]}]}\n` },
  );
  expect(stdout).not.toContain('host says');
  expect(stdout).toContain(`request  connect host.sandbox.internal:${port}`);
  expect(stdout).toMatch(/no\n$/);
});
