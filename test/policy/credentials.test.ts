// What a policy may say of credentials, and what is refused with its place: the grammar, and the published schema beside it.
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';

import { PROVIDERS } from '../../src/model/credential.ts';
import type { ProviderName } from '../../src/model/credential.ts';
import { parsePolicy } from '../../src/policy/parse.ts';
import { PROVIDER_REQUESTS } from '../../src/policy/provider-request.ts';
import { POLICY_SCHEMA } from '../../src/policy/schema.ts';

const validate = new Ajv2020({ strict: true, strictTypes: false, allErrors: true }).compile(
  POLICY_SCHEMA,
);

/** Every key that a provider's request knows, with a value it takes. */
const REQUESTS: Record<ProviderName, string> = {
  'github-app':
    '{app: Iv1.x, key: {env: KEY}, repositories: [self, other], permissions: {contents: read, issues: write, administration: admin}, api: "https://ghe.test/api/v3", ttl: 30m}',
  'github-token': '{env: GITHUB_TOKEN}',
  'octo-sts': '{scope: self, identity: agent, server: "https://sts.test", ttl: 30m}',
  aws: '{role: "arn:aws:iam::1:role/r", region: eu-west-1, profile: dev, actions: ["s3:GetObject"], resources: ["arn:aws:s3:::b/*"], endpoint: "https://sts.test", ttl: 15m}',
  gcp: '{provider: projects/1/locations/global/workloadIdentityPools/p/providers/x, service-account: a@b.iam, scopes: ["https://www.googleapis.com/auth/devstorage.read_only"], buckets: [{bucket: b, permissions: ["inRole:roles/storage.objectViewer"]}], sts: "https://sts.test", iam: "https://iam.test", ttl: 15m}',
  azure:
    '{tenant: t, client: c, scope: "https://storage.azure.com/.default", authority: "https://login.test", ttl: 15m}',
  vault:
    '{url: "https://vault.test", mount: jwt, role: r, audience: a, policies: [p], uses: 5, ttl: 15m}',
  npm: '{package: "@scope/name", registry: "https://registry.example.com", ttl: 15m}',
  'oauth-exchange':
    '{url: "https://as.test/token", grant: token-exchange, audience: a, target: t, resource: r, scopes: [s], client: c, revoke: "https://as.test/revoke", ttl: 15m}',
  anthropic:
    '{rule: r, organization: o, service-account: s, workspace: w, audience: a, url: "https://api.test", ttl: 15m}',
  openai:
    '{identity-provider: i, service-account: s, audience: a, url: "https://auth.test", ttl: 15m}',
  env: '{name: TOKEN}',
  file: '{path: ~/token}',
  command: '{command: [gh, auth, token]}',
};

const bindOf = (provider: ProviderName): string =>
  provider === 'aws'
    ? '[{host: s3.test, sign: {service: s3, region: eu-west-1}}]'
    : '[{host: api.test, methods: [GET], paths: ["/repos/{self}/**"], limit: 20/session, headers: [Authorization]}]';

const entry = (provider: ProviderName, request = REQUESTS[provider]): string =>
  `version: 1\ncredentials: [{id: c, provider: ${provider}, request: ${request}, bind: ${bindOf(provider)}}]\n`;

/** The text without its `‸`, and where that stood. */
function marked(text: string): [text: string, place: string] {
  const lines = text.slice(0, text.indexOf('‸')).split('\n');
  return [text.replace('‸', ''), `${lines.length}:${(lines.at(-1) ?? '').length + 1}`];
}

/** `code line:column` of each error */
const faults = (text: string): string[] =>
  parsePolicy(text, 'p.yml')
    .diagnostics.filter(({ severity }) => severity === 'error')
    .map(({ code, span }) => `${code} ${span.line}:${span.column}`);

const schemaTakes = (text: string): boolean => validate(parseYaml(text));

test.each(['github-token', 'env', 'file', 'command'] as const)(
  'a life that nothing could end is refused: %s',
  (provider) => {
    const text = entry(provider, REQUESTS[provider].replace('}', ', ttl: 5m}'));
    expect(faults(text)).toEqual([expect.stringMatching(/^unknown-key /)]);
    expect(schemaTakes(text)).toBe(false);
  },
);

test.each(['expose: {env: [A]}', 'expose: {metadata: true}'])(
  'a ceiling that says what it does not bound is refused: %s',
  (text) => {
    const ceiling = `version: 1\nmax: {credentials: [{provider: aws, ${text}}]}\n`;
    expect(faults(ceiling).some((fault) => fault.startsWith('not-enforced'))).toBe(true);
  },
);

test.each(['seal: true', 'headers: [x-mine]'])('a signed bind with %s is refused', (text) => {
  const bind = `[{host: s3.test, sign: {service: s3, region: eu}, ${text}}]`;
  const signed = entry('aws').replace(/bind: .*\}\]/, `bind: ${bind}}]`);
  expect(faults(signed)).toEqual([expect.stringMatching(/^conflict /)]);
});

describe.each(PROVIDERS)('a request to %s', (provider) => {
  test('with every key is taken, by the reader and by the published schema', () => {
    const text = entry(provider);
    const { document, diagnostics } = parsePolicy(text, 'p.yml');
    expect(diagnostics).toEqual([]);
    expect(document?.credentials).toMatchObject([{ id: 'c', provider }]);
    expect(schemaTakes(text)).toBe(true);
    const known = Object.keys(PROVIDER_REQUESTS[provider]['properties'] as object);
    const stated = Object.keys(parseYaml(REQUESTS[provider]) as object);
    expect(known.filter((key) => key !== 'ttl' && !stated.includes(key))).toEqual([]);
  });

  const whole = parseYaml(REQUESTS[provider]) as Record<string, unknown>;

  test('without any one of its required keys is refused', () => {
    for (const key of PROVIDER_REQUESTS[provider]['required'] ?? []) {
      const { [key]: _, ...rest } = whole;
      const text = entry(provider, JSON.stringify(rest));
      expect([key, faults(text).length > 0, schemaTakes(text)]).toEqual([key, true, false]);
    }
  });

  test('with an unknown key, and with a value of another kind, is refused', () => {
    const bent: Record<string, unknown>[] = [
      { ...whole, unknown: 1 },
      { ...whole, __proto__x: {} },
      ...Object.keys(whole).flatMap((key) => [
        { ...whole, [key]: 7.5 },
        { ...whole, [key]: '' },
        { ...whole, [key]: [] },
        { ...whole, [key]: [[]] },
        { ...whole, [key]: null },
      ]),
    ];
    for (const request of bent) {
      const text = entry(provider, JSON.stringify(request));
      expect([text, faults(text).length > 0, schemaTakes(text)]).toEqual([text, true, false]);
    }
  });

  test('within a ceiling may leave out whatever it does not bound', () => {
    const text = `version: 1\nmax: {credentials: [{provider: ${provider}}, {provider: ${provider}, request: {}}]}\n`;
    expect(faults(text)).toEqual([]);
    expect(schemaTakes(text)).toBe(true);
  });
});

const ENV = 'id: c, provider: env, request: {name: T}';
const one = (body: string): string => `version: 1\ncredentials:\n  - {${body}}\n`;
const boundTo = (bind: string): string => one(`${ENV}, bind: [${bind}]`);

describe('an entry is refused, with its place,', () => {
  test.each([
    ['without an id', one('provider: env, request: {name: T}, bind: [{host: a.test}]')],
    ['without a provider', one('id: c, request: {name: T}, bind: [{host: a.test}]')],
    ['without a request', one('id: c, provider: env, bind: [{host: a.test}]')],
    ['of no known provider', one('id: c, provider: ‸envv, request: {name: T}')],
    ['with an unknown key', one(`${ENV}, ‸bnd: []`)],
    ['bound to nothing', one(ENV)],
    ['that has no host in a bind', boundTo('‸{methods: [GET]}')],
    ['bound to one label of a name', boundTo('{host: ‸"*.example.test"}')],
    ['bound to any label of a name', boundTo('{host: ‸"**.example.test"}')],
    ['bound to every host', boundTo('{host: ‸"**"}')],
    ['bound to names on a public suffix', boundTo('{host: ‸"*.github.io"}')],
    ['bound to a top-level domain', boundTo('{host: ‸"*.dev"}')],
    ['bound to a wildcard in a list', boundTo('{host: [a.test, ‸"*.b.test"]}')],
    ['bound to an address', boundTo('{host: ‸192.0.2.7}')],
    ['bound to an address of IPv6', boundTo('{host: ‸"[2001:db8::1]"}')],
    ['bound to a number', boundTo('{host: ‸"0x7f000001"}')],
    ['bound to a URL', boundTo('{host: ‸"https://a.test"}')],
    ['bound to a name of the sandbox', boundTo('{host: ‸x.sandbox.internal}')],
    ['with a port that is none', boundTo('{host: a.test, ports: [‸0]}')],
    ['with a method in lower case', boundTo('{host: a.test, methods: [‸get]}')],
    ['with a path that is none', boundTo('{host: a.test, paths: [‸a]}')],
    ['with a path that goes up', boundTo('{host: a.test, paths: [‸"/a/../b"]}')],
    ['with a path and a query', boundTo('{host: a.test, paths: [‸"/a?b"]}')],
    ['with another brace in a path', boundTo('{host: a.test, paths: [‸"/{other}/a"]}')],
    ['with a limit that is none', boundTo('{host: a.test, limit: ‸often}')],
    ['that may stand in a cookie', boundTo('{host: a.test, ‸headers: [Cookie]}')],
    ['that may stand in Host', boundTo('{host: a.test, ‸headers: [hOsT]}')],
    ['signed, and of no key of AWS', boundTo('{host: a.test, sign: ‸{service: a, region: b}}')],
    [
      'with a variable that is none',
      one(`${ENV}, expose: {env: [‸"A B"]}, bind: [{host: a.test}]`),
    ],
    ['with git at a wildcard', one(`${ENV}, expose: {git: [‸"*.test"]}`)],
    [
      'with a verb that git has not',
      one(`${ENV}, expose: {git: [{host: a.test, verbs: [‸clone]}]}`),
    ],
    [
      'with metadata that nobody asks',
      one(`${ENV}, expose: {metadata: ‸true}, bind: [{host: a.test}]`),
    ],
  ])('%s', (_, marker) => {
    const [text, place] = marked(marker.includes('‸') ? marker : marker.replace('- ', '- ‸'));
    expect(faults(text).map((fault) => fault.split(' ')[1])).toContain(place);
    expect(parsePolicy(text, 'p.yml').document).toBeUndefined();
  });

  test.each([
    [
      'empty permissions',
      'github-app',
      '{app: a, key: {env: K}, repositories: [self], permissions: {}}',
    ],
    [
      'a permission that is no level',
      'github-app',
      '{app: a, key: {env: K}, repositories: [self], permissions: {contents: none}}',
    ],
    [
      'no repositories',
      'github-app',
      '{app: a, key: {env: K}, repositories: [], permissions: {contents: read}}',
    ],
    [
      'two sources of its key',
      'github-app',
      '{app: a, key: {env: K, file: /k}, repositories: [self], permissions: {contents: read}}',
    ],
    [
      'no source of its key',
      'github-app',
      '{app: a, key: {}, repositories: [self], permissions: {contents: read}}',
    ],
    [
      'the key itself',
      'github-app',
      '{app: a, key: "-----BEGIN", repositories: [self], permissions: {contents: read}}',
    ],
    [
      'a server with a user in its URL',
      'vault',
      '{url: "https://a@b.test", role: r, policies: [p]}',
    ],
    [
      'a boundary of buckets for BigQuery',
      'gcp',
      '{provider: p, scopes: ["https://www.googleapis.com/auth/bigquery"], buckets: [{bucket: b, permissions: [x]}]}',
    ],
    ['two scopes of Azure', 'azure', '{tenant: t, client: c, scope: "a/.default b/.default"}'],
    ['a scope of Azure that is no resource', 'azure', '{tenant: t, client: c, scope: "User.Read"}'],
    ['uses without number', 'vault', '{url: "https://b.test", role: r, policies: [p], uses: 0}'],
    [
      'another grant',
      'oauth-exchange',
      '{url: "https://b.test", grant: password, audience: a, scopes: [s]}',
    ],
    [
      'a life that is none',
      'github-app',
      '{app: a, key: {env: K}, repositories: [self], permissions: {contents: read}, ttl: 0s}',
    ],
  ] as [string, ProviderName, string][])('with %s', (_, provider, request) => {
    const found = faults(entry(provider, request));
    expect(found).not.toEqual([]);
    expect(found.every((fault) => fault.includes(' 2:'))).toBe(true);
  });

  test('of AWS that does not say what is signed, or names another variable, or goes to git', () => {
    const aws = (more: string): string =>
      one(`id: c, provider: aws, request: ${REQUESTS.aws}, ${more}`);
    const sign = 'sign: {service: s3, region: eu-west-1}';
    expect(faults(aws(`bind: [{host: a.test, ${sign}}]`))).toEqual([]);
    for (const more of [
      'bind: [{host: a.test}]',
      'bind: [{host: a.test, sign: {region: eu-west-1}}]',
      `expose: {env: [TOKEN]}, bind: [{host: a.test, ${sign}}]`,
      `expose: {git: [a.test]}, bind: [{host: a.test, ${sign}}]`,
    ])
      expect([more, faults(aws(more)).length > 0]).toEqual([more, true]);
  });

  test('whose id another rule of the file has', () => {
    const text = `version: 1\nnetwork: {allow: [{id: c, host: a.test}]}\ncredentials:\n  - {${ENV}, bind: [{host: a.test}]}\n`;
    expect(faults(text)).toEqual(['duplicate-id 4:5']);
  });
});

test.each(['methods', 'paths'])(
  'an empty list of %s binds nothing, and that is pointed out',
  (key) => {
    const { document, diagnostics } = parsePolicy(boundTo(`{host: a.test, ${key}: []}`), 'p.yml');
    expect(diagnostics.map(({ code, severity }) => `${severity} ${code}`)).toEqual([
      'warning empty-list',
    ]);
    expect(document?.credentials[0]?.bind?.[0]).toMatchObject({ [key]: [] });
  },
);

test.each(['host: []', 'host: a.test, ports: []', 'host: a.test, headers: []'])(
  'an empty list opens nothing: %s',
  (bind) => {
    const { document } = parsePolicy(boundTo(`{${bind}}`), 'p.yml');
    const read = document?.credentials[0]?.bind?.[0];
    if (read === undefined) return expect(document).toBeUndefined();
    expect([read.hosts, read.ports, read.headers].some((list) => list?.length === 0)).toBe(true);
  },
);

test('whoever may pass TLS through may not have a credential put in: there is no such key', () => {
  const text = `version: 1\nnetwork: {allow: [{host: a.test, tls: passthrough}]}\ncredentials: [{${ENV}, bind: [{host: a.test}]}]\n`;
  expect(faults(text)).toEqual(['unknown-key 2:34']);
});
