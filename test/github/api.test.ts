// Absent and unreachable are two things, and only what is safe is asked twice.
import { describe, expect, it } from 'vitest';

import { createGitHub, type HttpRequest } from '../../src/github/api.ts';

type Answer = { status: number; headers?: Record<string, string>; body?: string } | 'broken';

function github(answers: Answer[]): {
  api: ReturnType<typeof createGitHub>;
  seen: HttpRequest[];
  pauses: number[];
} {
  const seen: HttpRequest[] = [];
  const pauses: number[] = [];
  const api = createGitHub({
    apiUrl: 'https://api.example.com/',
    token: 'secret-token',
    pause: (ms) => Promise.resolve(pauses.push(ms)),
    send: (request) => {
      seen.push(request);
      const answer = answers.shift();
      if (answer === undefined) throw new Error('asked too often');
      if (answer === 'broken') return Promise.reject(new Error('canary in the cause'));
      return Promise.resolve({ headers: {}, body: '', ...answer });
    },
  });
  return { api, seen, pauses };
}

const RAW = { 'content-type': 'application/vnd.github.raw+json; charset=utf-8' };
const file = (answers: Answer[]): Promise<string | undefined> =>
  github(answers).api.file('acme/app', '.github/a b.yml', 'main');

describe('a file of a repository', () => {
  it('is its text, asked for at one commit, with the path as one', async () => {
    const { api, seen } = github([{ status: 200, headers: RAW, body: 'version: 1\n' }]);
    expect(await api.file('acme/app', '.github/a b#?.yml', 'v/1&x')).toBe('version: 1\n');
    expect(seen[0]?.url).toBe(
      'https://api.example.com/repos/acme/app/contents/.github/a%20b%23%3F.yml?ref=v%2F1%26x',
    );
    expect(seen[0]?.headers).toMatchObject({ authorization: 'Bearer secret-token' });
  });

  it('is absent where its commit can be read', async () => {
    expect(await file([{ status: 404 }, { status: 200 }])).toBeUndefined();
  });

  it.each<[string, Answer[]]>([
    ['the commit cannot be read either', [{ status: 404 }, { status: 404 }]],
    ['it is not for this token', [{ status: 403, headers: { 'x-ratelimit-remaining': '10' } }]],
    [
      'it is a directory',
      [{ status: 200, headers: { 'content-type': 'application/json' }, body: '[]' }],
    ],
    ['GitHub fails', [{ status: 500 }, { status: 502 }, { status: 503 }]],
    ['nobody answers', ['broken', 'broken', 'broken']],
    ['it is moved', [{ status: 301 }]],
    ['the wait is too long', [{ status: 429, headers: { 'retry-after': '3600' } }]],
  ])('is unreachable, and not absent, where %s', async (_, answers) => {
    await expect(file(answers)).rejects.toMatchObject({ code: 'GITHUB_UNREACHABLE' });
    expect(answers).toHaveLength(0);
  });

  it('is asked for again after a failure, and as late as GitHub wants', async () => {
    const { api, pauses } = github([
      { status: 429, headers: { 'retry-after': '2' } },
      'broken',
      { status: 200, headers: RAW, body: 'x' },
    ]);
    expect(await api.file('acme/app', 'x', 'main')).toBe('x');
    expect(pauses[0]).toBe(2000);
  });

  it('leaves no byte of an answer, and no token, in the error', async () => {
    const answers = [{ status: 418, body: 'canary' }];
    const error: unknown = await file(answers).catch((reason: unknown) => reason);
    expect(String((error as Error).message)).not.toMatch(/canary|secret-token/);
  });
});

describe('what changes something', () => {
  it.each<[Answer, string]>([
    [{ status: 500 }, 'GitHub fails'],
    ['broken', 'nobody answers'],
  ])('is said once where %2$s', async (answer) => {
    const { api, seen } = github([answer]);
    await api.call('POST', '/x', {}).catch(() => undefined);
    expect(seen).toHaveLength(1);
  });

  it('is said again where GitHub has limited it, which carries nothing out', async () => {
    const { api, seen } = github([
      { status: 403, headers: { 'x-ratelimit-remaining': '0' } },
      { status: 201, body: '{"id":1}' },
    ]);
    expect(await api.call('POST', '/x', { a: 1 })).toEqual({ status: 201, body: { id: 1 } });
    expect(seen).toHaveLength(2);
  });
});
