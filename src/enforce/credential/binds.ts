// Where each credential may go: the binds of the policy, ready to be asked of a request.
// Invariant: host, port, method and path all say yes, or the value does not go there.

import type { GitVerb } from '../../model/credential.ts';
import type { GrantedBind, GrantedCredential, Rate } from '../../model/policy.ts';
import type { PathPattern } from '../../match/path.ts';
import { compileUrlPattern, matchesUrlPath, splitUrlPath } from '../../match/url-path.ts';
import type { AllowedRequest } from '../injection.ts';

/** Headers in which a placeholder may stand unless a bind says others. */
const HEADERS = ['authorization', 'x-api-key'];

/** A bind that a request lies within. */
export interface Bound {
  credential: GrantedCredential;
  /** place in the policy: `bind[0]`, `git` */
  place: string;
  headers: readonly string[];
  limit?: Rate;
  /** of ceilings */
  within: NonNullable<GrantedBind['within']>;
  sign?: { service: string; region: string };
  seal: boolean;
}

export interface Binds {
  /** Whether any credential is bound to the host, on whatever path. */
  isBound(host: string, port: number): boolean;
  /** All binds that the request lies within. */
  of(request: AllowedRequest, query: string): Bound[];
}

interface Compiled extends Bound {
  hosts: readonly string[];
  ports: readonly number[];
  methods: readonly string[] | undefined;
  paths: readonly PathPattern[] | undefined;
  git: readonly GitVerb[] | undefined;
}

export function createBinds(credentials: readonly GrantedCredential[]): Binds {
  const binds = credentials.flatMap((credential) => [
    ...credential.bind.map((bind, i) => compile(credential, bind, `bind[${i}]`)),
    ...credential.expose.git.map(({ host, verbs }) => ({
      ...compile(credential, { hosts: [host], ports: [443] }, 'git'),
      headers: ['authorization'],
      git: verbs,
    })),
  ]);
  const hosts = new Set(binds.flatMap((bind) => bind.hosts));
  const places = new Set(
    binds.flatMap((bind) =>
      bind.hosts.flatMap((host) => bind.ports.map((port) => `${host}:${port}`)),
    ),
  );
  return {
    isBound: (host, port) => hosts.has(host) && (WEB.has(port) || places.has(`${host}:${port}`)),
    of(request, query) {
      // A secret goes out over TLS, or not at all.
      if (request.scheme !== 'https' || !hosts.has(request.host)) return [];
      const path = splitUrlPath(request.path);
      return binds.filter(
        ({ hosts: names, ports, methods, paths, git }) =>
          names.includes(request.host) &&
          ports.includes(request.port) &&
          methods?.includes(request.method) !== false &&
          paths?.some((one) => matchesUrlPath(one, path, false)) !== false &&
          (git === undefined || isGit(git, request, query)),
      );
    },
  };
}

/** Where HTTP is spoken, bound or not: a placeholder that goes there by mistake is seen. */
const WEB: ReadonlySet<number> = new Set([80, 443, 8080, 8443]);

function compile(credential: GrantedCredential, bind: GrantedBind, place: string): Compiled {
  const { hosts, ports, methods, paths, headers, limit, within = [], sign, seal } = bind;
  return {
    credential,
    place,
    hosts,
    ports,
    methods,
    paths: paths?.map((path) => compileUrlPattern(path, false)),
    headers: headers ?? HEADERS,
    git: undefined,
    seal: seal === true,
    within,
    ...(limit && { limit }),
    ...(sign && { sign }),
  };
}

/**
 * What git asks over HTTP, by verb: https://git-scm.com/docs/http-protocol. The first request of both names its service in the
 * query. LFS says in a body which of the two it does, so it takes `push` to change anything.
 */
function isGit(
  verbs: readonly GitVerb[],
  { method, path }: AllowedRequest,
  query: string,
): boolean {
  const services: Record<GitVerb, string> = { fetch: 'git-upload-pack', push: 'git-receive-pack' };
  return verbs.some((verb) => {
    const service = services[verb];
    if (method === 'GET' && path.endsWith('/info/refs')) return query === `?service=${service}`;
    return method === 'POST' && path.endsWith(`/${service}`);
  });
}
