// The action in a job, as the runner runs it: real node processes of the runner's versions, a real VM, and GitHub as it is described.
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  type FakeGitHub,
  type FakeGitHubOptions,
  startFakeGitHub,
} from '../support/github/index.ts';
import {
  runWorkflow,
  startWorkflow,
  type RunOptions,
  type WorkflowRun,
} from '../support/runner/index.ts';

const ROOT = join(import.meta.dirname, '../..');
const ACTION = {
  folder: ROOT,
  only: ['action.yml', 'package.json', 'dist', 'guest', 'native', 'policy-templates'],
};

let github: FakeGitHub;
let run: WorkflowRun | undefined;
beforeEach(() => void (run = undefined));
afterEach(async () => {
  run?.remove();
  await github.close();
});

interface Case {
  /** the step's script */
  script: string;
  with?: Record<string, string>;
  /** the repository's policy on its main branch */
  policy?: string;
  permissions?: string;
  more?: string;
  github?: FakeGitHubOptions;
  options?: Partial<RunOptions>;
}

function workflowOf({
  script,
  with: given = {},
  permissions = '{contents: read, checks: write}',
  more = '',
}: Case): string {
  const inputs = Object.entries(given).map(
    ([name, value]) => `          ${name}: ${JSON.stringify(value)}\n`,
  );
  return `on: push
permissions: ${permissions}
jobs:
  agent:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v7
      - id: sandbox
        uses: gov/agent-sandbox@0123456789012345678901234567890123456789
        with:
          run: |
${script
  .trim()
  .split('\n')
  .map((line) => `            ${line}\n`)
  .join('')}${inputs.join('')}${more}`;
}

async function optionsOf(one: Case): Promise<RunOptions> {
  const main = {
    'README.md': 'hello\n',
    ...(one.policy !== undefined && { '.github/agent-sandbox.yml': one.policy }),
  };
  github = await startFakeGitHub({
    repositories: [{ name: 'acme/app', refs: { main } }],
    ...one.github,
  });
  return {
    workflow: workflowOf(one),
    event: { name: 'push' },
    files: { 'README.md': 'hello\n' },
    actions: { 'gov/agent-sandbox': ACTION },
    services: github,
    ...one.options,
  };
}

async function job(one: Case): Promise<ReturnType<WorkflowRun['job']>> {
  run = await runWorkflow(await optionsOf(one));
  return run.job('agent');
}

/** What came after the runner had shown what it runs. */
const said = ({ log }: { log: string }): string => log.slice(log.indexOf('##[endgroup]'));

describe('a step in a sandbox', () => {
  it('that asks for nothing is clean, and says so everywhere', async () => {
    const done = await job({
      script:
        'cat README.md\necho "answer=42" >> "$GITHUB_OUTPUT"\necho "# by the agent" >> "$GITHUB_STEP_SUMMARY"',
      policy: 'version: 1\n',
    });
    const step = done.step('sandbox');
    expect(said(step)).toContain('hello');
    expect(step).toMatchObject({ conclusion: 'success', exitCode: 0 });
    expect(step.outputs).toMatchObject({
      answer: '42',
      verdict: 'clean',
      'denied-count': '0',
      'exit-code': '0',
    });
    expect(step.outputs['policy-digest']).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(step.summary).toMatch(/^## agent-sandbox: Nothing was denied/);
    expect(step.summary).toContain('> # by the agent');
    expect(github.checkRuns).toMatchObject([
      { name: 'agent-sandbox', conclusion: 'success', annotations: [] },
    ]);
    expect(step.outputs['check-run-url']).toBe(github.checkRuns[0]?.htmlUrl);
    expect(github.artifacts).toHaveLength(1);
    expect(String(github.artifacts[0]?.id)).toBe(step.outputs['artifact-id']);
    expect(done.step('sandbox', 'post').conclusion).toBe('success');
  });

  it('that is denied something is red, with the rule, the remedy, and the line of the policy', async () => {
    const done = await job({
      script: 'cat .env || true\ncurl -s https://evil.example.org/x || true',
      policy: 'version: 1\nfilesystem:\n  deny:\n    - {path: "**/.env*", reason: "keys"}\n',
      options: { files: { '.env': 'KEY=canary\n' } },
    });
    const step = done.step('sandbox');
    expect(step).toMatchObject({ conclusion: 'failure', exitCode: 3 });
    expect(step.outputs).toMatchObject({ verdict: 'denied' });
    expect(done.log).not.toContain('canary');
    const [check] = github.checkRuns;
    expect(check).toMatchObject({ conclusion: 'failure' });
    expect(check?.annotations.map(({ path, start_line }) => [path, start_line])).toContainEqual([
      '.github/agent-sandbox.yml',
      4,
    ]);
    expect(step.summary).toContain('connect evil.example.org:443');
    expect(step.summary).toContain('- {host: evil.example.org}');
  });

  it('passes its own exit code on, and fails by `never` for nothing that was denied', async () => {
    const own = await job({ script: 'exit 7', policy: 'version: 1\n' });
    expect(own.step('sandbox')).toMatchObject({ exitCode: 7, conclusion: 'failure' });
    run?.remove();
    await github.close();
    const lenient = await job({
      script: 'curl -s https://evil.example.org || true',
      with: { 'fail-on': 'never' },
    });
    expect(lenient.step('sandbox')).toMatchObject({ exitCode: 0 });
    expect(lenient.step('sandbox').outputs['verdict']).toBe('denied');
    expect(github.checkRuns[0]?.conclusion).toBe('neutral');
  });

  it('takes no policy from the head: neither from the workspace nor from a pull request', async () => {
    const open = 'version: 1\nnetwork: {allow: [{host: "**"}]}\n';
    const done = await job({
      script: 'curl -s https://evil.example.org || true\nexit 0',
      with: { policy: '.github/agent-sandbox.yml' },
      policy: 'version: 1\n',
      options: { files: { '.github/agent-sandbox.yml': open } },
    });
    expect(done.step('sandbox').outputs['verdict']).toBe('denied');
  });

  it('hears no command of the guest, which knows no token and no file of the runner', async () => {
    const done = await job({
      script: [
        'echo "::add-mask::hello"',
        'echo "::error file=x::forged"',
        'echo "  ::set-output name=verdict::clean"',
        'echo "x ##[error]forged"',
        'echo "::stop-commands::x"',
        'printf "verdict=clean\\ndenied-count=0\\n" >> "$GITHUB_OUTPUT"',
        'env | grep -E "ghs_|TOKEN|GITHUB_(ENV|PATH|STATE|EVENT_PATH)" | sed "s/^/found /" || true',
        'curl -s https://evil.example.org || true',
        'ls "$GITHUB_WORKSPACE/../../_temp" 2>/dev/null | sed "s/^/found /" || true',
        'cat README.md',
        'printf "no line end ::error::forged"',
      ].join('\n'),
      policy: 'version: 1\n',
    });
    const step = done.step('sandbox');
    expect(said(step)).toContain('hello');
    expect(said(step)).not.toContain('found ');
    expect(step.annotations.filter(({ message }) => message.includes('forged'))).toEqual([]);
    // Something was denied, and no word of the guest's makes that clean.
    expect(step.outputs['verdict']).toBe('denied');
    expect(step.annotations.map(({ message }) => message).join('\n')).toMatch(
      /`verdict`, `denied-count`: outputs of the action's own/,
    );
  });
});

describe('with less than it wants, a step', () => {
  it('without `checks: write` annotates itself', async () => {
    const done = await job({
      script: 'curl -s https://evil.example.org || true',
      permissions: '{contents: read}',
      policy: 'version: 1\n',
    });
    const step = done.step('sandbox');
    expect(github.checkRuns).toEqual([]);
    expect(
      step.annotations.some(
        ({ level, message }) => level === 'failure' && message.includes('evil.example.org'),
      ),
    ).toBe(true);
    expect(step.annotations.some(({ message }) => message.includes('checks: write'))).toBe(true);
    expect(step.outputs['verdict']).toBe('denied');
  });

  it.each([
    ['contents', { path: '/contents/', answer: { status: 500 } }],
    [
      'commit',
      {
        path: '/contents/',
        answer: { status: 403, body: { message: 'Resource not accessible by integration' } },
      },
    ],
  ])('that cannot read its policy (%s) does not start', async (_, fault) => {
    const options = await optionsOf({ script: 'echo started', policy: 'version: 1\n' });
    github.fault(fault);
    run = await runWorkflow(options);
    const step = run.job('agent').step('sandbox');
    expect(step).toMatchObject({ exitCode: 125, conclusion: 'failure' });
    expect(said(step)).not.toContain('started');
    expect(step.annotations[0]?.message).toContain('GITHUB_UNREACHABLE');
    expect(step.outputs['verdict']).toBe('failed');
  });

  it('that cannot upload or check keeps its own verdict', async () => {
    const options = await optionsOf({ script: 'true', policy: 'version: 1\n' });
    github.fault({ path: '/check-runs', answer: { status: 500 } });
    github.fault({ path: 'CreateArtifact', answer: { status: 403, body: {} } });
    run = await runWorkflow(options);
    const step = run.job('agent').step('sandbox');
    expect(step).toMatchObject({ exitCode: 0, conclusion: 'success' });
    const notices = step.annotations.map(({ title }) => title);
    expect(notices).toContain('agent-sandbox: the log is not uploaded');
    expect(notices).toContain('agent-sandbox: no check run');
  });
});

describe('a step that is cancelled', () => {
  it('is ended with its session, and shown by `post`', async () => {
    const options = await optionsOf({
      script: 'curl -s https://evil.example.org || true\nprintf "%s%s\\n" wait ing\nsleep 600',
      policy: 'version: 1\n',
    });
    const started = startWorkflow({
      ...options,
      onLine: (line) => {
        if (line.includes('waiting')) started.cancel();
      },
    });
    run = await started.done;
    const post = run.job('agent').step('sandbox', 'post');
    expect(post.summary).toContain('evil.example.org');
    expect(github.artifacts).toHaveLength(1);
    expect(github.checkRuns).toHaveLength(1);
    expect(post.conclusion).toBe('success');
  });
});
