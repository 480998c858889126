// git and gh, as they are, with the placeholder of an App's token: the real one is minted at first use, goes to GitHub alone, and
// is gone with the session.

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CliRig } from '../support/cli.ts';
import { leaksOf, repositories, runClients } from '../support/client-run.ts';
import type { ClientRun } from '../support/client-run.ts';

const POLICY = `version: 1
network:
  allow:
    - {host: github.com, methods: [GET, POST], paths: ["/acme/**"]}
    - {host: api.github.com, methods: [GET, POST], paths: ["/repos/acme/**"]}
credentials:
  - id: gh
    provider: github-app
    request:
      app: Iv23liExample
      key: {env: APP_KEY}
      repositories: [self]
      permissions: {contents: read, issues: write}
    expose: {env: [GH_TOKEN], git: [github.com]}
    bind:
      - {host: api.github.com, methods: [GET], paths: ["/repos/{self}/**", "/repos/{self}"]}
      - {host: api.github.com, methods: [POST], paths: ["/repos/{self}/issues/*/comments"], limit: 1/session}
`;
const GUEST = [
  'git clone -q https://github.com/acme/app.git copy && cat copy/file',
  '(cd copy && echo more >> file && git -c user.name=t -c user.email=t@example.com commit -qam second && git push -q origin HEAD) 2> push.err; echo push $?',
  'env | grep -a ^GH_TOKEN=',
  'gh api repos/acme/app; echo',
  'gh api repos/acme/app/issues/1/comments -f body=hello; echo',
  'gh api repos/acme/app/issues/1/comments -f body=again 2>&1; echo',
  'gh api repos/acme/lib 2>&1; echo',
].join('\n');
const isRoot = process.getuid?.() === 0;

let rig: CliRig;
let run: ClientRun;

beforeAll(async () => {
  rig = new CliRig();
  if (!isRoot) return;
  const source = join(rig.root, 'source');
  const bare = join(repositories(rig), 'acme/app.git');
  mkdirSync(join(bare, '..'), { recursive: true });
  const git = (...words: string[]): void =>
    void execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...words]);
  git('init', '-q', '-b', 'main', source);
  writeFileSync(join(source, 'file'), 'content\n');
  git('-C', source, 'add', '.');
  git('-C', source, 'commit', '-qm', 'first');
  git('clone', '-q', '--bare', source, bare);
  git('-C', bare, 'config', 'http.receivepack', 'true');
  run = await runClients(rig, { policy: POLICY, guest: GUEST });
});
afterAll(() => rig.remove());
beforeEach((context) => {
  if (!isRoot) context.skip('a network namespace with addresses of its own needs root');
});

const answers = (host: string, start: string): number[] =>
  run.seen
    .filter(({ host: at, method, url }) => at === host && `${method} ${url}`.startsWith(start))
    .map(({ status }) => status);

describe('git', () => {
  it('clones what only a credential may read', () => {
    expect(run.stdout, run.stderr).toMatch(/^content\n/);
    // It asks without a credential first, as it does everywhere.
    expect(answers('github.com', 'GET /acme/app.git/info/refs?service=git-upload-pack')).toEqual([
      401, 200,
    ]);
    expect(answers('github.com', 'POST /acme/app.git/git-upload-pack')).toContain(200);
  });

  it('pushes nothing where it may only fetch, and shows why', () => {
    expect(run.stdout).toMatch(/^push [1-9]/m);
    expect(rig.read('push.err')).toMatch(/^remote: rule +builtin\/placeholder$/m);
    expect(rig.read('push.err')).toMatch(
      /^remote: reason +the credential "gh" is not bound to this request$/m,
    );
    // What it asked without a credential is all that GitHub heard of it.
    expect(answers('github.com', 'GET /acme/app.git/info/refs?service=git-receive-pack')).toEqual([
      401,
    ]);
    expect(answers('github.com', 'POST /acme/app.git/git-receive-pack')).toEqual([]);
  });
});

describe('gh', () => {
  it('reads and writes with the placeholder, where it is bound', () => {
    expect(run.stdout).toMatch(/^GH_TOKEN=ghs_asbx[a-z2-7]{32}$/m);
    expect(run.stdout).toContain('"full_name":"acme/app"');
    expect(run.stdout).toContain('"id":7');
    expect(answers('api.github.com', 'GET /repos/acme/app')).toContain(200);
    expect(answers('api.github.com', 'POST /repos/acme/app/issues/1/comments')).toEqual([201]);
  });

  it('shows why a request goes nowhere: its limit is used up, or it is not bound', () => {
    expect(run.stdout).toContain('repo/gh.bind[1] allows 1 time a session');
    expect(run.stdout).toContain('request  GET https://api.github.com/repos/acme/lib');
    expect(answers('api.github.com', 'GET /repos/acme/lib')).toEqual([]);
  });
});

describe('the token', () => {
  it('is minted once, at its first use, for an identity that GitHub signed', () => {
    expect(answers('api.github.com', 'POST /app/installations/77/access_tokens')).toEqual([201]);
    const start = run.records.find(({ type }) => type === 'session.start');
    expect(start?.['actor']).toMatchObject({ id: '583231', assurance: 'oidc' });
    const first = run.seen.findIndex(({ url }) => url.endsWith('/access_tokens'));
    expect(run.seen.slice(0, first)).toContainEqual(expect.objectContaining({ status: 401 }));
  });

  it('comes back to the guest as its placeholder', () => {
    const [, placeholder = ''] = /^GH_TOKEN=(\S+)$/m.exec(run.stdout) ?? [];
    expect(run.stdout).toContain(`"authorization":"token ${placeholder}"`);
    expect(run.records).toContainEqual(
      expect.objectContaining({ type: 'credential.reflected', credential: 'gh' }),
    );
  });

  it('is revoked with the session', () => {
    expect(answers('api.github.com', 'DELETE /installation/token')).toEqual([204]);
    expect(run.live).toBe(0);
    expect(run.records).toContainEqual(
      expect.objectContaining({ type: 'credential.revoke', credential: 'gh', result: 'revoked' }),
    );
  });

  it('is nowhere in what the guest saw and the session left', () => {
    const [token = ''] = run.secrets.filter((secret) => secret.startsWith('ghs_'));
    expect(leaksOf(rig, run)).toEqual([]);
    // The search itself finds what is there.
    rig.write('planted', Buffer.from(`x${token}`).toString('base64'));
    expect(leaksOf(rig, run)).toEqual([join(rig.workspace, 'planted')]);
  });
});
