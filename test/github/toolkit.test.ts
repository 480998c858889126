import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { readProxySettings } from '../../src/enforce/egress/upstream-proxy/setting.ts';
import { createActionsIdentity } from '../../src/identity/github-actions.ts';
import { createHostHttp } from '../../src/session/host-http.ts';
import { hostAuthorities } from '../../src/session/trust.ts';
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

test('an artifact of another run is read with a token that may read runs', async () => {
  await toolkit('artifact, keep: true', { github: { run_id: '99' } });
  const workflow = (permissions: string): string => `
on: workflow_run
jobs:
  one:
    runs-on: ubuntu-latest
    permissions: {${permissions}}
    steps:
      - {uses: acme/toolkit@v1, id: it, with: {do: foreign, run: 99}}`;
  const event = { name: 'workflow_run' } as const;
  const usual = { actions, services: github, event };
  const read = await runWorkflow({ ...usual, workflow: workflow('actions: read') });
  runs.push(read);
  expect(read.job('one').step('it').outputs, read.job('one').log).toEqual({ text: 'content of a' });
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
  expect(claims).toMatchObject({
    ...{ iss: github.issuer, aud: 'sts.example.com', run_id: '4711', repository_id: '456789' },
    sub: 'repo:acme@1/app@456789:ref:refs/heads/main',
    workflow_ref: 'acme/app/.github/workflows/test.yml@refs/heads/main',
  });
  expect(job.step('it').log).not.toContain(job.step('it').rawLog.split('\n').at(-1));
});

test("the project's own verifier finds the issuer's keys at their real name", async () => {
  const job = { runId: '1', jobId: 'one', permissions: { 'id-token': 'write' } };
  const environment = {
    ...github.identityEnvironment,
    GITHUB_SERVER_URL: github.serverUrl,
    ACTIONS_ID_TOKEN_REQUEST_URL: github.idTokenUrl,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: github.runtimeToken(job),
  };
  const get = createHostHttp({
    proxies: readProxySettings(environment),
    ca: hostAuthorities(environment, () => undefined),
  });
  const identity = createActionsIdentity({ environment, get, now: Date.now });
  expect(await identity.identify()).toMatchObject({
    repository: { id: '2', name: 'acme/app' },
  });
  const none = {
    ...environment,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: github.runtimeToken({ ...job, permissions: {} }),
  };
  await expect(
    createActionsIdentity({ environment: none, get, now: Date.now }).identify(),
  ).rejects.toThrow('401');
});

test('a service that is not there is an error of the toolkit', async () => {
  const gone = await startFakeGitHub({ hasArtifacts: false });
  const job = await toolkit('artifact', { services: gone });
  expect(job.conclusion).toBe('failure');
  expect(job.log).toContain('Failed to CreateArtifact');
  await gone.close();
});
