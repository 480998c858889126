// Puts the repository of the run in the place of `self`. Invariant: where it is not known, `{self}` stays, and matches no
// path of any request, since no canonical path holds a brace.
import { readUrlPattern } from '../match/url-path.ts';
import type { Bind, Credential, JsonObject } from '../model/credential.ts';
import type { GrantedCredential } from '../model/policy.ts';
import { SELF } from './credential-rule.ts';

/** As GitHub lets repositories be called: nothing in it means anything in a pattern. */
const REPOSITORY = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})\/[A-Za-z0-9._-]{1,100}$/;

/** Of ceilings as well, and before the two are compared: whose repository `self` is decides what lies within what. */
export function placeSelf<C extends Credential>(credential: C, repository: string | undefined): C {
  if (repository === undefined || !isRepository(repository)) return credential;
  return {
    ...credential,
    request: placeInRequest(credential.request, repository),
    ...(credential.bind && {
      bind: credential.bind.map((bind) => placeInBind(bind, repository)),
    }),
  };
}

/** Whether anything still waits for a repository. */
export function needsSelf({ request, bind }: GrantedCredential): boolean {
  const { repositories, scope } = request;
  return (
    (Array.isArray(repositories) && repositories.includes('self')) ||
    scope === 'self' ||
    bind.some(({ paths }) => paths?.some((path) => path.includes(SELF)))
  );
}

function isRepository(text: string): boolean {
  return REPOSITORY.test(text) && !/\/\.{1,2}$/.test(text);
}

function placeInRequest(request: JsonObject, repository: string): JsonObject {
  const { repositories, scope } = request;
  return {
    ...request,
    ...(Array.isArray(repositories) && {
      repositories: repositories.map((one) => (one === 'self' ? repository : one)),
    }),
    ...(scope === 'self' && { scope: repository }),
  };
}

function placeInBind<B extends Bind>(bind: B, repository: string): B {
  if (bind.paths === undefined) return bind;
  return {
    ...bind,
    paths: bind.paths.flatMap((path) =>
      path.includes(SELF)
        ? (readUrlPattern(path.replaceAll(SELF, repository)).pattern ?? [])
        : path,
    ),
  };
}
