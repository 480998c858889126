// Real clients with unmodified settings against rules that speak of single requests: what is allowed works, what is denied is
// refused where the client's user can read why, and the server never hears of it.

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CliRig } from '../support/cli.ts';
import { runOffline } from '../support/offline.ts';

const HOST = 'api.example.com';
const POLICY = `version: 1
network:
  allow:
    - {id: reading, host: ${HOST}, methods: [GET], paths: ["/read/**", "/git/project.git/info/refs"]}
    - {id: fetching, host: ${HOST}, methods: [POST], paths: ["/git/*/git-upload-pack"]}
`;

const CLIENTS: readonly [name: string, allowed: string, denied: string][] = [
  ['curl, HTTP/1.1', 'curl -sS --http1.1 -w "%{http_version}" URL', 'curl -sS --http1.1 URL'],
  ['curl, HTTP/2', 'curl -sS --http2 -w "%{http_version}" URL', 'curl -sS --http2 URL'],
  [
    'node fetch',
    'node -e "fetch(process.argv[1]).then(r => r.text()).then(console.log)" URL',
    'node -e "fetch(process.argv[1]).then(r => r.text()).then(console.log)" URL',
  ],
  [
    'node https',
    'node -e "https.get(process.argv[1], r => r.pipe(process.stdout))" URL',
    'node -e "https.get(process.argv[1], r => r.pipe(process.stdout))" URL',
  ],
  [
    'python urllib',
    '/usr/bin/python3 -c "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())" URL',
    '/usr/bin/python3 -c "import sys, urllib.request as u, urllib.error as e\ntry: u.urlopen(sys.argv[1])\nexcept e.HTTPError as x: print(x.code, x.read().decode())" URL',
  ],
];

let rig: CliRig;
beforeAll(() => {
  rig = new CliRig();
  mkdirSync(join(rig.root, 'repositories'));
});
afterAll(() => rig.remove());

const run = (guest: string): ReturnType<typeof runOffline> =>
  runOffline(rig, {
    hosts: [HOST],
    origin: 'origin.mjs',
    folder: join(rig.root, 'repositories'),
    policy: POLICY,
    guest,
  });

beforeEach((context) => {
  if (process.getuid?.() !== 0)
    context.skip('a network namespace with addresses of its own needs root');
});

describe('a request of', () => {
  for (const [name, allowed, denied] of CLIENTS)
    it(`${name} is judged by method and path`, async () => {
      const at = (command: string, path: string): string =>
        command.replace('URL', `"https://${HOST}${path}"`);
      const { stdout, stderr, heard } = await run(
        `${at(allowed, '/read/me?x=1')}; echo; ${at(denied, '/secret')}`,
      );
      expect(stdout, stderr).toContain('"url":"/read/me?x=1"');
      if (name === 'curl, HTTP/2') expect(stdout).toMatch(/\}2$/m);
      // Who is refused reads which request, by which rule, and what to change.
      expect(stdout).toContain(`GET https://${HOST}/secret`);
      expect(stdout).toContain('builtin/default');
      expect(heard).not.toContain('secret');
      expect(rig.denials()).toContainEqual(
        expect.objectContaining({ request: `GET https://${HOST}/secret` }),
      );
    });

  it('to http without TLS goes through the proxy, and is judged and answered as without it', async () => {
    const { stdout, stderr, heard } = await run(
      [
        `curl -sSv http://${HOST}/read/1; echo`,
        `curl -sS http://${HOST}/secret`,
        `curl -sS http://denied.example.com/x`,
        `curl -sSv https://denied.example.com/x`,
        `/usr/bin/python3 -c 'import urllib.request as u; print(u.urlopen("http://${HOST}/read/2").read().decode())'`,
        `curl -sS --noproxy "*" http://${HOST}/read/3; echo`,
      ].join('\n'),
    );
    for (const path of ['/read/1', '/read/2', '/read/3']) {
      expect(stdout, stderr).toContain(`"url":"${path}"`);
      expect(heard).toContain(`GET ${path} `);
    }
    expect(stderr).toContain('proxy.sandbox.internal');
    expect(stdout).toContain(`GET http://${HOST}/secret`);
    expect(heard).not.toContain('secret');
    expect(stdout).toContain('request  connect denied.example.com:80');
    expect(stderr).toContain('< x-agent-sandbox-rule: builtin/default');
    expect(stderr).toMatch(/403/);
  });

  it('to the guest itself stays in the guest', async () => {
    const server =
      'require("http").createServer((q, s) => s.end("mine " + q.headers.host)).listen(8123, "0.0.0.0", () => console.log("up"))';
    const { stdout, stderr } = await run(
      [
        `node -e '${server}' > up & s=$!`,
        'until grep -q up up; do sleep 0.1; done',
        'for name in localhost 127.0.0.1 127.0.0.2 sandbox; do curl -sS "http://$name:8123/"; echo; done',
        `/usr/bin/python3 -c 'import urllib.request as u; print(u.urlopen("http://localhost:8123/").read().decode())'`,
        'kill $s',
      ].join('\n'),
    );
    for (const name of ['localhost', '127.0.0.1', '127.0.0.2', 'sandbox'])
      expect(stdout, stderr).toContain(`mine ${name}:8123`);
    expect(stdout.match(/mine localhost/g)).toHaveLength(2);
    expect(rig.denials().filter(({ surface }) => surface === 'network')).toEqual([]);
  });

  it('git clones what a rule lets it read, and pushes nothing', async () => {
    const source = join(rig.root, 'source');
    const bare = join(rig.root, 'repositories/project.git');
    const git = (...words: string[]): void =>
      void execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...words]);
    git('init', '-q', '-b', 'main', source);
    writeFileSync(join(source, 'file'), 'content\n');
    git('-C', source, 'add', '.');
    git('-C', source, 'commit', '-qm', 'first');
    git('clone', '-q', '--bare', source, bare);
    git('-C', bare, 'config', 'http.receivepack', 'true');
    const url = `https://${HOST}/git/project.git`;
    const { stdout, stderr, heard } = await run(
      [
        `git clone -q ${url} copy && cat copy/file && cd copy`,
        'echo more >> file',
        'git -c user.name=t -c user.email=t@example.com commit -qam second',
        'git push -q origin HEAD; echo push $?',
      ].join('\n'),
    );
    expect(stdout, stderr).toMatch(/^content\npush [1-9]/m);
    expect(stderr).toContain('403');
    expect(heard).toContain('POST /git/project.git/git-upload-pack');
    expect(heard).not.toContain('POST /git/project.git/git-receive-pack');
  });
});
