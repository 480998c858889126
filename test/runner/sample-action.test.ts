import { afterEach, expect, test } from 'vitest';

import { type RunOptions, type WorkflowRun, runWorkflow } from '../support/runner/index.ts';

const SAMPLE = new URL('../fixtures/sample-action', import.meta.url).pathname;
const runs: WorkflowRun[] = [];
afterEach(() => runs.splice(0).forEach((run) => run.remove()));

async function run(steps: string, more: Partial<RunOptions> = {}): Promise<WorkflowRun> {
  const workflow = `on: push\njobs:\n  one:\n    runs-on: ubuntu-latest\n    steps:\n${steps}`;
  const actions = { 'acme/sample': SAMPLE };
  const done = await runWorkflow({ workflow, actions, ...more });
  runs.push(done);
  return done;
}

const STEPS = `
      - run: echo "first, $SAMPLE_VARIABLE"
      - uses: acme/sample@v1
        id: greet
        with: {who to greet: Mona}
      - run: |
          echo "[$SAMPLE_VARIABLE]"
          echo "$PATH" | cut -d: -f1
          echo "\${{ steps.greet.outputs.greeting }}"
          echo "state: [$STATE_greeted] input: [$INPUT_TOKEN]"
        id: after
`;

test.each(['node20', 'node24'] as const)(
  'the toolkit speaks to the runner, on %s',
  async (node) => {
    const { jobs, conclusion } = await run(STEPS, { node });
    const [job] = jobs;
    expect(conclusion, job?.log).toBe('success');
    expect(job?.steps.map(({ name }) => name)).toEqual([
      'Set up job',
      'Pre Run acme/sample@v1',
      'Run echo "first, $SAMPLE_VARIABLE"',
      'Run acme/sample@v1',
      'Run echo "[$SAMPLE_VARIABLE]"',
      'Post Run acme/sample@v1',
    ]);
    const step = job?.step('greet');
    expect(step?.outputs).toEqual({
      greeting: 'Hello Mona\nand more',
      dry: 'false',
      node: node === 'node20' ? 'v20.20.2' : 'v24.19.0',
    });
    expect(step?.log).toContain('pre said: in pre');
    expect(step?.log).toContain('the secret is ***');
    expect(step?.rawLog).toContain('the secret is very-secret-value');
    expect(step?.log).not.toContain('not shown');
    expect(step?.log).not.toContain('::');
    expect(step?.log).toContain('##[group]A group\n##[endgroup]');
    expect(step?.summary).toBe('<h1>Sample</h1>\nwith ***');
    expect(step?.annotations).toEqual([
      { level: 'notice', message: 'a notice' },
      {
        level: 'warning',
        message: '100% of: it, all',
        title: 'Title: x, y',
        path: 'src/a.ts',
        startLine: 3,
        endLine: 4,
      },
      {
        level: 'failure',
        message: 'an error\nof two lines',
        path: 'b.ts',
        startLine: 7,
        endLine: 7,
        startColumn: 2,
        endColumn: 5,
      },
    ]);
    const after = job?.step('after').rawLog;
    expect(after).toBe('[a\nb]\n/sample/bin\nHello Mona\nand more\nstate: [] input: []');
    expect(job?.step('Post Run acme/sample@v1', 'post').log).toContain(
      'post of sample for Mona, in pre',
    );
  },
);

test('a main that fails fails the job, and its post runs', async () => {
  const { jobs, conclusion } = await run(`
      - {uses: acme/sample@v1, id: greet, with: {fail: main}}
      - run: echo never
      - {run: echo still, if: always(), id: still}
      - {run: echo failed, if: failure(), id: failed}`);
  const [job] = jobs;
  expect(conclusion).toBe('failure');
  expect(job?.step('greet')).toMatchObject({ outcome: 'failure', exitCode: 1 });
  expect(job?.step('Run echo never').conclusion).toBe('skipped');
  expect(job?.step('still').conclusion).toBe('success');
  expect(job?.step('failed').conclusion).toBe('success');
  expect(job?.steps.at(-1)).toMatchObject({ stage: 'post', conclusion: 'success' });
});

test('a pre that fails leaves out the main, and not the post', async () => {
  const { jobs } = await run('      - {uses: acme/sample@v1, id: greet, with: {fail: pre}}');
  expect(jobs[0]?.step('greet').conclusion).toBe('skipped');
  expect(jobs[0]?.steps.at(-1)?.log).toContain('post of sample for nobody, in pre');
  expect(jobs[0]?.conclusion).toBe('failure');
});

test('a post that fails fails the job', async () => {
  const { jobs } = await run('      - {uses: acme/sample@v1, id: greet, with: {fail: post}}');
  expect(jobs[0]?.step('greet').conclusion).toBe('success');
  expect(jobs[0]?.conclusion).toBe('failure');
});
