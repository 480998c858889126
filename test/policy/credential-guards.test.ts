// Ways round the guards over what mints or keeps access.
import { expect, it } from 'vitest';

import { answer, policyOf } from './support.ts';

const policy = policyOf([
  [
    'repo',
    `network: {allow: [{host: [api.github.com, storage.googleapis.com, management.azure.com, graph.microsoft.com, registry.example.com]}]}
credentials:
  - {id: gh, provider: github-token, request: {}, bind: [{host: api.github.com}]}
  - {id: g, provider: gcp, request: {provider: p, scopes: [s]}, bind: [{host: storage.googleapis.com}]}
  - {id: az, provider: azure, request: {tenant: t, client: c, scope: r/.default}, bind: [{host: [management.azure.com, graph.microsoft.com]}]}
  - {id: npm, provider: npm, request: {package: p}, bind: [{host: registry.example.com}]}`,
  ],
]);

it.each([
  'POST https://api.github.com/repositories/1/keys',
  'POST https://api.github.com/repositories/1/hooks',
  'PUT https://api.github.com/repositories/1/collaborators/mallory',
  'PUT https://api.github.com/repositories/1/contents/.github/workflows/a.yml',
  'POST https://api.github.com/organizations/1/hooks',
  'PUT https://api.github.com/teams/1/memberships/mallory',
  'PUT https://api.github.com/repos/a/b/actions/oidc/customization/sub',
  'POST https://api.github.com/repos/a/b/KEYS/',
  'POST https://storage.googleapis.com/batch/storage/v1',
  'POST https://storage.googleapis.com/v1/projects/p%3AsetIamPolicy',
  'PUT https://management.azure.com/subscriptions/s/providers/microsoft.authorization/roleassignments/r',
  'POST https://management.azure.com/batch',
  'POST https://management.azure.com/subscriptions/s/x/listAccountSas',
  'POST https://graph.microsoft.com/v1.0/$batch',
  'POST https://graph.microsoft.com/v1.0/%24batch',
  "POST https://graph.microsoft.com/v1.0/applications(appId='a')/addPassword",
  'POST https://graph.microsoft.com/v1.0/applications/a/microsoft.graph.addPassword',
  'PATCH https://graph.microsoft.com/v1.0/applications/a',
  'PUT https://registry.example.com/@s%2Fp/-rev/1-abc',
  'POST https://registry.example.com/-/package/@s/p/access',
])('%s is closed', (request) => {
  expect(answer(policy, request)).toMatch(/^deny by builtin\/mint-/);
});

it.each([
  'POST https://api.github.com/repos/a/b/issues',
  'GET https://api.github.com/repositories/1/keys',
  'POST https://storage.googleapis.com/upload/storage/v1/b/b/o',
  'PUT https://management.azure.com/subscriptions/s/resourceGroups/g',
  'PUT https://registry.example.com/@s%2Fp',
])('%s is open', (request) => {
  expect(answer(policy, request)).toMatch(/^(?:allow|inspected) by repo\//);
});
