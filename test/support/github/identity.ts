// GitHub's OIDC issuer: the endpoint at which a job asks for its tokens, and, behind a proxy with a certificate of its own, the
// keys at the issuer's real name.

import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startCloud } from '../clouds/cloud.ts';
import { ISSUER, createOidc } from '../clouds/oidc.ts';
import type { Answer } from './call.ts';
import type { RuntimeJob } from './runtime.ts';
import type { FakeGitHubOptions } from './types.ts';

export interface Identity {
  issuer: string;
  /** with it a process finds the issuer's keys at their real name */
  environment: Readonly<Record<string, string>>;
  answer(method: string, query: URLSearchParams, job: RuntimeJob | undefined): Promise<Answer>;
  close(): Promise<void>;
}

export async function startIdentity({ claims = {}, now }: FakeGitHubOptions): Promise<Identity> {
  const oidc = await createOidc(now === undefined ? {} : { now });
  const cloud = await startCloud(oidc);
  const folder = mkdtempSync(join(tmpdir(), 'fake-github-'));
  const ca = join(folder, 'ca.pem');
  writeFileSync(ca, cloud.ca);
  const proxy = await startProxy(new URL(ISSUER).host, cloud.port);
  return {
    issuer: ISSUER,
    environment: {
      HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`,
      NO_PROXY: '127.0.0.1,localhost',
      NODE_EXTRA_CA_CERTS: ca,
    },
    async answer(method, query, job) {
      if (job?.permissions['id-token'] !== 'write')
        return { status: 401, body: { message: 'the job has no right to a token' } };
      if (method !== 'GET' || query.get('api-version') !== '2.0')
        return { status: 400, body: { message: 'not the URL of the job' } };
      const audience = query.get('audience') ?? 'https://github.com/acme';
      const value = await oidc.sign(audience, { run_id: job.runId, ...job.claims, ...claims });
      return { status: 200, body: { count: value.length, value } };
    },
    async close() {
      rmSync(folder, { recursive: true });
      await proxy.close();
      await cloud.close();
    },
  };
}

/** Leads to one host alone; all else is refused. */
async function startProxy(
  host: string,
  port: number,
): Promise<{ port: number; close: () => Promise<void> }> {
  const open = new Set<Socket>();
  const server = createServer((_, response) => response.writeHead(403).end());
  server.on('connection', (socket) => open.add(socket));
  server.on('connect', (request, client: Socket) => {
    client.on('error', () => undefined);
    if (request.url !== `${host}:443`) {
      client.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      return;
    }
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      client.pipe(upstream).pipe(client);
    });
    open.add(upstream);
    upstream.on('error', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
