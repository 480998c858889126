import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';

import { createBench } from '../support/runner/bench.ts';
import { startWorkflow } from '../support/runner/index.ts';

const bench = createBench({
  actions: { 'acme/sample': new URL('../fixtures/sample-action', import.meta.url).pathname },
});
afterEach(() => bench.clear());

test('what the environment of a script has, and what goes over what', async () => {
  const run = await bench.run(
    `
- {run: 'echo A=github-env >> $GITHUB_ENV'}
- id: it
  env: {B: step, GITHUB_REPOSITORY: forged, RUNNER_TEMP: /forged, GITHUB_OWN: kept, CI: 'no'}
  run: 'true'
- {id: after, env: {A: step}, run: 'echo $A $B'}`,
    { job: 'env: {A: job, B: job}', environment: { FROM_HOST: 'yes', A: 'host' } },
  );
  const job = run.job('one');
  const { environment } = job.step('it');
  expect(environment).toMatchObject({
    ...{ A: 'github-env', B: 'step', FROM_HOST: 'yes', GITHUB_REPOSITORY: 'acme/app', CI: 'no' },
    ...{ GITHUB_OWN: 'kept', RUNNER_TEMP: job.folders.temp, GITHUB_ACTIONS: 'true' },
    ...{ GITHUB_ACTION: 'it', GITHUB_JOB: 'one', GITHUB_WORKSPACE: job.folders.workspace },
  });
  expect(environment['RUNNER_TRACKING_ID']).toMatch(/^github_[0-9a-f-]{36}$/);
  const names = Object.keys(environment);
  expect(names.filter((name) => /^(INPUT_|STATE_|ACTIONS_|GITHUB_TOKEN)/.test(name))).toEqual([]);
  expect(job.step('after').rawLog).toBe('step job');
  expect(job.step('after').environment['GITHUB_ACTION']).toBe('after');
});

test('shells: the default, by name, python, an own one, and one that is not there', async () => {
  const run = await bench.run(`
- {id: usual, run: 'false | true; echo on'}
- {id: bash, shell: bash, run: 'false | true; echo never', continue-on-error: true}
- {id: python, shell: python, run: 'import sys; print(sys.argv[0][-3:])'}
- {id: own, shell: 'env X=1 sh -eu {0}', run: 'echo $X; echo $0'}
- {id: gone, shell: 'no-such-shell {0}', run: 'echo', continue-on-error: true}
- {id: bad, shell: 'sh -e', run: 'echo', continue-on-error: true}
- {id: place, working-directory: sub, run: pwd, continue-on-error: true}`);
  const job = run.job('one');
  expect(job.conclusion).toBe('success');
  expect(job.step('usual').rawLog).toBe('on');
  expect(job.step('bash')).toMatchObject({ outcome: 'failure', conclusion: 'success', rawLog: '' });
  expect(job.step('python').rawLog).toBe('.py');
  expect(job.step('own').rawLog).toMatch(/^1\n.*\/_temp\/[0-9a-f-]+$/);
  expect(job.step('gone').log).toContain('no-such-shell: command not found');
  expect(job.step('bad').log).toContain('Invalid shell option');
  expect(job.step('place').log).toContain('An error occurred trying to start process');
});

test('the text of an expression in a script is the script, and one in its environment is not', async () => {
  const payload = { pull_request: { title: '$(echo injected)' } };
  const run = await bench.runFile(
    `
on: pull_request
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - {id: it, run: 'echo "\${{ github.event.pull_request.title }}"'}
      - {id: env, env: {TITLE: '\${{ github.event.pull_request.title }}'}, run: 'echo "$TITLE"'}`,
    { event: { name: 'pull_request', payload } },
  );
  expect(run.job('one').step('it').rawLog).toBe('injected');
  expect(run.job('one').step('env').rawLog).toBe('$(echo injected)');
});

test('an action that nobody maps, a container and a docker action fail the job before its first step', async () => {
  const unknown = await bench.run('- {run: echo never}\n- {uses: acme/none@v1}');
  expect(unknown.job('one')).toMatchObject({
    conclusion: 'failure',
    steps: [{ name: 'Set up job' }],
  });
  expect(unknown.job('one').log).toContain('Unable to resolve action `acme/none@v1`');
  const container = await bench.run('- {run: echo never}', { job: 'container: node:24' });
  expect(container.job('one').log).toContain('are not run here');
  const docker = await bench.run('- {uses: "docker://alpine:3"}');
  expect(docker.job('one').conclusion).toBe('failure');
});

test('of an action as it is released there is only what was released', async () => {
  const folder = new URL('../fixtures/sample-action', import.meta.url).pathname;
  const only = ['action.yml', 'main.mjs', 'pre.mjs', 'post.mjs'];
  const run = await bench.run('- {id: it, uses: acme/released@v1}', {
    actions: { 'acme/released@v1': { folder, only } },
  });
  // Its code is a copy below `_actions`, from where the repository's node_modules are not found.
  expect(run.job('one').log).toContain("Cannot find package '@actions/core'");
  expect(run.job('one').steps[1]).toMatchObject({ stage: 'pre', outcome: 'failure' });
});

test('node20 is taken for node24 unless it is opted out of; a local action has no pre stage', async () => {
  const files = {
    'old/action.yml':
      'runs: {using: node20, pre: pre.mjs, main: main.mjs}\nname: old\ndescription: old\n',
    'old/pre.mjs': 'console.log("never")',
    'old/main.mjs': 'console.log(process.version.split(".")[0])',
  };
  const run = await bench.run(
    `
- uses: actions/checkout@v7
- {id: forced, uses: ./old}
- {id: old, uses: ./old, env: {ACTIONS_ALLOW_USE_UNSECURE_NODE_VERSION: 'true'}}`,
    { files },
  );
  const job = run.job('one');
  expect([job.step('forced').rawLog, job.step('old').rawLog]).toEqual(['v24', 'v20']);
  expect(job.steps.filter(({ stage }) => stage === 'pre')).toEqual([]);
});

test('composite actions: inputs, own steps, outputs, and posts of what they use, the last first', async () => {
  const run = await bench.run(
    `
- uses: actions/checkout@v7
- {uses: ./.github/actions/both, id: both, with: {name: Mona}, env: {OUTER: outer}}
- {uses: acme/sample@v1, with: {who to greet: last}}
- {id: after, run: 'echo "\${{ steps.both.outputs.said }} [\${{ steps.inner }}]"'}`,
    {
      files: {
        '.github/actions/both/action.yml': `
inputs: {name: {default: nobody}, unused: {default: usual}}
outputs: {said: {value: '\${{ steps.inner.outputs.greeting }}'}}
runs:
  using: composite
  steps:
    - {uses: acme/sample@v1, id: inner, with: {who to greet: '\${{ inputs.name }}'}}
    - run: echo "$OUTER [$INPUT_NAME] $GITHUB_ACTION_PATH" && exit 3
      shell: bash
    - {run: echo never, shell: bash}
    - {run: echo always, shell: bash, if: always()}
`,
      },
    },
  );
  const job = run.job('one');
  const both = job.step('both');
  expect(both).toMatchObject({ outcome: 'failure', exitCode: 1 });
  expect(both.rawLog).toContain(`outer [] ${join(job.folders.workspace, '.github/actions/both')}`);
  expect(both.rawLog).not.toContain('never');
  expect(both.rawLog.split('\n').at(-1)).toBe('always');
  expect(both.outputs['said']).toBe('Hello Mona\nand more');
  expect(both.annotations).toHaveLength(4);
  expect(job.step('after').conclusion).toBe('skipped');
  const posts = job.steps.filter(({ stage }) => stage === 'post');
  // A post is registered by the first stage that runs: of an action with a pre stage, before all main stages.
  expect(posts.map(({ name }) => name)).toEqual([
    'Post Run ./.github/actions/both',
    'Post Run actions/checkout@v7',
    'Post Run acme/sample@v1',
  ]);
  expect(job.log).toContain('post of sample for Mona');
});

test('checkout leaves files, a repository and a token, and takes the token away at the end', async () => {
  const run = await bench.run(
    `
- uses: actions/checkout@v7
- id: it
  run: |
    cat dir/a.txt
    git status --short
    git config --get http.https://github.com/.extraheader | cut -d' ' -f1-3
    ls "$RUNNER_TEMP"/git-credentials-*.config | wc -l`,
    { files: { 'dir/a.txt': 'text\n' }, secrets: { OTHER: 'other' } },
  );
  const job = run.job('one');
  expect(job.step('it').rawLog, job.log).toMatch(/^text\nAUTHORIZATION: basic \S+\n1$/);
  expect(job.step('it').log).toContain('AUTHORIZATION: basic ***');
  const config = readFileSync(join(job.folders.workspace, '.git/config'), 'utf8');
  expect(config).not.toContain('includeIf');
  expect(existsSync(join(job.folders.temp, '_github_workflow/event.json'))).toBe(true);
});

test('a step that takes too long is ended by signals, and fails', async () => {
  const timing = { interrupt: 1000, terminate: 500, streams: 500 };
  const run = await bench.run(
    `
- id: it
  timeout-minutes: 1
  run: |
    trap 'echo got INT' INT
    trap 'echo got TERM' TERM
    for i in $(seq 100); do sleep 0.1; done
- {id: after, if: failure(), run: echo after}`,
    { minute: 2000, timing },
  );
  const job = run.job('one');
  expect(job.step('it')).toMatchObject({ outcome: 'failure', rawLog: 'got INT\ngot TERM' });
  expect(job.step('it').log).toContain('has timed out after 1 minutes.');
  expect(job.step('after').rawLog).toBe('after');
});

test('a job that is cancelled ends its step, runs what is always run, and is cancelled', async () => {
  const workflow = `
on: push
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - {uses: acme/sample@v1}
      - id: it
        run: |
          echo ready
          exec sleep 60
      - {id: next, run: echo next}
      - {id: always, if: always(), run: echo always}
      - {id: cancelled, if: cancelled(), run: echo cancelled}
      - {id: failed, if: failure(), run: echo failed}`;
  const started = startWorkflow({
    workflow,
    actions: { 'acme/sample': new URL('../fixtures/sample-action', import.meta.url).pathname },
    onLine: (line) => line === 'ready' && started.cancel(),
  });
  const run = await started.done;
  const job = run.job('one');
  expect(run.conclusion).toBe('cancelled');
  expect(job.step('it')).toMatchObject({ outcome: 'cancelled', exitCode: 130 });
  const ran = ['next', 'always', 'cancelled', 'failed'].map((id) => job.step(id).conclusion);
  expect(ran).toEqual(['skipped', 'success', 'success', 'skipped']);
  expect(job.steps.at(-1)).toMatchObject({ stage: 'post', conclusion: 'success' });
  run.remove();
});

test('a step that is always run is not ended by a cancelled job', async () => {
  const workflow = `
on: push
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - {id: it, if: always(), run: 'echo ready; sleep 0.5; echo done'}`;
  const started = startWorkflow({
    workflow,
    onLine: (line) => line === 'ready' && started.cancel(),
  });
  const run = await started.done;
  expect(run.job('one').step('it')).toMatchObject({ outcome: 'success', rawLog: 'ready\ndone' });
  expect(run.conclusion).toBe('cancelled');
  run.remove();
});

test('what a step leaves running lives through the job and ends with it', async () => {
  const run = await bench.run(`
- {id: it, run: 'sleep 61 >/dev/null 2>&1 & echo "pid=$!" >> "$GITHUB_OUTPUT"'}
- {id: after, run: 'kill -0 \${{ steps.it.outputs.pid }} && echo on'}`);
  const job = run.job('one');
  expect(job.step('after').rawLog).toBe('on');
  const pid = job.step('it').outputs['pid'];
  expect(job.log).toContain(`Terminate orphan process: pid (${pid}) (sleep)`);
});
