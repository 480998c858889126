// Rules for single requests, from the policy to what real programs see: curl, git and Node's fetch.

import { execa } from 'execa';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { needsInspection } from '../../../src/enforce/egress/inspection.ts';
import { createCertificate } from '../../support/certificate.ts';
import { createPolicy, createRig, freePort, waitFor } from '../../support/egress-rig.ts';
import type { Rig, RigOptions } from '../../support/egress-rig.ts';

const NAME = 'api.example.test';
const PUBLIC = '20.1.2.3';
const RULES: RigOptions = {
  allow: [
    { hosts: [NAME], methods: ['GET', 'HEAD'], paths: ['/repos/**'] },
    { hosts: [NAME], methods: ['POST'], paths: ['/repos/*/issues'] },
  ],
  deny: [{ hosts: [NAME], paths: ['/repos/secret/**'] }],
  hosts: { [NAME]: [PUBLIC] },
};

let rig: Rig;
let directory: string;
let reached: string[];
let closers: (() => void)[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'http-policy-'));
  reached = [];
  closers = [];
});

afterEach(async () => {
  await rig.close();
  for (const close of closers) close();
  rmSync(directory, { recursive: true, force: true });
  expect(rig.faults).toEqual([]);
});

async function start(
  onRequest?: http.RequestListener,
  rules: RigOptions = RULES,
  tlsPort = 443,
): Promise<number> {
  const certificate = createCertificate([NAME]);
  rig = await createRig({ ...rules, ca: [certificate.cert] });
  const listener: http.RequestListener = (request, response) => {
    reached.push(`${request.method} ${request.url} HTTP/${request.httpVersion}`);
    if (onRequest) return onRequest(request, response);
    request.resume();
    request.on('end', () => response.end('from the origin\n'));
    return undefined;
  };
  const server = http2.createSecureServer({ ...certificate, allowHTTP1: true }, listener as never);
  const plain = http.createServer(listener);
  closers.push(() => server.close());
  await rig.serve(`${PUBLIC}:${tlsPort}`, (socket) => void server.emit('connection', socket));
  await rig.serve(`${PUBLIC}:80`, (socket) => void plain.emit('connection', socket));
  writeFileSync(join(directory, 'ca.pem'), await rig.egress.caPem());
  return rig.portFor(NAME, tlsPort);
}

async function curl(port: number, path: string, ...more: string[]): Promise<string> {
  const { stdout } = await execa(
    'curl',
    [
      '-sS',
      '--max-time',
      '10',
      '--cacert',
      'ca.pem',
      '--connect-to',
      `${NAME}:443:127.0.0.1:${port}`,
      '-w',
      '\n%{http_code} %{http_version}',
      ...more,
      `https://${NAME}${path}`,
    ],
    { cwd: directory },
  );
  return stdout;
}

it.each([
  ['--http1.1', '1.1'],
  ['--http2', '2'],
])('lets curl %s do what the rules say, and tells it what they do not', async (flag, version) => {
  const port = await start();
  expect(await curl(port, '/repos/app/readme?x=1', flag)).toBe(`from the origin\n\n200 ${version}`);
  expect(await curl(port, '/repos/app/issues', flag, '-d', 'title=x')).toContain(`200 ${version}`);
  const text = await curl(port, '/repos/app/readme', flag, '-X', 'DELETE');
  expect(text).toContain(`403 ${version}`);
  expect(text).toContain(`request  DELETE https://${NAME}/repos/app/readme`);
  expect(text).toContain('rule     builtin/default');
  expect(text).toContain('add to policy.yml');
  expect(text).toContain('methods: [DELETE]');
  const denied = await curl(port, '/repos/secret/key', flag);
  expect(denied).toContain('repo/network.deny[0] at policy.yml:1');
  expect(reached).toEqual([
    `GET /repos/app/readme?x=1 HTTP/${version === '2' ? '2.0' : version}`,
    `POST /repos/app/issues HTTP/${version === '2' ? '2.0' : version}`,
  ]);
  expect(rig.denials()).toHaveLength(2);
  expect(rig.allows()).toContain(`GET https://${NAME}/repos/app/readme`);
});

it('judges requests without TLS as well', async () => {
  await start();
  const port = await rig.portFor(NAME, 80);
  const ask = (path: string): Promise<string> =>
    execa('curl', [
      '-sS',
      '--connect-to',
      `${NAME}:80:127.0.0.1:${port}`,
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      `http://${NAME}${path}`,
    ]).then(({ stdout }) => stdout);
  expect(await ask('/repos/a/b')).toBe('200');
  expect(await ask('/other')).toBe('403');
  expect(reached).toEqual(['GET /repos/a/b HTTP/1.1']);
});

it('records the request before the server hears of it, and how it went after', async () => {
  let known: string[] = [];
  const port = await start((_request, response) => {
    known = rig.allows();
    response.end('x');
  });
  await curl(port, '/repos/a');
  expect(known).toEqual([`resolve ${NAME}`, `connect ${NAME}:443`, `GET https://${NAME}/repos/a`]);
  await waitFor(() => rig.outcomes().length === 1);
  expect(rig.outcomes()[0]).toMatchObject({
    type: 'outcome',
    request: `GET https://${NAME}/repos/a`,
    status: 200,
    end: 'closed',
    bytesIn: 1,
  });
});

it('lets through in audit mode what it would deny', async () => {
  const port = await start(undefined, { ...RULES, mode: 'audit' });
  expect(await curl(port, '/other')).toContain('200');
  expect(rig.denials()[0]).toContain(`GET https://${NAME}/other`);
});

it('dials nothing until a request is allowed, and never an address that is out of bounds', async () => {
  const port = await start(undefined, { ...RULES, hosts: { [NAME]: ['169.254.169.254'] } });
  expect(await curl(port, '/other')).toContain('403');
  expect(rig.looked).toEqual([]);
  expect(await curl(port, '/repos/a')).toContain('502');
  expect(rig.dialled).toEqual([]);
  expect(rig.denials().at(-1)).toContain('metadata');
});

it('relays untouched what rules for connections allow', async () => {
  const port = await start(undefined, { ...RULES, allow: [{ hosts: [NAME] }], deny: [] });
  await expect(curl(port, '/any')).rejects.toThrow(/certificate|60/);
  expect(needsInspection(createPolicy(RULES))).toBe(true);
  expect(needsInspection(createPolicy({ allow: [{ hosts: [NAME] }] }))).toBe(false);
});

it('refuses fetch that names another server than the connection', async () => {
  const port = await start();
  const script = `
    const answers = [];
    for (const path of ['/repos/a', '/no']) {
      const response = await fetch('https://localhost:${port}' + path).catch((error) => ({ status: error.cause?.code ?? error.message }));
      answers.push(response.status);
    }
    console.log(JSON.stringify(answers));`;
  const { stdout } = await execa(process.execPath, ['--input-type=module', '-e', script], {
    env: { NODE_EXTRA_CA_CERTS: join(directory, 'ca.pem') },
  });
  // fetch names localhost, for which this connection was not decided: refused before any request.
  expect(JSON.parse(stdout)).toEqual(['ECONNRESET', 'ECONNRESET']);
  expect(rig.denials()).toHaveLength(2);
  expect(reached).toEqual([]);
});

it('lets git read and not push, and shows it why', async () => {
  const repository = join(directory, 'origin');
  mkdirSync(repository);
  const git = (cwd: string, ...more: string[]): Promise<unknown> =>
    execa('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.com', ...more], { cwd });
  await git(repository, 'init', '-q', '-b', 'main');
  writeFileSync(join(repository, 'file'), 'content\n');
  await git(repository, 'add', '.');
  await git(repository, 'commit', '-q', '-m', 'first');
  const port = await freePort();
  await start(
    (request, response) => {
      const url = new URL(request.url ?? '', 'http://x');
      const child = execa('git', ['http-backend'], {
        encoding: 'buffer',
        input: request,
        env: {
          GIT_PROJECT_ROOT: directory,
          GIT_HTTP_EXPORT_ALL: '1',
          PATH_INFO: url.pathname.replace('/repos', ''),
          QUERY_STRING: url.search.slice(1),
          REQUEST_METHOD: request.method ?? '',
          CONTENT_TYPE: request.headers['content-type'] ?? '',
          GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
        },
      });
      child.then(
        ({ stdout }) => {
          const text = Buffer.from(stdout);
          const at = text.indexOf('\r\n\r\n');
          for (const line of text.subarray(0, at).toString().split('\r\n')) {
            const [name = '', value = ''] = line.split(': ');
            if (name === 'Status') response.statusCode = parseInt(value, 10);
            else response.setHeader(name, value);
          }
          response.end(text.subarray(at + 4));
        },
        () => response.destroy(),
      );
    },
    {
      ...RULES,
      allow: [
        { hosts: [NAME], ports: [port], methods: ['GET'], paths: ['/repos/origin/.git/**'] },
        {
          hosts: [NAME],
          ports: [port],
          methods: ['POST'],
          paths: ['/repos/origin/.git/git-upload-pack'],
        },
      ],
    },
    port,
  );
  // The port is the guest's end of the connection as well: git cannot be told to connect elsewhere.
  await rig.portFor(NAME, port, port);
  const clone = join(directory, 'clone');
  const env = { GIT_SSL_CAINFO: join(directory, 'ca.pem'), GIT_TERMINAL_PROMPT: '0' };
  const resolve = ['-c', `http.curloptResolve=${NAME}:${port}:127.0.0.1`];
  const url = `https://${NAME}:${port}/repos/origin/.git`;
  await execa('git', [...resolve, 'clone', '-q', url, clone], { cwd: directory, env });
  await git(clone, 'commit', '-q', '--allow-empty', '-m', 'second');
  await expect(
    execa('git', [...resolve, 'push', '-q', 'origin', 'main'], { cwd: clone, env }),
  ).rejects.toThrow(/403/);
  expect(reached.filter((line) => line.includes('receive-pack'))).toEqual([
    'GET /repos/origin/.git/info/refs?service=git-receive-pack HTTP/2.0',
  ]);
});

it('is closed with the session', async () => {
  let hang: http.ServerResponse | undefined;
  const port = await start((_request, response) => {
    hang = response;
  });
  const running = curl(port, '/repos/a').catch((error: unknown) => String(error));
  await waitFor(() => hang !== undefined);
  rig.egress.close();
  expect(await running).toMatch(/curl|Empty|reset/);
});
