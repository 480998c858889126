// Octo STS: exchanges a workload's token for an installation token, where a trust policy says so.

import { type Fake, bearerOf, refuse } from './cloud.ts';
import type { Github } from './github.ts';
import type { Oidc } from './oidc.ts';

/** `policies`: `OWNER/REPOSITORY IDENTITY` */
export function createOctoSts(oidc: Oidc, github: Github, policies: readonly string[]): Fake {
  return {
    hosts: ['octo-sts.dev'],
    async answer(request) {
      if (request.method !== 'GET' || request.path !== '/sts/exchange') return refuse(404, 'path');
      try {
        await oidc.verify(bearerOf(request), 'octo-sts.dev');
      } catch {
        return refuse(401, 'unable to verify bearer token');
      }
      const asked = `${request.query.get('scope')} ${request.query.get('identity')}`;
      if (!policies.includes(asked)) return refuse(404, 'unable to find trust policy');
      return { status: 200, body: { token: github.issue() } };
    },
  };
}
