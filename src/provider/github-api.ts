// What the providers of GitHub tokens share.

import { createHash } from 'node:crypto';

import type { Secret } from '../model/secret.ts';
import type { Revocation } from './provider.ts';

export const GITHUB_API = 'https://api.github.com';

export function githubHeaders(bearer: string): Record<string, string> {
  return {
    authorization: `Bearer ${bearer}`,
    accept: 'application/vnd.github+json',
    'x-github-api-version': '2022-11-28',
  };
}

/** 401 is what a token hears that is gone already. */
export function githubRevocation(api: string, token: Secret): Revocation {
  return {
    method: 'DELETE',
    url: `${api}/installation/token`,
    headers: githubHeaders(token.reveal()),
    done: [204, 401],
  };
}

/**
 * `hashed_token` of GitHub's audit log.
 * https://docs.github.com/en/organizations/keeping-your-organization-secure/managing-security-settings-for-your-organization/identifying-audit-log-events-performed-by-an-access-token
 */
export function tokenHash(token: Secret): string {
  return createHash('sha256').update(token.reveal()).digest('base64');
}
