// The workflows that people copy: read by GitHub's own parser, and run as the runner does, with a real VM and a stand-in for the agent.
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type FakeGitHub, startFakeGitHub } from '../support/github/index.ts';
import { runWorkflow, type RunOptions, type WorkflowRun } from '../support/runner/index.ts';
import { faultsOfAction, faultsOfWorkflow } from '../support/runner/syntax.ts';

const ROOT = join(import.meta.dirname, '../..');
const EXAMPLES = join(ROOT, 'examples');
const ACTION = {
  folder: ROOT,
  only: ['action.yml', 'package.json', 'dist', 'guest', 'native', 'policy-templates'],
};
const SHA = '0123456789012345678901234567890123456789';
const read = (name: string): string =>
  readFileSync(join(EXAMPLES, name), 'utf8').replaceAll('FULL_COMMIT_SHA', SHA);

describe('GitHub’s own parser', () => {
  it.each(readdirSync(EXAMPLES).filter((name) => name.endsWith('.yml')))(
    'finds no fault in %s',
    async (name) => {
      expect(await faultsOfWorkflow(name, read(name))).toEqual([]);
      expect(read(name)).not.toMatch(/uses: (?!\S+@[0-9a-f]{40}\b)/);
    },
  );

  it('finds none in action.yml and the quick start, which is ten lines', async () => {
    expect(
      await faultsOfAction('action.yml', readFileSync(join(ROOT, 'action.yml'), 'utf8')),
    ).toEqual([]);
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const start = /## In GitHub Actions\n\n```yaml\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
    expect(start.trimEnd().split('\n').length).toBeLessThanOrEqual(11);
    expect(await faultsOfWorkflow('README.md', start)).toEqual([]);
  });
});

describe('an example', () => {
  let github: FakeGitHub;
  let tools: string;
  let run: WorkflowRun | undefined;
  beforeEach(() => {
    run = undefined;
    // Agents of the runner's own: they do what they are told by a stranger, as the worst of them would.
    tools = join(mkdtempSync(join(tmpdir(), 'agent-tools-')), 'bin');
    mkdirSync(tools);
    for (const name of ['claude', 'codex']) {
      writeFileSync(
        join(tools, name),
        '#!/bin/sh\necho "$0 was asked: $*"\n[ "$PACKAGE" != web ] || curl -s http://web.example.org/\nfor word in $*; do case "$word" in http*) curl -s "$word" || true;; esac; done\n',
      );
      chmodSync(join(tools, name), 0o755);
    }
  });
  afterEach(async () => {
    run?.remove();
    rmSync(join(tools, '..'), { recursive: true, force: true });
    await github.close();
  });

  async function start(
    name: string,
    options: Partial<RunOptions>,
    policy = 'version: 1\n',
  ): Promise<WorkflowRun> {
    const main = { 'README.md': 'hello\n', '.github/agent-sandbox.yml': policy };
    github = await startFakeGitHub({
      repositories: [
        {
          name: 'acme/app',
          refs: { main, topic: main },
          pulls: [{ number: 7, head: 'topic', base: 'main' }],
        },
        {
          name: 'acme/agent-policy',
          refs: { main: { 'org.yml': 'version: 1\nmax: {network: {allow: []}}\n' } },
        },
      ],
    });
    run = await runWorkflow({
      workflow: read(name),
      files: main,
      actions: { 'gov/agent-sandbox': ACTION },
      services: github,
      environment: { PATH: `${tools}:${process.env['PATH'] ?? ''}` },
      ...options,
    });
    return run;
  }

  it('answers a comment, and shows what its agent was talked into', async () => {
    const body = '/claude $(touch pwned) http://evil.example.org/ "; touch pwned2';
    const event = {
      name: 'issue_comment' as const,
      payload: {
        action: 'created',
        comment: { body, author_association: 'MEMBER' },
        issue: { number: 1 },
      },
    };
    const done = await start('claude-on-comment.yml', { event });
    const step = done.job('claude').step('agent');
    expect(step.outputs).toMatchObject({ verdict: 'denied' });
    expect(step.summary).toContain('evil.example.org');
    const { workspace } = done.job('claude').folders;
    expect(readFileSync(join(workspace, 'answer.md'), 'utf8')).toContain('$(touch pwned)');
    expect(readdirSync(workspace)).not.toContain('pwned');
    expect(readdirSync(workspace)).not.toContain('pwned2');
    expect(github.checkRuns).toMatchObject([{ conclusion: 'failure' }]);
  });

  it('reads a pull request, and shows what it was told under our own summary', async () => {
    const done = await start('codex-on-pull-request.yml', { event: { name: 'pull_request' } });
    const step = done.job('codex').step('agent');
    expect(step.outputs).toMatchObject({ verdict: 'clean' });
    expect(step.summary).toMatch(/^## agent-sandbox: [\s\S]*> .*codex was asked: exec Review/m);
  });

  it.each([
    ['[api, web]', ['success', 'failure']],
    // A clean leg behind a denied one does not cover it.
    ['[web, api]', ['failure', 'failure']],
  ])(
    'is one of a matrix %s, whose newest check is as red as its reddest leg',
    async (legs, expected) => {
      const files = { 'packages/api/a': '', 'packages/web/a': '' };
      const workflow = read('matrix.yml').replace('[api, web]', legs);
      const done = await start('matrix.yml', {
        event: { name: 'workflow_dispatch' },
        files,
        workflow,
      });
      expect(done.jobs.map(({ name, conclusion }) => [name, conclusion]).sort()).toEqual([
        ['agent (api)', 'success'],
        ['agent (web)', 'failure'],
      ]);
      expect(github.checkRuns.map(({ conclusion }) => conclusion)).toEqual(expected);
    },
  );
});
