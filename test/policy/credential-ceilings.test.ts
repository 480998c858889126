// What the layers above leave of a credential that a lower one asks for.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { GrantedCredential } from '../../src/model/policy.ts';
import { policyOf, resolveTexts, type Texts } from './support.ts';

const NET = 'network: {allow: [{host: "**"}]}';
const OPEN = `${NET.slice(0, -1)}}`;

/** One credential of the repo layer under an org's ceiling; the first of each is all of its kind. */
function under(ceiling: string, asked: string, repository?: string): ReturnType<typeof policyOf> {
  const texts: Texts = [
    ['org', `max: {${OPEN}, credentials: [${ceiling}]}`],
    ['repo', `${NET}\ncredentials: [${asked}]`],
  ];
  return policyOf(texts, repository === undefined ? {} : { repository });
}

const clampsOf = (policy: ReturnType<typeof policyOf>): string[] =>
  policy.clamps.filter(({ rule }) => rule.place.startsWith('cred')).map(({ message }) => message);

const app = (permissions: string, more = '', repositories = '[self]'): string =>
  `{id: gh, provider: github-app, request: {app: a, key: {env: K}, repositories: ${repositories}, permissions: ${permissions}${more}}, bind: [{host: api.github.com}]}`;
const appCeiling = (request: string): string => `{provider: github-app, request: {${request}}}`;

describe('a ceiling', () => {
  test.each([
    ['write', 'read', '{"contents":"read"}'],
    ['admin', 'read', '{"contents":"read"}'],
    ['admin', 'write', '{"contents":"write"}'],
    ['read', 'write', '{"contents":"read"}'],
  ])('of permissions is a lattice: %s under %s', (asked, bound, left) => {
    const policy = under(
      appCeiling(`permissions: {contents: ${bound}}`),
      app(`{contents: ${asked}}`),
    );
    expect(JSON.stringify(policy.credentials[0]?.request['permissions'])).toBe(left);
    expect(clampsOf(policy)).toHaveLength(asked === 'read' ? 0 : 1);
  });

  test('takes away permissions that it does not name, and the credential with the last of them', () => {
    const ceiling = appCeiling('permissions: {contents: read}');
    const some = under(ceiling, app('{contents: read, issues: write}'));
    expect(some.credentials[0]?.request['permissions']).toEqual({ contents: 'read' });
    expect(clampsOf(some)[0]).toContain('issues: write');
    const none = under(ceiling, app('{issues: write}'));
    expect(none.credentials).toEqual([]);
    expect(clampsOf(none)).toHaveLength(1);
  });

  test('of repositories leaves those it names, whether they are called by name or `self`', () => {
    const ceiling = appCeiling('repositories: [self]');
    for (const repository of [undefined, 'acme/app']) {
      const policy = under(ceiling, app('{contents: read}', '', '[self, acme/other]'), repository);
      expect(policy.credentials[0]?.request['repositories']).toEqual([repository ?? 'self']);
      expect(clampsOf(policy)[0]).toContain('acme/other');
    }
    const named = under(ceiling, app('{contents: read}', '', '[acme/app]'), 'acme/app');
    expect(clampsOf(named)).toEqual([]);
    expect(under(ceiling, app('{contents: read}', '', '[acme/app]')).credentials).toEqual([]);
  });

  test.each([
    [', ttl: 60m', 900_000, 1],
    ['', 900_000, 1],
    [', ttl: 10m', 600_000, 0],
  ])('of ttl holds for "%s"', (asked, left, clamps) => {
    const policy = under(appCeiling('ttl: 15m'), app('{contents: read}', asked));
    expect(policy.credentials[0]?.ttl).toBe(left);
    expect(clampsOf(policy)).toHaveLength(clamps);
  });

  test('of another provider leaves nothing, nor does one that is empty or absent', () => {
    const asked = '{id: c, provider: env, request: {name: T}, bind: [{host: a.test}]}';
    expect(under('{provider: file}', asked).credentials).toEqual([]);
    for (const max of ['', `max: {${OPEN}}`, `max: {${OPEN}, credentials: []}`]) {
      const policy = policyOf([
        ['org', max],
        ['repo', `${NET}\ncredentials: [${asked}]`],
      ]);
      expect([max, policy.credentials, clampsOf(policy).length]).toEqual([max, [], 1]);
    }
    expect(under('{provider: env, request: {name: T}}', asked).credentials).toHaveLength(1);
    expect(under('{provider: env}', asked).credentials).toEqual([]);
    expect(under('{provider: env, bind: []}', asked).credentials).toEqual([]);
  });

  const bound = (bind: string, more = ''): string =>
    `{id: c, provider: env, request: {name: T}, bind: [${bind}]${more}}`;
  test.each([
    ['{host: a.test, methods: [GET], paths: ["/a/**"]}', true],
    ['{host: a.test, methods: [GET], paths: ["/a/b", "/a/*/c"]}', true],
    ['{host: a.test, methods: [GET], paths: ["/a/b", "/b"]}', false],
    ['{host: b.test, methods: [GET], paths: ["/a/b"]}', false],
    ['{host: [a.test, b.test], methods: [GET], paths: ["/a/b"]}', false],
    ['{host: a.test, methods: [GET, POST], paths: ["/a/b"]}', false],
    ['{host: a.test, paths: ["/a/b"]}', false],
    ['{host: a.test, methods: [GET]}', false],
    ['{host: a.test, methods: [GET], paths: ["/a/b"], ports: [8443]}', false],
    ['{host: a.test, methods: [GET], paths: ["/a/b"], seal: true}', false],
    ['{host: a.test, methods: [GET], paths: ["/**"]}', false],
    ['{host: a.test, methods: [GET], paths: ["/*/b"]}', false],
  ])('of binds holds %s: %s', (bind, isWithin) => {
    const ceiling =
      '{provider: env, request: {name: T}, bind: [{host: a.test, methods: [GET], paths: ["/a/**"]}]}';
    const policy = under(ceiling, bound(bind));
    expect([policy.credentials.length, clampsOf(policy).length]).toEqual(
      isWithin ? [1, 0] : [0, 1],
    );
  });

  test.each([
    ['/repos/*', '/repos/{self}', false],
    ['/repos/*/*', '/repos/{self}', true],
    ['/repos/*o*/*', '/repos/{self}', false],
    ['/repos/{self}/**', '/repos/{self}/issues', true],
    ['/repos/{self}/issues', '/repos/{self}/**', false],
    ['/repos/{self}/**', '/repos/acme/other/issues', false],
  ])('of paths %s holds %s: %s, whether the repository is known or not', (outer, inner, is) => {
    for (const repository of [undefined, 'acme/app']) {
      const policy = under(
        `{provider: env, request: {name: T}, bind: [{host: a.test, paths: ["${outer}"]}]}`,
        bound(`{host: a.test, paths: ["${inner}"]}`),
        repository,
      );
      if (outer.includes('*o*') && repository !== undefined) continue;
      expect(policy.credentials).toHaveLength(is ? 1 : 0);
    }
  });

  test('of git holds verbs of hosts, and what it does not say at all is not bounded', () => {
    const git =
      '{id: c, provider: env, request: {name: T}, expose: {git: [{host: a.test, verbs: [fetch, push]}]}}';
    const left = (ceiling: string): unknown => under(ceiling, git).credentials[0]?.expose.git;
    expect(left('{provider: env, request: {name: T}, expose: {git: [a.test]}}')).toEqual([
      { host: 'a.test', verbs: ['fetch'] },
    ]);
    expect(left('{provider: env, expose: {git: [b.test]}}')).toBeUndefined();
    expect(left('{provider: env, bind: [{host: a.test}]}')).toBeUndefined();
    expect(left('{provider: env, request: {name: T}}')).toEqual([
      { host: 'a.test', verbs: ['fetch', 'push'] },
    ]);
  });

  test('of a limit is shared by all that lies within its bind', () => {
    const ceiling =
      '{provider: env, request: {name: T}, bind: [{host: a.test, limit: 20/session}]}';
    const bind = '{host: a.test, limit: 10/session}';
    expect(under(ceiling, bound('{host: a.test}')).credentials).toEqual([]);
    expect(under(ceiling, bound('{host: a.test, limit: 21/session}')).credentials).toEqual([]);
    expect(under(ceiling, bound('{host: a.test, limit: 1/hour}')).credentials).toEqual([]);
    const two = under(ceiling, bound(`${bind}, ${bind}`));
    const shared = two.credentials[0]?.bind.map(({ within }) => within);
    expect(shared?.[0]).toMatchObject([{ limit: { count: 20, per: 'session' } }]);
    expect(shared?.[1]).toEqual(shared?.[0]);
    const several = under(ceiling, `${bound(bind)}, ${bound(bind).replace('id: c', 'id: d')}`);
    expect(several.credentials.map((one) => one.bind[0]?.within)).toEqual([
      shared?.[0],
      shared?.[0],
    ]);
  });

  test('of actions holds what begins as it says, and no wildcard of its own making', () => {
    const aws = (actions: string, resources: string): string =>
      `{id: c, provider: aws, request: {role: r, actions: [${actions}], resources: [${resources}]}, bind: [{host: s3.test, sign: {service: s3, region: eu}}]}`;
    const ceiling =
      '{provider: aws, request: {role: r, actions: ["s3:Get*"], resources: ["arn:aws:s3:::b/*"]}, bind: [{host: s3.test, sign: {service: s3, region: eu}}]}';
    const left = (actions: string, resources = '"arn:aws:s3:::b/x"'): unknown =>
      under(ceiling, aws(actions, resources)).credentials[0]?.request['actions'];
    expect(left('"s3:GetObject", "s3:PutObject"')).toEqual(['s3:GetObject']);
    expect(left('"s3:*"')).toBeUndefined();
    expect(left('"*"')).toBeUndefined();
    expect(left('"s3:GetObject"', '"*"')).toBeUndefined();
    expect(left('"s3:GetObject"', '"arn:aws:s3:::b*"')).toBeUndefined();
    expect(
      under(ceiling.replace('s3:Get*', 's3:?et*'), aws('"s3:GetObject"', '"arn:aws:s3:::b/x"'))
        .credentials,
    ).toEqual([]);
  });

  test('stands at every layer: that of the team, the org, and the laptop below them', () => {
    const asked = app('{contents: admin, issues: admin}');
    const max = (permissions: string): string =>
      `max: {${OPEN}, credentials: [${appCeiling(`permissions: ${permissions}`)}]}`;
    const left = (texts: Texts): unknown =>
      policyOf([...texts, ['repo', `${NET}\ncredentials: [${asked}]`]]).credentials[0]?.request[
        'permissions'
      ];
    expect(
      left([
        ['org', max('{contents: write, issues: read}')],
        ['team', max('{contents: read, issues: write}')],
      ]),
    ).toEqual({ contents: 'read', issues: 'read' });
    expect(
      left([
        ['team', max('{contents: write}')],
        ['team', max('{contents: read}')],
      ]),
    ).toEqual({
      contents: 'read',
    });
    expect(left([['user', max('{issues: read}')]])).toEqual({ issues: 'read' });
  });
});

test('twins are refused: ids, variables, hosts of git, metadata addresses', () => {
  const env = (id: string, more: string): string =>
    `{id: ${id}, provider: env, request: {name: T}, bind: [{host: a.test}], ${more}}`;
  const gcp = (id: string): string =>
    `{id: ${id}, provider: gcp, request: {provider: p, scopes: [s]}, expose: {metadata: true}, bind: [{host: a.test}]}`;
  const codes = (a: string, b: string): string[] =>
    resolveTexts([
      ['team', `credentials: [${a}]`],
      ['repo', `credentials: [${b}]`],
    ]).diagnostics.map(({ code, file, span }) => `${code} ${file}:${span.line}`);
  const twin = ['duplicate-id repo1.yml:2'];
  expect(codes(env('a', ''), env('a', ''))).toEqual(twin);
  expect(codes(env('a', 'expose: {env: [T]}'), env('b', 'expose: {env: [T]}'))).toEqual(twin);
  expect(codes(env('a', 'expose: {git: [A.test]}'), env('b', 'expose: {git: [a.test]}'))).toEqual(
    twin,
  );
  expect(codes(gcp('a'), gcp('b'))).toEqual(twin);
  expect(codes(env('a', 'expose: {env: [T]}'), env('b', 'expose: {env: [U]}'))).toEqual([]);
});

test('a bind that no rule of the network reaches is a clamp, and opens nothing', () => {
  const asked =
    'credentials: [{id: c, provider: env, request: {name: T}, bind: [{host: [a.test, b.test]}], expose: {git: [c.test]}}]';
  const policy = policyOf([
    ['repo', `network: {allow: [{host: a.test, methods: [GET]}]}\n${asked}`],
  ]);
  expect(policy.clamps.map(({ by, message }) => `${by} ${message.split(', where')[0]}`)).toEqual([
    'network repo/c is bound to b.test:443',
    'network repo/c is bound to c.test:443',
  ]);
});

describe('no credential of a lower layer exceeds a ceiling', () => {
  const level = fc.constantFrom('read', 'write', 'admin');
  const permissions = fc.dictionary(fc.constantFrom('contents', 'issues', 'checks'), level, {
    minKeys: 1,
    noNullPrototype: true,
  });
  const hosts = fc.uniqueArray(fc.constantFrom('a.test', 'b.test', 'c.test'), { minLength: 1 });
  const bind = fc.record(
    {
      host: hosts,
      methods: fc.uniqueArray(fc.constantFrom('GET', 'POST', 'PUT')),
      paths: fc.uniqueArray(
        fc.constantFrom('/a', '/a/*', '/a/**', '/**', '/a/{self}', '/{self}/**', '/*/b', '/a*'),
      ),
      ports: fc.uniqueArray(fc.constantFrom(443, 8443)),
    },
    { requiredKeys: ['host'] },
  );
  const ttl = fc.constantFrom('5m', '10m', '20m');
  const request = fc.record(
    {
      permissions,
      repositories: fc.uniqueArray(fc.constantFrom('self', 'acme/app', 'acme/x'), { minLength: 1 }),
      ttl,
    },
    { requiredKeys: ['permissions', 'repositories'] },
  );
  const entry = fc.record({ request, bind: fc.array(bind, { minLength: 1, maxLength: 3 }) });
  const ceiling = fc.record(
    {
      request: fc.record({ permissions, ttl }, { requiredKeys: [] }),
      bind: fc.array(bind, { maxLength: 3 }),
    },
    { requiredKeys: [] },
  );
  const LEVELS = ['read', 'write', 'admin'];
  const MINUTES: Record<string, number> = { '5m': 300_000, '10m': 600_000, '20m': 1_200_000 };
  type ValueOf<A> = A extends fc.Arbitrary<infer V> ? V : never;
  type Ceiling = ValueOf<typeof ceiling>;
  type BindText = ValueOf<typeof bind>;

  /** Naive: every single request that the bind lets through is let through by one of the ceiling's. */
  function requestsOf({ host, methods, paths, ports }: BindText): string[] {
    const all: string[] = [];
    for (const h of host)
      for (const port of ports ?? [443])
        for (const method of methods ?? ['GET', 'POST', 'PUT', 'DELETE'])
          for (const path of [
            '/',
            '/a',
            '/a/b',
            '/a/b/c',
            '/a/acme/app',
            '/acme/app/x',
            '/ab',
            '/c/b',
            '/z',
          ])
            if (paths === undefined || paths.some((one) => regexOf(one).test(path)))
              all.push(`${method} ${h}:${port}${path}`);
    return all;
  }

  function regexOf(pattern: string): RegExp {
    const text = pattern
      .replace('{self}', 'acme/app')
      .replace(/\/\*\*/g, '(?:/.#)?')
      .replace(/\*/g, '[^/]*')
      .replace('.#', '.*');
    return new RegExp(`^${text}$`);
  }

  const within = (left: GrantedCredential, { request: outer, bind: binds }: Ceiling): boolean => {
    const kept = left.request['permissions'] as Record<string, string>;
    const permitted =
      outer?.permissions === undefined ||
      Object.entries(kept).every(
        ([name, value]) =>
          LEVELS.indexOf(value) <= LEVELS.indexOf(outer.permissions?.[name] ?? 'none'),
      );
    const lives = outer?.ttl === undefined || (left.ttl ?? Infinity) <= (MINUTES[outer.ttl] ?? 0);
    const reached = new Set(binds?.flatMap(requestsOf));
    const asked = left.bind.flatMap(({ hosts: host, ...rest }) =>
      requestsOf({ host, ...rest } as BindText),
    );
    return permitted && lives && (binds === undefined || asked.every((one) => reached.has(one)));
  };

  test('compared with a naive reading, request by request', () => {
    let granted = 0;
    fc.assert(
      fc.property(
        fc.array(entry, { minLength: 1, maxLength: 2 }),
        fc.array(fc.array(ceiling, { maxLength: 2 }), { minLength: 1, maxLength: 2 }),
        fc.boolean(),
        (entries, layers, isKnown) => {
          const asked = entries.map((one, i) => ({
            id: `c${i}`,
            provider: 'github-app',
            ...one,
            request: { app: 'a', key: { env: 'K' }, ...one.request },
          }));
          const texts: Texts = [
            ...layers.map((ceilings, i): Texts[number] => [
              i === 0 ? 'org' : 'team',
              `max: ${JSON.stringify({ credentials: ceilings.map((one) => ({ provider: 'github-app', ...one })) })}`,
            ]),
            ['repo', `credentials: ${JSON.stringify(asked)}`],
          ];
          const policy = policyOf(texts, isKnown ? { repository: 'acme/app' } : {});
          for (const left of policy.credentials) {
            granted += 1;
            for (const ceilings of layers)
              expect(
                ceilings.some((one) => within(left, one)),
                JSON.stringify({ left, ceilings }),
              ).toBe(true);
          }
          const changed = clampsOf(policy).length > 0;
          if (policy.credentials.length < asked.length) expect(changed).toBe(true);
        },
      ),
      { numRuns: 1500 },
    );
    expect(granted).toBeGreaterThan(20);
  });
});
