// What mints access, or makes it last, is denied on every host that a credential is bound to, whatever the layers say.
import { describe, expect, test } from 'vitest';

import { readUrlPattern } from '../../src/match/url-path.ts';
import { PROVIDERS } from '../../src/model/credential.ts';
import { GUARDS } from '../../src/policy/credential-guards.ts';
import { explain } from '../../src/policy/explain.ts';
import { parsePolicy } from '../../src/policy/parse.ts';
import { narrowPolicy } from '../../src/source/narrow.ts';
import { answer, policyOf } from './support.ts';

const OPEN = 'network: {allow: [{host: "**"}]}';

const policyFor = (host: string, mode = ''): ReturnType<typeof policyOf> =>
  policyOf([
    [
      'repo',
      `${mode}${OPEN}\ncredentials: [{id: c, provider: github-token, request: {}, bind: [{host: ${host}}]}]`,
    ],
  ]);

describe('a guard', () => {
  test.each(GUARDS.flatMap(({ providers, paths }) => paths.map((path) => [providers[0], path])))(
    'of %s has a canonical form: %s',
    (_, path = '') => expect(readUrlPattern(path)).toEqual({ pattern: path }),
  );

  test('says where the vendor describes it, and when that was read', () => {
    for (const { source, date } of GUARDS) {
      expect(source).toMatch(/^https:\/\//);
      expect(date).toMatch(/^20\d\d-\d\d-\d\d$/);
    }
    const guarded = new Set(GUARDS.flatMap(({ providers }) => providers));
    // AWS says in bodies what it does; the others have no interface of their own.
    const without = ['aws', 'oauth-exchange', 'env', 'file', 'command'];
    expect(PROVIDERS.filter((name) => !guarded.has(name))).toEqual(without);
  });

  const minting = [
    '/app/installations/1/access_tokens',
    '/app/installations/1/access_tokens/',
    '/App/Installations/1/Access_Tokens',
    '/app/installations/1/access%5Ftokens',
    '/api/v3/app/installations/1/access_tokens',
    '/repos/acme/app/keys',
    '/repos/acme/app/hooks',
    '/repos/acme/app/hooks/7',
    '/repos/acme/app/actions/secrets/X',
    '/repos/acme/app/environments/prod/secrets/X',
    '/repos/acme/app/actions/runners/registration-token',
    '/repos/acme/app/collaborators/x',
    '/repos/acme/app/contents/.github/workflows/ci.yml',
    '/repositories/7/keys',
    '/repositories/7/hooks',
    '/repositories/7/collaborators/x',
    '/repositories/7/actions/runners/registration-token',
    '/repositories/7/dependabot/secrets/X',
    '/repositories/7/contents/.github/workflows/ci.yml',
    '/orgs/acme/outside_collaborators/x',
    '/orgs/acme/actions/secrets/X',
    '/organizations/7/hooks',
    '/teams/7/memberships/x',
    '/user/keys',
  ];
  test.each(minting)('closes %s to what changes, on every bound host', (path) => {
    for (const host of ['api.github.com', 'ghe.test'])
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
        expect(answer(policyFor(host), `${method} https://${host}${path}`)).toBe(
          'deny by builtin/mint-github-app',
        );
    expect(answer(policyFor('ghe.test'), `GET https://ghe.test${path}`)).toBe(
      'allow by repo/network.allow[0]',
    );
    expect(answer(policyFor('ghe.test'), `POST https://other.test${path}`)).toBe(
      'allow by repo/network.allow[0]',
    );
  });

  test('stands in audit mode as well, and no layer opens it', () => {
    const url = 'POST https://api.github.com/repos/acme/app/keys';
    expect(answer(policyFor('api.github.com', 'mode: audit\n'), url)).toBe(
      'deny by builtin/mint-github-app',
    );
    const own =
      'network: {allow: [{host: api.github.com, methods: [POST], paths: ["/repos/*/*/keys"]}]}';
    const asked =
      'credentials: [{id: c, provider: env, request: {name: T}, bind: [{host: api.github.com}]}]';
    const policy = policyOf([['org', `${own}\n${asked}`]]);
    expect(answer(policy, url)).toBe('deny by builtin/mint-github-app');
    expect(
      explain(policy, {
        kind: 'http',
        scheme: 'https',
        method: 'POST',
        host: 'api.github.com',
        port: 443,
        path: '/repos/a/b/keys',
      }).edit,
    ).toMatch(/^no edit can allow this/);
  });

  test.each([
    ['npm', '{package: p}', 'POST', '/-/npm/v1/tokens'],
    ['vault', '{url: "https://h.test", role: r, policies: [p]}', 'POST', '/v1/auth/token/create'],
    [
      'gcp',
      '{provider: p, scopes: [s]}',
      'POST',
      '/v1/projects/-/serviceAccounts/a@b.test:generateAccessToken',
    ],
    ['gcp', '{provider: p, scopes: [s]}', 'POST', '/v1/projects/p:setIamPolicy'],
    [
      'azure',
      '{tenant: t, client: c, scope: "a/.default"}',
      'PUT',
      '/subscriptions/1/providers/Microsoft.Authorization/roleAssignments/x',
    ],
    [
      'azure',
      '{tenant: t, client: c, scope: "a/.default"}',
      'POST',
      '/subscriptions/1/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/s/listkeys',
    ],
    [
      'anthropic',
      '{rule: r, organization: o, service-account: s}',
      'POST',
      '/v1/organizations/api_keys',
    ],
    [
      'openai',
      '{identity-provider: i, service-account: s}',
      'POST',
      '/v1/organization/admin_api_keys',
    ],
  ])('of %s (%s) closes %s %s', (provider, request, method, path) => {
    const policy = policyOf([
      [
        'repo',
        `${OPEN}\ncredentials: [{id: c, provider: ${provider}, request: ${request}, bind: [{host: h.test}]}]`,
      ],
    ]);
    expect(answer(policy, `${method} https://h.test${path}`)).toBe(
      `deny by builtin/mint-${provider}`,
    );
  });
});

describe('mint ID', () => {
  const texts = (ceiling: string): Parameters<typeof policyOf>[0] => [
    ['org', `max: {${OPEN.slice(0, -1)}}, credentials: [${ceiling}]}`],
    [
      'repo',
      `${OPEN}\ncredentials: [{id: c, provider: env, request: {name: T}, bind: [{host: a.test}]}]`,
    ],
  ];

  test('is allowed for what the layers come to, and denied by the ceiling that leaves nothing', () => {
    expect(answer(policyOf(texts('{provider: env, request: {name: T}}')), 'mint c')).toBe(
      'allow by repo/c',
    );
    expect(answer(policyOf(texts('{provider: file}')), 'mint c')).toBe('deny by org/max');
    expect(answer(policyOf(texts('{provider: env, request: {name: T}}')), 'mint other')).toBe(
      'deny by builtin/default',
    );
    expect(answer(policyOf([]), 'mint c')).toBe('deny by builtin/default');
  });

  test('is explained with the place of its rule', () => {
    const { decision } = explain(policyOf(texts('{provider: env, request: {name: T}}')), {
      kind: 'mint',
      id: 'c',
    });
    expect(decision.rule).toMatchObject({ file: 'repo1.yml', line: 3, layer: 'repo' });
    const denied = explain(policyOf(texts('{provider: file}')), { kind: 'mint', id: 'c' });
    expect(denied.decision.rule).toMatchObject({ file: 'org.yml', line: 2, layer: 'org' });
    expect(denied.edit).toContain('within the ceiling of org.yml');
  });

  test('stands in the tests of a policy', () => {
    const { document } = parsePolicy('version: 1\ntests: [{request: mint c, expect: deny}]\n', 'p');
    expect(document?.tests).toMatchObject([{ expect: 'deny' }]);
  });
});

test.each([
  'credentials: [{id: c, provider: env, request: {name: T}, bind: [{host: a.test}]}]',
  'max: {credentials: [{provider: env}]}',
])('a nested run may not ask for credentials: %s', (text) => {
  const { policy, diagnostics } = narrowPolicy(
    policyOf([]),
    `version: 1\n${text}\n`,
    '/nowhere',
    {},
  );
  expect(policy).toBeUndefined();
  expect(diagnostics.map(({ code, span }) => `${code} ${span.line}`)).toEqual(['not-enforced 2']);
});
