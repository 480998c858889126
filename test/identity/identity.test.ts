import { userInfo } from 'node:os';
import { describe, expect, it } from 'vitest';

import { localActor } from '../../src/identity/local.ts';
import { platformIdentity } from '../../src/identity/platform.ts';

const ACTIONS = {
  GITHUB_ACTIONS: 'true',
  GITHUB_ACTOR: 'octocat',
  GITHUB_ACTOR_ID: '583231',
  GITHUB_REPOSITORY: 'acme/app',
  GITHUB_REPOSITORY_ID: '456789',
  GITHUB_RUN_ID: '1658821493',
  GITHUB_RUN_ATTEMPT: '2',
  GITHUB_JOB: 'build',
  GITHUB_WORKFLOW_REF: 'acme/app/.github/workflows/ci.yml@refs/heads/main',
  GITHUB_EVENT_NAME: 'pull_request',
  GITHUB_SHA: 'f'.repeat(40),
  GITHUB_REF: 'refs/pull/17/merge',
  GITHUB_TOKEN: 'ghs_canary',
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'canary',
};

describe('the actor of a laptop', () => {
  it('is the user of the operating system', () => {
    expect(localActor({ username: 'alice', uid: 1000 })).toEqual({
      login: 'alice',
      id: '1000',
      assurance: 'os-user',
    });
    expect(localActor()).toMatchObject({ login: userInfo().username, assurance: 'os-user' });
  });

  it('has no number where the system has none', () => {
    expect(localActor({ username: 'alice', uid: -1 })).toEqual({
      login: 'alice',
      assurance: 'os-user',
    });
  });
});

describe('the identity of a run in GitHub Actions', () => {
  it('says what the environment says, and that it is only the environment', () => {
    expect(platformIdentity(ACTIONS)).toEqual({
      actor: { login: 'octocat', id: '583231', assurance: 'platform-env' },
      run: {
        repository: 'acme/app',
        repositoryId: '456789',
        runId: '1658821493',
        attempt: 2,
        job: 'build',
        workflowRef: 'acme/app/.github/workflows/ci.yml@refs/heads/main',
        event: 'pull_request',
        sha: 'f'.repeat(40),
        pullRequest: 17,
      },
    });
  });

  it('holds no token', () => {
    expect(JSON.stringify(platformIdentity(ACTIONS))).not.toContain('canary');
  });

  it('has no field for what is absent, empty or malformed', () => {
    const { actor, run } =
      platformIdentity({
        GITHUB_ACTIONS: 'true',
        GITHUB_ACTOR: '',
        GITHUB_RUN_ATTEMPT: '1e3',
        GITHUB_REF: 'refs/heads/pull/17/merge',
      }) ?? {};
    expect(actor).toEqual({ login: 'unknown', assurance: 'platform-env' });
    expect(run).toEqual({});
  });

  it('is absent elsewhere', () => {
    expect(platformIdentity({ ...ACTIONS, GITHUB_ACTIONS: undefined })).toBeUndefined();
  });
});
