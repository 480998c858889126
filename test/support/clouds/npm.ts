// A registry's trusted publishing: one token for one package, for the repository that its owner named.

import { randomBytes } from 'node:crypto';

import { type Fake, bearerOf, refuse } from './cloud.ts';
import type { Oidc } from './oidc.ts';

export interface NpmRegistry extends Fake {
  live: Set<string>;
}

/** `publishers`: id of the repository that may publish, by the escaped name of its package */
export function createNpmRegistry(
  oidc: Oidc,
  publishers: Record<string, string>,
  { host = 'registry.example.com', life = 3_600_000 }: { host?: string; life?: number } = {},
): NpmRegistry {
  const live = new Set<string>();
  return {
    hosts: [host],
    live,
    async answer(request) {
      const [, name] =
        /^\/-\/npm\/v1\/oidc\/token\/exchange\/package\/([^/]+)$/.exec(request.path) ?? [];
      if (request.method === 'POST' && name !== undefined) {
        let repository: unknown;
        try {
          repository = (await oidc.verify(bearerOf(request), `npm:${host}`))['repository_id'];
        } catch {
          return refuse(401, 'OIDC token is no good');
        }
        if (publishers[name] === undefined || publishers[name] !== repository)
          return refuse(404, 'OIDC token exchange error - package not found');
        const token = `npm_${randomBytes(27).toString('base64url')}`;
        live.add(token);
        const expires = new Date(Date.now() + life).toISOString();
        return { status: 201, body: { token_type: 'oidc', token, expires } };
      }
      const [, revoked] = /^\/-\/user\/token\/([^/]+)$/.exec(request.path) ?? [];
      if (request.method !== 'DELETE' || revoked === undefined) return refuse(404, 'path');
      const token = decodeURIComponent(revoked);
      if (bearerOf(request) !== token || !live.delete(token)) return refuse(401, 'Unauthorized');
      return { status: 200, body: { ok: true } };
    },
  };
}
