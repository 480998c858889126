import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { type FakeGitHub, startFakeGitHub } from '../support/github/index.ts';
import {
  type JobRun,
  type RunOptions,
  type WorkflowRun,
  runWorkflow,
} from '../support/runner/index.ts';

const actions = { 'acme/toolkit': new URL('../fixtures/toolkit-action', import.meta.url).pathname };
const runs: WorkflowRun[] = [];
let github: FakeGitHub;
beforeAll(async () => {
  github = await startFakeGitHub();
});
afterAll(() => github.close());
afterEach(() => runs.splice(0).forEach((run) => run.remove()));

async function toolkit(what: string, more: Partial<RunOptions> = {}): Promise<JobRun> {
  const workflow = `
on: push
jobs:
  one:
    runs-on: ubuntu-latest
    permissions: {id-token: write}
    steps:
      - {uses: acme/toolkit@v1, id: it, with: {do: ${what}}}`;
  const run = await runWorkflow({ workflow, actions, services: github, ...more });
  runs.push(run);
  return run.job('one');
}

test.each(['node20', 'node24'] as const)('artifacts by the toolkit, on %s', async (node) => {
  const job = await toolkit('artifact', { node, github: { run_id: node } });
  expect(job.conclusion, job.log).toBe('success');
  const { outputs } = job.step('it');
  expect(outputs).toMatchObject({ listed: 'log', text: 'content of a' });
  expect(outputs['twice']).toContain('an artifact with this name already exists');
  const left = github.artifacts.filter(({ runId }) => runId === node);
  expect(left.map(({ name, mimeType }) => [name, mimeType])).toEqual([
    ['report.html', 'text/html'],
  ]);
  expect(left[0]?.content.toString()).toBe('<html>');
});

test('a cache is saved and restored by the toolkit', async () => {
  const job = await toolkit('cache');
  expect(job.conclusion, job.log).toBe('success');
  expect(job.step('it').outputs).toMatchObject({ before: 'none', after: 'key-1', same: 'true' });
  expect([...github.caches.values()].map(({ key }) => key)).toEqual(['key-1']);
});

test('an identity token is minted, of the run, and masked', async () => {
  const job = await toolkit('identity');
  expect(job.conclusion, job.log).toBe('success');
  const claims = JSON.parse(job.step('it').outputs['claims'] ?? '') as Record<string, unknown>;
  expect(claims).toMatchObject({ iss: github.issuer, aud: 'sts.example.com', run_id: '4711' });
  expect(job.step('it').log).not.toContain(job.step('it').rawLog.split('\n').at(-1));
});

test('a service that is not there is an error of the toolkit', async () => {
  const gone = await startFakeGitHub({ hasArtifacts: false });
  const job = await toolkit('artifact', { services: gone });
  expect(job.conclusion).toBe('failure');
  expect(job.log).toContain('Failed to CreateArtifact');
  await gone.close();
});
