import { afterEach, expect, test } from 'vitest';

import { createBench } from '../support/runner/bench.ts';
import { startFakeGitHub } from '../support/github/index.ts';

const bench = createBench();
afterEach(() => bench.clear());

test('jobs in the order of their needs, with what they hand on', async () => {
  const run = await bench.runFile(`
on: push
jobs:
  last:
    needs: [make, skipped]
    if: always()
    runs-on: ubuntu-latest
    steps:
      - {id: it, run: 'echo "\${{ needs.make.result }} \${{ needs.skipped.result }} \${{ needs.make.outputs.text }} [\${{ needs.make.outputs.hidden }}]"'}
  make:
    runs-on: ubuntu-latest
    outputs: {text: '\${{ steps.a.outputs.text }}', hidden: '\${{ steps.a.outputs.hidden }}'}
    steps:
      - id: a
        run: |
          echo "::add-mask::hidden-value"
          echo "text=made" >> "$GITHUB_OUTPUT"
          echo "hidden=hidden-value" >> "$GITHUB_OUTPUT"
  skipped:
    if: github.event_name == 'pull_request'
    runs-on: ubuntu-latest
    steps: [{run: 'exit 1'}]
  never:
    needs: skipped
    runs-on: ubuntu-latest
    steps: [{run: 'exit 1'}]`);
  expect(run.conclusion).toBe('success');
  expect(run.jobs.map(({ id, conclusion }) => `${id} ${conclusion}`)).toEqual([
    'make success',
    'skipped skipped',
    'last success',
    'never skipped',
  ]);
  expect(run.job('last').step('it').rawLog).toBe('success skipped made []');
  expect(run.job('make').log).toContain("Skip output 'hidden' since it may contain secret.");
});

test('a matrix runs each combination, and stops the rest when one fails', async () => {
  const workflow = (failFast: boolean): string => `
on: push
jobs:
  one:
    strategy: {fail-fast: ${failFast}, matrix: {n: [1, 2, 3]}}
    runs-on: ubuntu-latest
    steps:
      - {id: it, run: 'echo "$GITHUB_JOB \${{ matrix.n }}"; test \${{ matrix.n }} != 2'}`;
  const all = await bench.runFile(workflow(false));
  expect(all.jobs.map(({ name, conclusion }) => `${name} ${conclusion}`)).toEqual([
    'one (1) success',
    'one (2) failure',
    'one (3) success',
  ]);
  expect(() => all.job('one')).toThrow('3 jobs');
  const fast = await bench.runFile(workflow(true));
  expect(fast.jobs.map(({ conclusion }) => conclusion)).toEqual([
    'success',
    'failure',
    'cancelled',
  ]);
  expect(fast.conclusion).toBe('failure');
});

test('a pull request from a fork has a token that reads, no secrets and no identity', async () => {
  const github = await startFakeGitHub();
  const workflow = `
on: pull_request
permissions: {contents: write, checks: write, id-token: write}
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - {id: it, env: {A: '\${{ secrets.A }}', T: '\${{ github.token }}'}, run: 'echo "[$A] $T $GITHUB_REF $GITHUB_HEAD_REF"'}`;
  const secrets = { A: 'secret-a' };
  const own = { name: 'pull_request' } as const;
  const repo = { full_name: 'someone/app', fork: true };
  const fork = { ...own, payload: { pull_request: { head: { repo } } } };
  for (const [event, secret, permissions] of [
    [
      own,
      'secret-a',
      { contents: 'write', checks: 'write', 'id-token': 'write', metadata: 'read' },
    ],
    [fork, '', { contents: 'read', checks: 'read', metadata: 'read' }],
  ] as const) {
    const run = await bench.runFile(workflow, { event, secrets, services: github });
    const step = run.job('one').step('it');
    const [shown, token = '', ref, head] = step.rawLog.split(' ');
    expect([shown, ref, head]).toEqual([`[${secret}]`, 'refs/pull/17/merge', 'feature']);
    expect(step.log).toContain(secret === '' ? '[] *** refs' : '[***] *** refs');
    expect('ACTIONS_ID_TOKEN_REQUEST_TOKEN' in step.environment).toBe(secret !== '');
    await fetch(`${github.apiUrl}/rate_limit`, { headers: { authorization: `token ${token}` } });
    expect(github.requests.at(-1)?.permissions).toEqual(permissions);
  }
  await github.close();
});

test.each([
  ['issue_comment', "contains(github.event.comment.body, '@agent')", 'refs/heads/main'],
  ['workflow_run', "github.event.workflow_run.event == 'pull_request'", 'refs/heads/main'],
  ['pull_request_target', "github.base_ref == 'main'", 'refs/heads/main'],
  ['merge_group', 'github.event.merge_group.head_sha', 'refs/heads/main'],
  ['schedule', 'github.event.schedule', 'refs/heads/main'],
  ['workflow_dispatch', 'inputs.deep', 'refs/heads/main'],
] as const)('the event %s', async (name, condition, ref) => {
  const workflow = `
on: ${name}
jobs:
  one:
    if: ${condition}
    runs-on: ubuntu-latest
    steps: [{id: it, run: 'echo $GITHUB_EVENT_NAME $GITHUB_REF; cat $GITHUB_EVENT_PATH'}]`;
  const run = await bench.runFile(workflow, { event: { name }, inputs: { deep: true } });
  const [first, ...payload] = run.job('one').step('it').rawLog.split('\n');
  expect(first).toBe(`${name} ${ref}`);
  expect(JSON.parse(payload.join('\n'))).toMatchObject({ repository: { id: 456789 } });
});

test.each([
  ['jobs: {}', "required property is missing: 'on'"],
  ['on: push', "required property is missing: 'jobs'"],
  ['{on: push, jobs: {a: {steps: []}}}', "required property is missing: 'runs-on'"],
  ['{on: push, jobs: {a: {runs-on: x, needs: b, steps: []}}}', "unknown job 'b'"],
  ['{on: push, jobs: {a: {runs-on: x, steps: [{run: a, uses: b}]}}}', "either 'run' or 'uses'"],
  [
    '{on: push, jobs: {a: {runs-on: x, steps: [{id: i, run: a}, {id: i, run: b}]}}}',
    'more than once',
  ],
  ['{on: push, jobs: {a: {runs-on: x, needs: a, steps: []}}}', 'Invalid workflow file'],
  ['{on: push, jobs: {a: {runs-on: x, if: secrets.A, steps: [{run: a}]}}}', 'secrets'],
  [
    '{on: push, jobs: {a: {runs-on: x, colour: red, steps: [{run: a}]}}}',
    "Unexpected value 'colour'",
  ],
])('%s is no workflow', async (workflow, message) => {
  await expect(async () => bench.runFile(workflow)).rejects.toThrow(message);
});
