// Whose word a run takes for its policy: never that of what it is about.
import { describe, expect, it } from 'vitest';

import type { JobContext } from '../../src/github/context.ts';
import { policyRefOf } from '../../src/github/policy-ref.ts';

const SHA = 'a'.repeat(40);
const base = { ref: 'refs/heads/topic', sha: SHA, isRefProtected: false };
const refOf = (context: object): string => policyRefOf({ ...base, ...context } as JobContext).ref;
const pullRequest = { number: 1, base: 'main', headSha: 'b'.repeat(40), isFork: true };

describe('the policy of a run', () => {
  it.each(['pull_request', 'pull_request_target', 'pull_request_review'])(
    'is, of a %s, the one of the branch it goes into',
    (name) => {
      expect(refOf({ event: { name, pullRequest, defaultBranch: 'trunk' } })).toBe('main');
      // What a protected head would say is no better.
      expect(refOf({ event: { name, pullRequest }, isRefProtected: true })).toBe('main');
    },
  );

  it('is, of a merge queue, the one of the branch it builds for', () => {
    const event = { name: 'merge_group', mergeBase: 'refs/heads/release/1' };
    expect(refOf({ event })).toBe('release/1');
  });

  it.each(['push', 'workflow_dispatch', 'schedule', 'issue_comment', 'workflow_run'])(
    'is, of a %s, the default branch, unless what is built is protected',
    (name) => {
      const event = { name, defaultBranch: 'trunk' };
      expect(refOf({ event })).toBe('trunk');
      expect(refOf({ event, isRefProtected: true })).toBe(SHA);
      expect(refOf({ event, isRefProtected: true, ref: 'refs/tags/v1' })).toBe(SHA);
      expect(refOf({ event, isRefProtected: true, ref: 'refs/pull/1/merge' })).toBe('trunk');
    },
  );

  it.each([{ name: 'pull_request' }, { name: 'merge_group' }, { name: 'push' }])(
    'is nobody’s where the event does not say: %j',
    (event) => expect(() => refOf({ event })).toThrow(/does not say/),
  );
});
