import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { type FakeGitHub, startFakeGitHub } from '../support/github/index.ts';

const SHA = 'b'.repeat(40);
const REPO = '/repos/acme/app';
let github: FakeGitHub;
beforeEach(async () => {
  github = await startFakeGitHub({
    repositories: [
      {
        name: 'acme/app',
        refs: {
          main: { 'a.txt': 'a of main', 'dir/b.txt': 'b', 'dir/deep/c.txt': 'c' },
          feature: { 'a.txt': 'a of feature', 'dir/b.txt': 'b', new: 'n' },
        },
        pulls: [{ number: 17, head: 'feature', base: 'main' }],
        variables: { AGENT_SANDBOX_POLICY: 'acme/policy' },
      },
      { name: 'acme/secret', isPrivate: true, refs: { main: { x: 'x' } } },
    ],
  });
});
afterEach(() => github.close());

interface Reply {
  status: number;
  body: Record<string, unknown> & unknown[];
  text: string;
  headers: Headers;
}

async function call(
  method: string,
  path: string,
  more: { token?: string; body?: unknown; accept?: string } = {},
): Promise<Reply> {
  const { token, body, accept = 'application/vnd.github+json' } = more;
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(github.apiUrl + path, {
    method,
    redirect: 'manual',
    headers: { accept, ...authorization },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true;
  return {
    ...{ status: response.status, text, headers: response.headers },
    body: (isJson ? JSON.parse(text) : undefined) as Reply['body'],
  };
}

const annotation = (line: number): object => ({
  path: '.github/agent-sandbox.yml',
  ...{ start_line: line, end_line: line, annotation_level: 'failure', message: 'denied' },
});

test('a check run is made and changed, and its annotations add up', async () => {
  const token = github.token({ checks: 'write' });
  const made = await call('POST', `${REPO}/check-runs`, {
    token,
    body: { name: 'agent-sandbox', head_sha: SHA, status: 'in_progress' },
  });
  expect(made.status).toBe(201);
  expect(made.body).toMatchObject({
    name: 'agent-sandbox',
    status: 'in_progress',
    conclusion: null,
  });
  const output = {
    title: 'T',
    summary: 'S',
    annotations: Array.from({ length: 50 }, (_, i) => annotation(i + 1)),
  };
  const path = `${REPO}/check-runs/${String(made.body['id'])}`;
  for (const conclusion of [undefined, 'failure'])
    expect((await call('PATCH', path, { token, body: { output, conclusion } })).status).toBe(200);
  const [run] = github.checkRuns;
  expect(run).toMatchObject({ status: 'completed', conclusion: 'failure', writes: 3 });
  expect(run?.annotations).toHaveLength(100);
  const listed = await call('GET', `${REPO}/commits/${SHA}/check-runs?check_name=agent-sandbox`, {
    token,
  });
  expect(listed.body).toMatchObject({ total_count: 1 });
  const first = await call('GET', `${path}/annotations`, { token });
  expect(first.body).toHaveLength(30);
  expect(first.headers.get('link')).toContain('page=2');
});

test('another App may not change a check run, nor a token without the permission make one', async () => {
  const body = { name: 'agent-sandbox', head_sha: SHA };
  const token = github.token({ checks: 'write' });
  const { body: made } = await call('POST', `${REPO}/check-runs`, { token, body });
  const path = `${REPO}/check-runs/${String(made['id'])}`;
  const other = github.token({ checks: 'write' }, { appId: 99 });
  expect(await call('PATCH', path, { token: other, body: { name: 'x' } })).toMatchObject({
    status: 403,
    body: { message: expect.stringContaining('Invalid app_id `99`') as string },
  });
  for (const permissions of [{}, { checks: 'read' }, { contents: 'write' }])
    expect(
      await call('POST', `${REPO}/check-runs`, { token: github.token(permissions), body }),
    ).toMatchObject({ status: 403, body: { message: 'Resource not accessible by integration' } });
  expect((await call('POST', `${REPO}/check-runs`, { body })).status).toBe(401);
  expect((await call('POST', `${REPO}/check-runs`, { token: 'ghs_forged', body })).status).toBe(
    401,
  );
  expect(github.requests.map(({ status }) => status)).toEqual([201, 403, 403, 403, 403, 401, 401]);
  expect(github.requests[0]?.permissions).toEqual({ checks: 'write', metadata: 'read' });
});

test.each([
  ['a field too many', { name: 'n', head_sha: SHA, colour: 'red' }],
  ['a field too few', { name: 'n' }],
  [
    'a level that is none',
    {
      name: 'n',
      head_sha: SHA,
      output: {
        title: 't',
        summary: 's',
        annotations: [{ ...annotation(1), annotation_level: 'error' }],
      },
    },
  ],
  [
    '51 annotations',
    {
      name: 'n',
      head_sha: SHA,
      output: {
        title: 't',
        summary: 's',
        annotations: Array.from({ length: 51 }, () => annotation(1)),
      },
    },
  ],
  [
    'a summary too long',
    { name: 'n', head_sha: SHA, output: { title: 't', summary: 's'.repeat(65_536) } },
  ],
])('a request with %s is refused, and fails the test that made it', async (_, body) => {
  const token = github.token({ checks: 'write' });
  expect((await call('POST', `${REPO}/check-runs`, { token, body })).status).toBe(422);
  expect(github.violations).toHaveLength(1);
  await expect(github.close()).rejects.toThrow(/POST \/repos\/\{owner\}\/\{repo\}\/check-runs/);
  github.violations.length = 0;
  github = await startFakeGitHub();
});

test('a route that is not served fails the test', async () => {
  expect((await call('GET', '/repos/acme/app/hooks')).status).toBe(501);
  expect(github.violations).toEqual(['GET /repos/acme/app/hooks: no such route is served']);
  github.violations.length = 0;
});

test('files are read by ref, raw and as JSON', async () => {
  const token = github.token({ contents: 'read' });
  const path = `${REPO}/contents/a.txt`;
  const raw = await call('GET', `${path}?ref=feature`, {
    token,
    accept: 'application/vnd.github.raw+json',
  });
  expect(raw.text).toBe('a of feature');
  const json = await call('GET', path, { token });
  expect(Buffer.from(String(json.body['content']), 'base64').toString()).toBe('a of main');
  const folder = await call('GET', `${REPO}/contents/dir`, { token });
  expect((folder.body as { name: string }[]).map(({ name }) => name)).toEqual(['b.txt', 'deep']);
  expect((await call('GET', `${REPO}/contents/none`, { token })).status).toBe(404);
  expect((await call('GET', `${path}?ref=none`, { token })).status).toBe(404);
  const commit = await call('GET', `${REPO}/commits/main`, { token });
  const bySha = await call('GET', `${path}?ref=${String(commit.body['sha'])}`, { token });
  expect(bySha.body['sha']).toBe(json.body['sha']);
});

test('a private repository is not there for a token of another one', async () => {
  const path = '/repos/acme/secret/contents/x';
  const own = github.token({ contents: 'read' }, { repository: 'acme/secret' });
  const other = github.token({ contents: 'read' }, { repository: 'acme/app' });
  expect((await call('GET', path, { token: own })).status).toBe(200);
  expect((await call('GET', path, { token: other })).status).toBe(404);
  expect((await call('GET', path)).status).toBe(401);
});

test('repository, branch, tree, pull request, its files and a variable', async () => {
  const token = github.token({ contents: 'read', 'pull-requests': 'read', actions: 'read' });
  const get = async (path: string): Promise<Reply['body']> => {
    const { status, body } = await call('GET', REPO + path, { token });
    expect(status).toBe(200);
    return body;
  };
  expect(await get('')).toMatchObject({ id: 456789, default_branch: 'main', visibility: 'public' });
  expect(await get('/branches/main')).toMatchObject({ name: 'main' });
  expect(await get('/git/trees/main?recursive=1')).toMatchObject({ truncated: false });
  expect(await get('/pulls/17')).toMatchObject({ head: { ref: 'feature' }, changed_files: 3 });
  const files = (await get('/pulls/17/files')) as { filename: string; status: string }[];
  expect(files.map(({ filename, status }) => `${status} ${filename}`)).toEqual([
    'modified a.txt',
    'removed dir/deep/c.txt',
    'added new',
  ]);
  expect(await get('/actions/variables/AGENT_SANDBOX_POLICY')).toMatchObject({
    value: 'acme/policy',
  });
});

test('comments and SARIF are taken', async () => {
  const token = github.token({ issues: 'write', 'security-events': 'write' });
  const comments = `${REPO}/issues/17/comments`;
  expect((await call('POST', comments, { token, body: { body: 'text' } })).status).toBe(201);
  expect(github.comments).toEqual([{ repository: 'acme/app', issue: 17, body: 'text' }]);
  const sarif = gzipSync(JSON.stringify({ version: '2.1.0', runs: [{ results: [] }] })).toString(
    'base64',
  );
  const body = { commit_sha: SHA, ref: 'refs/heads/main', sarif };
  expect((await call('POST', `${REPO}/code-scanning/sarifs`, { token, body })).status).toBe(202);
  expect(github.sarifs).toMatchObject([{ sarif: { version: '2.1.0' } }]);
  const bad = { ...body, sarif: 'bm90IGd6aXA=' };
  expect((await call('POST', `${REPO}/code-scanning/sarifs`, { token, body: bad })).status).toBe(
    400,
  );
});

test('faults come after as many, for as long, and where they are asked for', async () => {
  const token = github.token({ contents: 'read' });
  const takeBack = github.fault({
    ...{ method: 'GET', path: /\/contents\//, after: 1, times: 1 },
    answer: { status: 429, headers: { 'retry-after': '7' }, body: { message: 'slow down' } },
  });
  const status = async (): Promise<number> =>
    (await call('GET', `${REPO}/contents/a.txt`, { token })).status;
  expect([await status(), await status(), await status()]).toEqual([200, 429, 200]);
  takeBack();
  github.fault({ path: '/contents/', answer: 'drop' });
  await expect(status()).rejects.toThrow('fetch failed');
});

test('a fault can be no answer at all', async () => {
  github.fault({ path: '/rate_limit', answer: 'hang' });
  const controller = new AbortController();
  const asked = fetch(`${github.apiUrl}/rate_limit`, { signal: controller.signal });
  await expect.poll(() => github.requests.length, { timeout: 10_000 }).toBe(1);
  expect(github.requests[0]).toMatchObject({ path: '/rate_limit', status: 0 });
  controller.abort();
  await expect(asked).rejects.toThrow(/abort/);
});

test("an App's installation token is minted, narrowed and ended", async () => {
  const { body } = await call('POST', '/app/installations/77/access_tokens', {
    token: github.token({}),
    body: { permissions: { contents: 'read' } },
  });
  const token = String(body['token']);
  expect((await call('GET', `${REPO}/contents/a.txt`, { token })).status).toBe(200);
  expect((await call('DELETE', '/installation/token', { token })).status).toBe(204);
  expect((await call('GET', `${REPO}/contents/a.txt`, { token })).status).toBe(401);
});
