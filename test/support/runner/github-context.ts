// The `github` and `runner` contexts of a job, and the variables that steps get of them.

import { type EventFacts, eventFacts } from './event.ts';
import type { Folders, RunOptions } from './types.ts';

export type Context = Record<string, unknown>;

/** Those of the `github` context that become `GITHUB_*` (GitHubContext.cs); the rest is for expressions alone. */
const EXPORTED = [
  ...['action', 'action_path', 'action_ref', 'action_repository', 'actor', 'actor_id', 'api_url'],
  ...['base_ref', 'env', 'event_name', 'event_path', 'graphql_url', 'head_ref', 'job', 'output'],
  ...['path', 'ref', 'ref_name', 'ref_protected', 'ref_type', 'repository', 'repository_id'],
  ...['repository_owner', 'repository_owner_id', 'retention_days', 'run_attempt', 'run_id'],
  ...['run_number', 'server_url', 'sha', 'state', 'step_summary', 'triggering_actor', 'workflow'],
  ...['workflow_ref', 'workflow_sha', 'workspace'],
];

export interface RunFacts {
  github: Context;
  event: EventFacts;
}

/** What is the same for all jobs of a run. `workflow`: its name, or its path where it has none. */
export function runFacts(options: RunOptions, workflow: string | undefined): RunFacts {
  const name = options.event?.name ?? 'push';
  const given = options.github ?? {};
  const repository = given['repository'] ?? 'acme/app';
  const path = options.workflowPath ?? '.github/workflows/test.yml';
  const event = eventFacts(name, repository, options.event?.payload);
  const { id, owner } = event.payload['repository'] as { id: number; owner: { id: number } };
  const ref = given['ref'] ?? event.ref;
  const sha = given['sha'] ?? event.sha;
  const server = options.services?.serverUrl ?? 'https://github.com';
  const api = options.services?.apiUrl ?? 'https://api.github.com';
  const isTag = ref.startsWith('refs/tags/');
  const github = {
    actor: 'octocat',
    actor_id: '583231',
    triggering_actor: given['actor'] ?? 'octocat',
    api_url: api,
    graphql_url: `${api}/graphql`,
    server_url: server,
    base_ref: event.baseRef,
    head_ref: event.headRef,
    event: event.payload,
    event_name: name,
    ref,
    ref_name: ref.replace(/^refs\/(heads|tags|pull)\//, ''),
    ref_protected: 'false',
    ref_type: isTag ? 'tag' : 'branch',
    sha,
    repository,
    repository_id: String(id),
    repository_owner: repository.split('/')[0],
    repository_owner_id: String(owner.id),
    repositoryUrl: `git://github.com/${repository}.git`,
    retention_days: '90',
    run_attempt: '1',
    run_id: '4711',
    run_number: '42',
    secret_source: 'Actions',
    workflow: workflow ?? path,
    workflow_ref: `${repository}/${path}@${ref}`,
    workflow_sha: sha,
    ...given,
  };
  return { github, event };
}

export function runnerContext(options: RunOptions, folders: Folders): Context {
  const { environment = 'github-hosted', name = 'test-runner' } = options.runner ?? {};
  return {
    name,
    os: 'Linux',
    arch: process.arch === 'arm64' ? 'ARM64' : 'X64',
    environment,
    temp: folders.temp,
    tool_cache: folders.tools,
    workspace: folders.workspace.replace(/\/[^/]+$/, ''),
  };
}

/** `GITHUB_*` and `RUNNER_*`. */
export function contextVariables(github: Context, runner: Context): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const name of EXPORTED)
    if (typeof github[name] === 'string') variables[`GITHUB_${name.toUpperCase()}`] = github[name];
  for (const [name, value] of Object.entries(runner))
    if (typeof value === 'string') variables[`RUNNER_${name.toUpperCase()}`] = value;
  return variables;
}

const CLAIMS = [
  ...['actor', 'actor_id', 'base_ref', 'event_name', 'head_ref', 'ref', 'ref_type', 'repository'],
  ...['repository_id', 'repository_owner', 'repository_owner_id', 'run_attempt', 'run_id'],
  ...['run_number', 'sha', 'workflow', 'workflow_ref', 'workflow_sha'],
];

/** What GitHub says of the job in its identity tokens: https://docs.github.com/actions/reference/security/oidc */
export function identityClaims(options: RunOptions, github: Context): Context {
  const [owner, name] = String(github['repository']).split('/');
  const prefix = `repo:${owner}@${String(github['repository_owner_id'])}/${name}@${String(github['repository_id'])}`;
  const event = String(github['event_name']);
  const what = event.startsWith('pull_request') ? 'pull_request' : `ref:${String(github['ref'])}`;
  return {
    ...Object.fromEntries(CLAIMS.map((claim) => [claim, github[claim]])),
    sub: `${prefix}:${what}`,
    job_workflow_ref: github['workflow_ref'],
    runner_environment: options.runner?.environment ?? 'github-hosted',
  };
}
