// `github-app`: an installation token of a GitHub App, for named repositories and permissions.
//
//   GET  {api}/repos/{owner}/{name}/installation       Bearer JWT of the App            200 {id}
//   POST {api}/app/installations/{id}/access_tokens    {repositories, permissions}      201 {token, expires_at, permissions,
//                                                                                            repository_selection, repositories}
//   DELETE {api}/installation/token                    Bearer the token itself          204; 401 when it is gone already
//
// https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
// https://docs.github.com/en/rest/apps/installations#revoke-an-installation-access-token
// Invariant: `repositories` and `permissions` are never sent empty: to GitHub that means all that the App has.

import type { JsonObject } from '../model/credential.ts';
import {
  type Answer,
  countOf,
  fieldOf,
  isRecord,
  listOf,
  readAnswer,
  recordOf,
  secretOf,
} from './answer.ts';
import { askedText, askedTexts, baseUrl } from './asked.ts';
import { endAtTime, notAfter } from './expiry.ts';
import { assertWanted, requestFault, upstreamFault } from './fault.ts';
import { appToken } from './github-app-token.ts';
import { GITHUB_API, githubHeaders, githubRevocation, tokenHash } from './github-api.ts';
import { orRevoke, surplusFault, surplusOf, surplusPermissions } from './granted.ts';
import type { MintContext, Minted, Provider } from './provider.ts';
import { readSource } from './source.ts';

const FROM = "GitHub's installation token endpoint";
const OWNER = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/;
const NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/;

interface Asked {
  owner: string;
  /** without the owner */
  names: string[];
  permissions: Record<string, string>;
}

export const githubApp: Provider = { name: 'github-app', mint };

async function mint(context: MintContext): Promise<Minted> {
  const { request, http, signal } = context;
  const asked = readAsked(request);
  const api = baseUrl(request, 'api', GITHUB_API);
  const now = context.now();
  const key = await readSource(request['key'], context);
  const jwt = await appToken(askedText(request, 'app'), key, now);
  const id = await installationOf(api, asked, jwt, context);
  assertWanted(signal);
  const response = await http({
    method: 'POST',
    url: `${api}/app/installations/${id}/access_tokens`,
    headers: { ...githubHeaders(jwt.reveal()), 'content-type': 'application/json' },
    body: JSON.stringify({ repositories: asked.names, permissions: asked.permissions }),
  });
  const answer = readAnswer(response, FROM, [201]);
  const token = secretOf(answer, 'token');
  const revocation = githubRevocation(api, token);
  return orRevoke(revocation, http, () => ({
    material: { kind: 'token', token },
    kind: 'installation token',
    ...notAfter(context, now, endAtTime(answer, 'expires_at', now)),
    requested: {
      repositories: asked.names.map((name) => `${asked.owner}/${name}`),
      permissions: asked.permissions,
    },
    granted: readGranted(answer, asked),
    revocation,
    correlation: { tokenSha256: tokenHash(token) },
  }));
}

/** Of the request; `self` is replaced by then. */
function readAsked(request: JsonObject): Asked {
  const places = askedTexts(request, 'repositories').map((text) => {
    const parts = text.split('/');
    const [owner, name] = parts.length === 1 ? [undefined, parts[0]] : parts;
    const isGood =
      parts.length <= 2 && NAME.test(name ?? '') && (owner === undefined || OWNER.test(owner));
    if (!isGood) throw requestFault(`expected OWNER/NAME in 'repositories', got '${text}'`);
    return { owner, name: name ?? '' };
  });
  const owners = new Set(places.flatMap(({ owner }) => owner?.toLowerCase() ?? []));
  const owner = places.find((place) => place.owner !== undefined)?.owner;
  if (owner === undefined)
    throw requestFault("no entry of 'repositories' says whose they are: write OWNER/NAME");
  if (owners.size > 1)
    throw requestFault("'repositories' has more than one owner", 'an installation belongs to one');
  const permissions = request['permissions'];
  const entries = isRecord(permissions) ? Object.entries(permissions) : [];
  if (entries.length === 0)
    throw requestFault("'permissions' is empty", 'to GitHub that would mean all the App has');
  if (entries.some(([, level]) => typeof level !== 'string' || level === ''))
    throw requestFault("expected 'read', 'write' or 'admin' for each of 'permissions'");
  return {
    owner,
    names: [...new Set(places.map(({ name }) => name))],
    permissions: Object.fromEntries(entries) as Record<string, string>,
  };
}

async function installationOf(
  api: string,
  { owner, names }: Asked,
  jwt: { reveal(): string },
  { http, signal }: MintContext,
): Promise<number> {
  const [name = ''] = names;
  const response = await http({
    method: 'GET',
    url: `${api}/repos/${owner}/${name}/installation`,
    headers: githubHeaders(jwt.reveal()),
    signal,
  });
  if (response.status === 404)
    throw upstreamFault(
      'PROVIDER_REFUSED',
      `GitHub knows no installation of the App for ${owner}/${name} (404)`,
      'install the App there, with access to the repository',
    );
  return countOf(readAnswer(response, 'the installation', [200]), 'id');
}

/** What the token may do as GitHub tells it; throws where it is more than was asked for, or is not told. */
function readGranted(answer: Answer, asked: Asked): JsonObject {
  const permissions = recordOf(answer, 'permissions');
  // GitHub adds `metadata: read` to each token by itself: no permission of a repository is without it.
  const extra = surplusPermissions({ metadata: 'read', ...asked.permissions }, permissions);
  const [first] = extra;
  if (first !== undefined)
    throw surplusFault(
      FROM,
      Object.hasOwn(asked.permissions, first)
        ? `'${first}' above '${asked.permissions[first]}'`
        : 'a permission that was not named',
    );
  if (fieldOf(answer, 'repository_selection') !== 'selected')
    throw surplusFault(FROM, 'not the selected repositories only');
  const repositories = listOf(answer, 'repositories').map(fullName);
  const wanted = asked.names.map((name) => `${asked.owner}/${name}`.toLowerCase());
  if (
    surplusOf(
      wanted,
      repositories.map((name) => name.toLowerCase()),
    ).length > 0
  )
    throw surplusFault(FROM, 'a repository that was not named');
  return { repositories, permissions: permissions as JsonObject };
}

function fullName(repository: unknown): string {
  const name = isRecord(repository) ? repository['full_name'] : undefined;
  const [owner = '', short = '', ...more] = typeof name === 'string' ? name.split('/') : [];
  if (more.length === 0 && OWNER.test(owner) && NAME.test(short)) return `${owner}/${short}`;
  throw upstreamFault('PROVIDER_ANSWER', `expected OWNER/NAME in 'repositories' of ${FROM}`);
}
