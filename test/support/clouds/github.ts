// GitHub's API as far as an App and its installation tokens go.

import { type KeyObject, generateKeyPairSync, randomBytes } from 'node:crypto';
import { jwtVerify } from 'jose';

import {
  type CloudAnswer,
  type CloudRequest,
  type Fake,
  bearerOf,
  jsonOf,
  refuse,
} from './cloud.ts';

export interface Grant {
  permissions?: unknown;
  repository_selection?: unknown;
  repositories?: unknown;
  expires_at?: unknown;
  token?: unknown;
}

export interface Github extends Fake {
  /** client id and PEM (PKCS#1, as GitHub hands it out) of the App */
  app: string;
  key: string;
  /** put over what is granted, by a test */
  grant: Grant;
  /** tokens that hold */
  live: Set<string>;
  /** a token that holds, of the form without state */
  issue(): string;
}

const LEVELS = ['read', 'write', 'admin'];
let pair: { privateKey: KeyObject; publicKey: KeyObject } | undefined;

export interface GithubOptions {
  host?: string;
  /** before each path, e.g. `/api/v3` */
  prefix?: string;
  now?: () => number;
  /** what the App was given at its installation */
  permissions?: Record<string, string>;
  /** full names */
  repositories?: string[];
}

export function createGithub(options: GithubOptions = {}): Github {
  const { host = 'api.github.com', prefix = '', now = Date.now } = options;
  const has = options.permissions ?? { contents: 'write', issues: 'write', metadata: 'read' };
  const repositories = options.repositories ?? ['acme/app', 'acme/lib'];
  pair ??= generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { privateKey, publicKey } = pair;
  const live = new Set<string>();

  async function isApp(request: CloudRequest): Promise<boolean> {
    try {
      const { payload } = await jwtVerify(bearerOf(request) ?? '', publicKey, {
        issuer: github.app,
        algorithms: ['RS256'],
        currentDate: new Date(now()),
      });
      const { iat = Infinity, exp = Infinity } = payload;
      return iat <= now() / 1000 && exp - now() / 1000 <= 600;
    } catch {
      return false;
    }
  }

  function mint(request: CloudRequest): CloudAnswer {
    const body = jsonOf(request) ?? {};
    const names = body['repositories'];
    const asked = (body['permissions'] ?? {}) as Record<string, string>;
    // Nothing asked for means everything: no test may ever come here with that.
    const isAll = !Array.isArray(names) || names.length === 0 || Object.keys(asked).length === 0;
    const granted = isAll ? repositories : (names as string[]).map((name) => `acme/${name}`);
    if (granted.some((name) => !repositories.includes(name)))
      return refuse(422, 'no such repository');
    const isBeyond = Object.entries(asked).some(
      ([name, level]) => LEVELS.indexOf(level) > LEVELS.indexOf(has[name] ?? ''),
    );
    if (isBeyond) return refuse(422, 'the App has not got these permissions');
    return {
      status: 201,
      body: {
        token: github.issue(),
        expires_at: new Date(now() + 3_600_000).toISOString().replace(/\.\d+/, ''),
        permissions: isAll ? has : { metadata: 'read', ...asked },
        repository_selection: isAll ? 'all' : 'selected',
        repositories: granted.map((name, at) => ({ id: at + 1, full_name: name })),
        ...github.grant,
      },
    };
  }

  const github: Github = {
    hosts: [host],
    app: 'Iv23liExample',
    key: privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
    grant: {},
    live,
    issue() {
      const part = (bytes: number): string => randomBytes(bytes).toString('base64url');
      const token = `ghs_123_${part(30)}.${part(200)}.${part(150)}_-`;
      live.add(token);
      return token;
    },
    async answer(request) {
      const { method, headers } = request;
      const path = request.path.startsWith(prefix) ? request.path.slice(prefix.length) : '';
      if (headers['accept'] !== 'application/vnd.github+json') return refuse(415, 'accept');
      if (headers['x-github-api-version'] !== '2022-11-28') return refuse(400, 'version');
      if (method === 'DELETE' && path === '/installation/token')
        return live.delete(bearerOf(request) ?? '')
          ? { status: 204 }
          : refuse(401, 'Bad credentials');
      if (!(await isApp(request))) return refuse(401, 'no JWT of the App');
      const [, repository] = /^\/repos\/([^/]+\/[^/]+)\/installation$/.exec(path) ?? [];
      if (method === 'GET' && repository !== undefined)
        return repositories.includes(repository)
          ? { status: 200, body: { id: 77 } }
          : refuse(404, 'none');
      if (method === 'POST' && path === '/app/installations/77/access_tokens') return mint(request);
      return refuse(404, 'Not Found');
    },
  };
  return github;
}
