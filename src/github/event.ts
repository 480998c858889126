// What an event says that decides where a policy comes from and which commit a check belongs to. The payload holds text of whoever
// opened the pull request: only names and numbers of known shape are taken.

import { closeSync, openSync, readSync, fstatSync } from 'node:fs';

import { SandboxError } from '../model/error.ts';

export interface WorkflowEvent {
  /** GITHUB_EVENT_NAME */
  name: string;
  /** of the repository */
  defaultBranch?: string;
  pullRequest?: {
    number: number;
    /** branch that it asks to be merged into */
    base: string;
    headSha: string;
    /** the head is of another repository, or of one that is gone */
    isFork: boolean;
  };
  /** `refs/heads/…` that a merge queue builds for */
  mergeBase?: string;
}

/** Payloads are at most 25 MB, says https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap */
const MAX_BYTES = 32 * 1024 * 1024;
const SHA = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

/** Throws `GITHUB_EVENT` where the file is there and is no event. */
export function readEvent(name: string, path: string | undefined): WorkflowEvent {
  if (path === undefined || path === '') return { name };
  let payload: unknown;
  try {
    payload = JSON.parse(readWhole(path));
  } catch (error) {
    throw new SandboxError({
      kind: 'environment',
      code: 'GITHUB_EVENT',
      message: `the event in '${path}' cannot be read`,
      hint: 'an earlier step of the job may have changed GITHUB_EVENT_PATH or the file',
      cause: error,
    });
  }
  const defaultBranch = textAt(payload, 'repository', 'default_branch');
  const mergeBase = textAt(payload, 'merge_group', 'base_ref');
  const pullRequest = pullRequestOf(payload);
  return {
    name,
    ...(defaultBranch !== undefined && { defaultBranch }),
    ...(mergeBase !== undefined && { mergeBase }),
    ...(pullRequest !== undefined && { pullRequest }),
  };
}

function pullRequestOf(payload: unknown): WorkflowEvent['pullRequest'] {
  const number = at(payload, 'pull_request', 'number');
  const base = textAt(payload, 'pull_request', 'base', 'ref');
  const headSha = textAt(payload, 'pull_request', 'head', 'sha');
  if (!Number.isSafeInteger(number) || base === undefined || !SHA.test(headSha ?? ''))
    return undefined;
  const here = at(payload, 'pull_request', 'base', 'repo', 'id');
  const there = at(payload, 'pull_request', 'head', 'repo', 'id');
  return {
    number: number as number,
    base,
    headSha: headSha ?? '',
    isFork: typeof here !== 'number' || here !== there,
  };
}

function at(value: unknown, ...keys: string[]): unknown {
  return keys.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key)
        ? (inner as Record<string, unknown>)[key]
        : undefined,
    value,
  );
}

function textAt(value: unknown, ...keys: string[]): string | undefined {
  const text = at(value, ...keys);
  return typeof text === 'string' && text !== '' && text.length <= 1024 ? text : undefined;
}

function readWhole(path: string): string {
  const descriptor = openSync(path, 'r');
  try {
    const { size } = fstatSync(descriptor);
    if (size > MAX_BYTES) throw new RangeError('too long');
    const buffer = Buffer.alloc(size);
    let length = 0;
    while (length < size) {
      const count = readSync(descriptor, buffer, length, size - length, null);
      if (count === 0) break;
      length += count;
    }
    return buffer.toString('utf8', 0, length);
  } finally {
    closeSync(descriptor);
  }
}
