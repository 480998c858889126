// From where in the repository the policy of a run is read: never from what the run is about, which its author wrote.

import { SandboxError } from '../model/error.ts';
import type { JobContext } from './context.ts';

export interface PolicyRef {
  /** branch or commit, as the contents API takes it */
  ref: string;
  /** for people: what it is */
  what: string;
}

/**
 * The base of the event: for a pull request the branch it goes into, for a merge queue the branch it builds for, for a protected
 * branch or tag the commit itself, else the default branch. Throws `GITHUB_POLICY_REF` where the event does not say.
 */
export function policyRefOf({ event, ref, sha, isRefProtected }: JobContext): PolicyRef {
  const { name, pullRequest, mergeBase, defaultBranch } = event;
  if (name.startsWith('pull_request')) {
    if (pullRequest === undefined) throw unsaid(name, 'which branch it goes into');
    return { ref: pullRequest.base, what: `the pull request's base ${pullRequest.base}` };
  }
  if (name === 'merge_group') {
    if (mergeBase === undefined) throw unsaid(name, 'which branch it is for');
    const branch = mergeBase.replace(/^refs\/heads\//, '');
    return { ref: branch, what: `the merge queue's branch ${branch}` };
  }
  // A tag and a branch may be called the same: the commit is what is protected.
  if (isRefProtected && /^refs\/(?:heads|tags)\//.test(ref))
    return { ref: sha, what: `the protected ${ref.replace(/^refs\/(?:heads|tags)\//, '')}` };
  if (defaultBranch === undefined) throw unsaid(name, 'which branch is the default');
  return { ref: defaultBranch, what: `the default branch ${defaultBranch}` };
}

function unsaid(event: string, what: string): SandboxError {
  return new SandboxError({
    kind: 'environment',
    code: 'GITHUB_POLICY_REF',
    message: `the event \`${event}\` does not say ${what}, so nobody knows which policy holds`,
  });
}
