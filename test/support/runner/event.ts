// What GitHub says about an event: the webhook's payload, and the part of the `github` context that follows from it.

import type { EventName } from './model.ts';

export interface EventFacts {
  payload: Record<string, unknown>;
  /** of the `github` context */
  ref: string;
  sha: string;
  headRef: string;
  baseRef: string;
}

export const MERGE_SHA = 'f'.repeat(40);
export const HEAD_SHA = 'b'.repeat(40);
export const BASE_SHA = 'a'.repeat(40);
const ACTOR = { login: 'octocat', id: 583231, type: 'User' };

/** `more` goes over the usual payload, object by object. `repository`: `owner/name`. */
export function eventFacts(name: EventName, repository: string, more: object = {}): EventFacts {
  const usual = {
    repository: repositoryOf(repository),
    sender: ACTOR,
    ...usualOf(name, repository),
  };
  const payload = merge(usual, more as Record<string, unknown>);
  const pull = payload['pull_request'] as PullRequest | undefined;
  const isPull = name === 'pull_request' || name === 'pull_request_target';
  if (!isPull || pull === undefined)
    return {
      payload,
      ref: typeof payload['ref'] === 'string' ? payload['ref'] : 'refs/heads/main',
      sha: typeof payload['after'] === 'string' ? payload['after'] : BASE_SHA,
      headRef: '',
      baseRef: '',
    };
  const isMerge = name === 'pull_request';
  return {
    payload,
    ref: isMerge ? `refs/pull/${pull.number}/merge` : `refs/heads/${pull.base.ref}`,
    sha: isMerge ? MERGE_SHA : pull.base.sha,
    headRef: pull.head.ref,
    baseRef: pull.base.ref,
  };
}

/** Does it come from a fork, so that its token may only read and there are no secrets? */
export function isFromFork(name: EventName, payload: Record<string, unknown>): boolean {
  if (name !== 'pull_request') return false;
  const { head, base } = payload['pull_request'] as PullRequest;
  return head.repo.full_name !== base.repo.full_name;
}

interface Branch {
  ref: string;
  sha: string;
  repo: { full_name: string };
}
interface PullRequest {
  number: number;
  head: Branch;
  base: Branch;
}

export function repositoryOf(repository: string): Record<string, unknown> {
  const [owner = '', name = ''] = repository.split('/');
  return {
    id: 456789,
    name,
    full_name: repository,
    owner: { login: owner, id: 1, type: 'Organization' },
    private: false,
    fork: false,
    default_branch: 'main',
  };
}

function usualOf(name: EventName, repository: string): Record<string, unknown> {
  const pull = (): Record<string, unknown> => ({
    number: 17,
    state: 'open',
    title: 'Change something',
    body: 'Why it is changed',
    user: ACTOR,
    author_association: 'MEMBER',
    head: { ref: 'feature', sha: HEAD_SHA, repo: repositoryOf(repository) },
    base: { ref: 'main', sha: BASE_SHA, repo: repositoryOf(repository) },
  });
  const issue = { number: 12, title: 'Something is wrong', body: 'What is wrong', user: ACTOR };
  switch (name) {
    case 'push':
      return { ref: 'refs/heads/main', before: '0'.repeat(40), after: BASE_SHA, forced: false };
    case 'pull_request':
    case 'pull_request_target':
      return { action: 'opened', number: 17, pull_request: pull() };
    case 'issues':
      return { action: 'opened', issue };
    case 'issue_comment':
      return {
        action: 'created',
        issue,
        comment: { id: 5, body: '@agent please look', user: ACTOR, author_association: 'MEMBER' },
      };
    case 'merge_group':
      return {
        action: 'checks_requested',
        merge_group: { head_sha: HEAD_SHA, base_sha: BASE_SHA },
      };
    case 'workflow_run':
      return {
        action: 'completed',
        workflow_run: {
          id: 4711,
          name: 'CI',
          event: 'pull_request',
          conclusion: 'success',
          head_sha: HEAD_SHA,
          head_branch: 'feature',
          run_attempt: 1,
          repository: repositoryOf(repository),
          head_repository: { ...repositoryOf(repository), full_name: 'fork/app', fork: true },
          pull_requests: [],
        },
      };
    case 'workflow_dispatch':
    case 'workflow_call':
      return { ref: 'refs/heads/main', inputs: {} };
    case 'schedule':
      return { schedule: '0 4 * * *' };
    default:
      throw new Error(`no payload is known for the event '${String(name)}'`);
  }
}

function merge(
  base: Record<string, unknown>,
  more: Record<string, unknown>,
): Record<string, unknown> {
  const merged = { ...base };
  for (const [name, value] of Object.entries(more))
    merged[name] = isPlain(value) && isPlain(merged[name]) ? merge(merged[name], value) : value;
  return merged;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
