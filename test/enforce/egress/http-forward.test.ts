import http2 from 'node:http2';
import https from 'node:https';
import { afterEach, expect, it } from 'vitest';

import { HOST, createHttpRig } from '../../support/http-rig.ts';
import type { HttpRig, HttpRigOptions } from '../../support/http-rig.ts';

let rig: HttpRig;

async function start(options: HttpRigOptions = {}): Promise<void> {
  rig = await createHttpRig(options);
}

afterEach(async () => {
  await rig.close();
  expect(rig.faults).toEqual([]);
});

it('forwards an allowed request over TLS and brings the answer back', async () => {
  await start();
  const text = await rig.exchange(
    `GET /ok/a?b=c HTTP/1.1\r\nHost: ${HOST}\r\nX-Mine: 1\r\nConnection: close\r\n\r\n`,
  );
  expect(text).toContain('HTTP/1.1 200 OK');
  expect(text).toContain('"url":"/ok/a?b=c"');
  expect(text).toContain('"x-mine":"1"');
  expect(rig.judged).toEqual([`allow GET https://${HOST}/ok/a`]);
  expect(rig.outcomes).toEqual([
    {
      request: `GET https://${HOST}/ok/a`,
      facts: expect.objectContaining({ status: 200, end: 'closed' }) as never,
    },
  ]);
});

it('denies with the rule, its place and the edit, before anything goes upstream', async () => {
  await start();
  const text = await rig.exchange(`GET /no HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`);
  expect(text).toContain(
    'HTTP/1.1 403 Forbidden (agent-sandbox rule repo/test at policy.yml:7)\r\n',
  );
  expect(text).toContain('x-agent-sandbox-rule: repo/test');
  expect(text).toContain('policy.yml:7');
  expect(text).toContain("add to policy.yml (the repository's policy):");
  expect(rig.judged).toEqual([`deny GET https://${HOST}/no`]);
  expect(rig.dialled()).toBe(0);
});

it("serves Node's own clients of both versions", async () => {
  await start();
  const socket = await rig.connectTls({ ALPNProtocols: ['h2'] });
  expect(socket.alpnProtocol).toBe('h2');
  const session = http2.connect(`https://${HOST}`, { createConnection: () => socket });
  const get = (path: string): Promise<[number | undefined, string]> =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ':path': path });
      let text = '';
      let status: number | undefined;
      stream.on('response', (headers) => (status = headers[':status']));
      stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
      stream.on('end', () => resolve([status, text]));
      stream.on('error', reject);
    });
  const answers = await Promise.all([get('/ok/1'), get('/no'), get('/ok/2')]);
  expect(answers.map(([status]) => status)).toEqual([200, 403, 200]);
  session.close();

  const agent = new https.Agent({ keepAlive: true, ca: rig.caPem });
  for (const [path, expected] of [
    ['/ok/3', 200],
    ['/no', 403],
    ['/ok/4', 200],
  ] as const) {
    const status = await new Promise((resolve, reject) => {
      https
        .get(
          {
            agent,
            host: '127.0.0.1',
            port: rig.port,
            servername: HOST,
            path,
            headers: { host: HOST },
          },
          (response) => {
            response.resume();
            response.on('end', () => resolve(response.statusCode));
          },
        )
        .on('error', reject);
    });
    expect(status).toBe(expected);
  }
  agent.destroy();
  expect(rig.dialled()).toBe(2);
});

it('leaves nothing behind of a request when the connection goes on', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  await start();
  const get = `GET /ok HTTP/1.1\r\nHost: ${HOST}\r\n`;
  const text = await rig.exchange(`${`${get}\r\n`.repeat(40)}${get}Connection: close\r\n\r\n`);
  expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(41);
  expect(rig.dialled()).toBe(1);
  process.off('warning', onWarning);
  expect(warnings).toEqual([]);
});
