// Requests that mint further access or make it last, by vendor: denied by the builtin layer on every host that a credential
// of that vendor is bound to, and no layer can open them. AWS, whose requests say what they do in their bodies, is guarded
// where requests are signed.
import type { ProviderName } from '../model/credential.ts';
import type { GrantedCredential, NetworkRule } from '../model/policy.ts';

interface Guard {
  /** by the provider of a credential, or by a host it is bound to */
  providers: readonly ProviderName[];
  host: RegExp;
  /** where the vendor describes these requests; read on the date */
  source: string;
  date: string;
  reason: string;
  paths: readonly string[];
}

const CHANGING = ['POST', 'PUT', 'PATCH', 'DELETE'];

export const GUARDS: readonly Guard[] = [
  {
    providers: ['github-app', 'github-token', 'octo-sts'],
    host: /^(?:api\.github\.com|.+\.ghe\.com)$/,
    source:
      'https://docs.github.com/en/rest/authentication/endpoints-available-for-github-app-installation-access-tokens',
    date: '2026-11-21',
    reason: 'mints or keeps access beyond this session',
    // Servers of an enterprise have their API under /api/v3.
    paths: [
      '/app/installations/*/access_tokens',
      '/app-manifests/*/conversions',
      '/applications/*/token',
      '/applications/*/token/scoped',
      '/authorizations/**',
      '/repos/*/*/actions/runners/**',
      '/orgs/*/actions/runners/**',
      '/enterprises/*/actions/runners/**',
      '/repos/*/*/keys/**',
      '/user/keys/**',
      '/user/gpg_keys/**',
      '/user/ssh_signing_keys/**',
      '/repos/*/*/actions/secrets/**',
      '/repos/*/*/dependabot/secrets/**',
      '/repos/*/*/codespaces/secrets/**',
      '/repos/*/*/environments/*/secrets/**',
      '/repositories/*/environments/*/secrets/**',
      '/repositories/*/actions/secrets/**',
      '/orgs/*/actions/secrets/**',
      '/orgs/*/dependabot/secrets/**',
      '/orgs/*/codespaces/secrets/**',
      '/user/codespaces/secrets/**',
      '/repos/*/*/hooks/**',
      '/orgs/*/hooks/**',
      '/repos/*/*/collaborators/**',
      '/repos/*/*/invitations/**',
      '/orgs/*/invitations/**',
      '/orgs/*/memberships/**',
      '/orgs/*/teams/**',
      '/repos/*/*/contents/.github/workflows/**',
      '/repos/*/*/actions/oidc/**',
      '/orgs/*/actions/oidc/**',
      '/orgs/*/actions/runner-groups/**',
      '/orgs/*/outside_collaborators/**',
      '/orgs/*/team/**',
      '/teams/**',
      '/user/installations/*/repositories/**',
      '/user/repository_invitations/**',
    ]
      // Repositories and organisations go by their numbers, too.
      .flatMap((path) => [
        path,
        path.replace(/^\/repos\/\*\/\*\//, '/repositories/*/'),
        path.replace(/^\/orgs\//, '/organizations/'),
      ])
      .filter((path, i, all) => all.indexOf(path) === i)
      .flatMap((path) => [path, `/api/v3${path}`]),
  },
  {
    providers: ['npm'],
    host: /^$/,
    source: 'https://docs.npmjs.com/cli/v11/commands/npm-token',
    date: '2026-11-21',
    reason: 'mints or keeps access beyond this session',
    paths: [
      '/-/npm/v1/tokens/**',
      '/-/npm/v1/oidc/**',
      '/-/npm/v1/user/**',
      '/-/user/**',
      '/-/v1/login/**',
      '/-/org/**',
      '/-/team/**',
      '/-/package/*/*/collaborators/**',
      '/-/package/*/*/access/**',
      '/-/package/*/*/trust/**',
      // Owners are changed so.
      '/*/-rev/**',
      '/*/*/-rev/**',
      '/-/package/*/collaborators/**',
      '/-/package/*/access/**',
      '/-/package/*/trust/**',
    ],
  },
  {
    providers: ['vault'],
    host: /^$/,
    source: 'https://developer.hashicorp.com/vault/api-docs/auth/token',
    date: '2026-11-21',
    reason: 'mints or keeps access beyond this session',
    paths: ['/v1/auth/**', '/v1/sys/**', '/v1/identity/**'],
  },
  {
    providers: ['gcp'],
    host: /^(?:.+\.)?googleapis\.com$/,
    source: 'https://cloud.google.com/iam/docs/reference/credentials/rest',
    date: '2026-11-21',
    reason: 'mints or keeps access beyond this session',
    paths: [
      '/v1/projects/*/serviceAccounts/**',
      '/v1/projects/*/locations/*/workloadIdentityPools/**',
      '/v1/token',
      '/token',
      '/**/*:setIamPolicy',
      '/storage/v1/b/*/iam/**',
      '/storage/v1/projects/*/hmacKeys/**',
      // Requests in a body, which nobody judges.
      '/batch/**',
      '/**/batch',
      '/v1/projects/*/locations/*/keys/**',
      '/v2/projects/*/locations/*/keys/**',
    ],
  },
  {
    providers: ['azure'],
    host: /^(?:management\.azure\.com|graph\.microsoft\.com|login\.microsoftonline\.com)$/,
    source: 'https://learn.microsoft.com/en-us/rest/api/authorization/role-assignments',
    date: '2026-11-21',
    reason: 'mints or keeps access beyond this session',
    paths: [
      '/**/providers/Microsoft.Authorization/**',
      // Requests in a body, which nobody judges.
      '/batch',
      '/**/$batch',
      // To be posted to, it lists what is secret: listKeys, listCredentials, listAccountSas and their like.
      '/**/list*',
      '/**/regenerate*',
      '/**/generateCredentials',
      '/**/federatedIdentityCredentials/**',
      // `applications(appId='…')/microsoft.graph.addPassword` is the same as `applications/ID/addPassword`.
      '/**/*addPassword',
      '/**/*addKey',
      '/*/applications*/**',
      '/*/servicePrincipals*/**',
      '/*/oauth2PermissionGrants*/**',
      '/**/appRoleAssignments/**',
      '/**/appRoleAssignedTo/**',
      '/**/oauth2/**',
    ],
  },
  {
    providers: ['anthropic'],
    host: /^api\.anthropic\.com$/,
    source: 'https://docs.anthropic.com/en/api/administration-api',
    date: '2026-11-21',
    reason: 'mints or keeps access beyond this session',
    paths: ['/v1/oauth/**', '/v1/organizations/**'],
  },
  {
    providers: ['openai'],
    host: /^(?:api|auth)\.openai\.com$/,
    source: 'https://platform.openai.com/docs/api-reference/administration',
    date: '2026-11-21',
    reason: 'mints or keeps access beyond this session',
    paths: [
      '/oauth/**',
      '/v1/organization/**',
      '/v1/realtime/client_secrets/**',
      '/v1/realtime/sessions/**',
    ],
  },
];

/** The builtin layer's denies for these credentials. */
export function guardRules(credentials: readonly GrantedCredential[]): NetworkRule[] {
  const hosts = new Map<Guard, Set<string>>();
  for (const { provider, bind, expose } of credentials)
    for (const host of [...bind.flatMap((one) => one.hosts), ...expose.git.map((one) => one.host)])
      for (const guard of GUARDS)
        if (guard.providers.includes(provider) || guard.host.test(host))
          hosts.set(guard, (hosts.get(guard) ?? new Set()).add(host));
  return [...hosts].map(([{ providers, reason, paths }, names]) => ({
    id: `mint-${providers[0] ?? ''}`,
    place: `mint-${providers[0] ?? ''}`,
    file: 'builtin',
    line: 0,
    column: 0,
    reason,
    hosts: [...names].sort(),
    cidrs: [],
    methods: CHANGING,
    paths: [...paths],
  }));
}
