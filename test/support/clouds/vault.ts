// Vault: JWT login, child tokens and their end. As there, a token without the policy `default` may not revoke itself, and the
// children of a token end with it. https://developer.hashicorp.com/vault/api-docs/auth/token
import { bodyOf, jsonAnswer, listen } from './listen.ts';
import type { Cloud, CloudAnswer } from './listen.ts';
import { isWorkloadToken } from './workload.ts';

export interface VaultOptions {
  mount: string;
  role: string;
  audience: string;
  /** of the login */
  policies: string[];
  /** comes with every token of this identity */
  identityPolicies?: string[];
  /** seconds, of the login */
  lease?: number;
  /** changes what the server says of a child */
  child?: Record<string, unknown>;
  /** put into every secret it makes */
  canary: string;
}

interface Token {
  policies: string[];
  parent?: string;
}

export interface Vault extends Cloud {
  /** tokens that live */
  alive: Map<string, Token>;
}

export async function startVault(options: VaultOptions): Promise<Vault> {
  const alive = new Map<string, Token>();
  let made = 0;
  const refuse = (status: number, why: string): CloudAnswer =>
    jsonAnswer(status, { errors: [`${why} ${options.canary}`] });

  function issue(token: Token, lease: number, more: object): CloudAnswer {
    const name = `hvs.${options.canary}${++made}`;
    alive.set(name, token);
    const identity = options.identityPolicies ?? [];
    return jsonAnswer(200, {
      request_id: '1',
      auth: {
        client_token: name,
        accessor: `accessor-${made}`,
        policies: [...token.policies, ...identity],
        token_policies: token.policies,
        identity_policies: identity,
        lease_duration: lease,
        renewable: false,
        orphan: token.parent === undefined,
        num_uses: 0,
        ...more,
      },
    });
  }

  function end(name: string): void {
    alive.delete(name);
    for (const [child, { parent }] of alive) if (parent === name) end(child);
  }

  const cloud = await listen((request) => {
    if (request.method !== 'POST') return refuse(405, 'unsupported operation');
    const body = bodyOf(request) ?? {};
    if (request.target === `/v1/auth/${options.mount}/login`) {
      if (body['role'] !== options.role) return refuse(400, 'role could not be found');
      return isWorkloadToken(body['jwt'], options.audience)
        ? issue({ policies: options.policies }, options.lease ?? 3600, {})
        : refuse(400, 'error validating token');
    }
    const name = String(request.headers['x-vault-token']);
    const token = alive.get(name);
    if (token === undefined) return refuse(403, 'permission denied');
    const mayRevoke = token.policies.includes('default');
    switch (request.target) {
      case '/v1/sys/capabilities-self':
        if (!mayRevoke) return refuse(403, 'permission denied');
        return jsonAnswer(200, { data: { 'auth/token/revoke-self': ['update'] } });
      case '/v1/auth/token/revoke-self':
        if (!mayRevoke) return refuse(403, 'permission denied');
        end(name);
        return { status: 204 };
      case '/v1/auth/token/create': {
        const policies = body['policies'] as string[];
        if (!policies.every((policy) => token.policies.includes(policy)))
          return refuse(400, 'child policies must be subset of parent');
        const all = body['no_default_policy'] === true ? policies : ['default', ...policies];
        const seconds = Number(/^(\d+)s$/.exec(String(body['explicit_max_ttl']))?.[1]);
        if (body['ttl'] !== body['explicit_max_ttl'] || !(seconds > 0)) return refuse(400, 'ttl');
        const uses = { num_uses: body['num_uses'] ?? 0, ...options.child };
        return issue({ policies: all, parent: name }, seconds, uses);
      }
      default:
        return refuse(404, 'unsupported path');
    }
  });
  return { ...cloud, alive };
}
