// A check that says success is shown over an earlier one of its name: none is made that would cover a denial.
import { describe, expect, it } from 'vitest';

import { type CheckResult, createCheck } from '../../src/action/check.ts';
import type { ApiAnswer } from '../../src/github/api.ts';
import type { JobContext } from '../../src/github/context.ts';

interface Asked {
  made: CheckResult;
  /** of what was sent, in order */
  conclusions: unknown[];
}

const run = (conclusion: string, id = '7/1/other/step'): object => ({
  external_id: id,
  conclusion,
});

/** `lists`: the answers to each question for the checks that are there. */
async function check(lists: ApiAnswer[], conclusion: 'success' | 'neutral'): Promise<Asked> {
  const conclusions: unknown[] = [];
  const made = await createCheck({
    github: {
      file: () => Promise.reject(new Error('not asked for')),
      call: (method, _, body) => {
        if (method === 'GET') return Promise.resolve(lists.shift() ?? { status: 500, body: '' });
        conclusions.push((body as { conclusion?: unknown }).conclusion);
        const status = method === 'POST' ? 201 : 200;
        return Promise.resolve({ status, body: { id: 1, html_url: 'https://example.com/1' } });
      },
    },
    context: {
      repository: 'acme/app',
      runId: '7',
      attempt: '1',
      event: { name: 'push' },
      sha: 'a'.repeat(40),
    } as JobContext,
    output: { title: 't', summary: 's' },
    annotations: [],
    conclusion,
  });
  return { made, conclusions };
}

const list = (...runs: object[]): ApiAnswer => ({ status: 200, body: { check_runs: runs } });
const full = (): ApiAnswer => list(...Array.from({ length: 100 }, () => run('success')));

describe('the check of a clean step', () => {
  it('is as strict as the strictest of its run', async () => {
    const one = await check([list(run('failure')), list(run('failure'))], 'success');
    expect(one.conclusions).toEqual(['failure']);
    const other = await check([list(run('failure', '6/1/a/b')), list()], 'success');
    expect(other.conclusions).toEqual(['success']);
    const neutral = await check([list(run('neutral')), list(run('neutral'))], 'success');
    expect(neutral.conclusions).toEqual(['neutral']);
  });

  it.each<[string, ApiAnswer]>([
    ['GitHub fails', { status: 502, body: undefined }],
    ['the answer is none', { status: 200, body: { check_runs: 'x' } }],
  ])('is not made where %s instead of saying what is there', async (_, answer) => {
    const { made, conclusions } = await check([answer], 'success');
    expect(made.kind).toBe('refused');
    expect(conclusions).toEqual([]);
  });

  it('finds a denial behind a hundred others', async () => {
    const lists = [full(), list(run('failure')), full(), list(run('failure'))];
    expect((await check(lists, 'success')).conclusions).toEqual(['failure']);
  });

  it('is mended where a job beside it was denied something meanwhile', async () => {
    const lists = [list(), list(run('success'), run('failure'))];
    expect((await check(lists, 'success')).conclusions).toEqual(['success', 'failure']);
  });
});
