import { describe, expect, test } from 'vitest';
import { answer, policyOf, resolveTexts, type Texts } from './support.ts';

describe('values of which there is one', () => {
  test.each<[string, Texts, object, string, string[]]>([
    ['nobody says anything', [], {}, 'enforce', []],
    ['the repository says audit', [['repo', 'mode: audit']], {}, 'audit', []],
    ['the flag says audit', [], { mode: 'audit' }, 'audit', []],
    [
      'the flag says audit and the repository enforce',
      [['repo', 'mode: enforce']],
      { mode: 'audit' },
      'enforce',
      ['run'],
    ],
    [
      'the team says enforce and the repository audit',
      [
        ['team', 'mode: enforce'],
        ['repo', 'mode: audit'],
      ],
      {},
      'enforce',
      ['repo'],
    ],
    [
      'the team says audit and the repository enforce',
      [
        ['team', 'mode: audit'],
        ['repo', 'mode: enforce'],
      ],
      {},
      'enforce',
      [],
    ],
    [
      'the org is silent and the repository says audit',
      [
        ['org', ''],
        ['repo', 'mode: audit'],
      ],
      {},
      'enforce',
      ['repo'],
    ],
    [
      'the org is silent and the flag says audit',
      [['org', '']],
      { mode: 'audit' },
      'enforce',
      ['run'],
    ],
    ['the org says audit', [['org', 'mode: audit']], {}, 'audit', []],
    [
      'the org says audit and the repository enforce',
      [
        ['org', 'mode: audit'],
        ['repo', 'mode: enforce'],
      ],
      {},
      'enforce',
      [],
    ],
  ])('mode when %s', (_, texts, run, mode, clamped) => {
    const policy = policyOf(texts, { run });
    expect(policy.mode).toBe(mode);
    expect(policy.clamps.map(({ rule }) => rule.layer)).toEqual(clamped);
  });

  test.each<[string, Texts, string]>([
    ['nobody asks', [], 'agent'],
    ['the repository asks', [['repo', 'execution: {user: root}']], 'root'],
    [
      'another layer says agent',
      [
        ['team', 'execution: {user: agent}'],
        ['repo', 'execution: {user: root}'],
      ],
      'agent',
    ],
    [
      'an org is silent',
      [
        ['org', ''],
        ['repo', 'execution: {user: root}'],
      ],
      'agent',
    ],
    [
      'an org delegates it',
      [
        ['org', 'max: {execution: {user: root}}'],
        ['repo', 'execution: {user: root}'],
      ],
      'root',
    ],
    ['an org delegates it and nobody asks', [['org', 'max: {execution: {user: root}}']], 'agent'],
    ['an org asks', [['org', 'execution: {user: root}']], 'root'],
    [
      'a team between sets a ceiling without it',
      [
        ['org', 'max: {execution: {user: root}}'],
        ['team', 'max: {}'],
        ['repo', 'execution: {user: root}'],
      ],
      'agent',
    ],
  ])('root when %s', (_, texts, user) => expect(policyOf(texts).user).toBe(user));

  test('limits: the smallest of each, defaults only where nobody says one', () => {
    const policy = policyOf(
      [
        ['org', 'limits: {cpus: 8, memory: 8GiB, egress: 1GiB}'],
        ['repo', 'limits: {memory: 16GiB, timeout: 2h, processes: 4096}'],
      ],
      { run: { limits: { timeout: 60_000, cpus: 4 } } },
    );
    expect(policy.limits).toEqual({
      cpus: 4,
      memory: 8 * 2 ** 30,
      egress: 2 ** 30,
      timeout: 60_000,
      processes: 4096,
    });
    expect(policyOf([]).limits).toEqual({ cpus: 2, memory: 2 * 2 ** 30, processes: 2048 });
  });

  test('what one layer requires is required', () => {
    expect(
      policyOf([
        ['team', 'require: {isolation: hardware}'],
        ['repo', ''],
      ]).require,
    ).toEqual({ isolation: 'hardware' });
  });
});

describe('locks', () => {
  const locked = (texts: Texts, run = {}): string[] =>
    resolveTexts(texts, { run }).diagnostics.map(
      ({ code, file, span }) => `${code} ${file}:${span.line}`,
    );

  test('a lower layer that mentions a locked key is refused, with the place', () => {
    const texts: Texts = [
      ['org', 'lock: [network.deny, mode]'],
      ['repo', 'network:\n  deny: []\nmode: enforce'],
    ];
    expect(locked(texts)).toEqual(['locked repo1.yml:3', 'locked repo1.yml:4']);
    expect(resolveTexts(texts).policy).toBeUndefined();
  });

  test('they hold for flags too', () => {
    expect(locked([['repo', 'lock: [mode]']], { mode: 'audit' })).toEqual([
      'locked command line:0',
    ]);
    expect(locked([['repo', 'lock: [limits]']], { limits: { cpus: 1 } })).toEqual([
      'locked command line:0',
    ]);
  });

  test('they do not hold for the layer they stand in, nor above it', () => {
    expect(
      locked([
        ['org', 'mode: enforce'],
        ['team', 'lock: [mode, network]\nmode: enforce\nnetwork: {deny: []}'],
        ['repo', 'filesystem: {}'],
      ]),
    ).toEqual([]);
  });
});

describe('what exceeds a ceiling', () => {
  const clamped = (org: string, repo: string): string[] =>
    policyOf([
      ['org', org],
      ['repo', repo],
    ]).clamps.map(({ rule, by }) => `${rule.layer}/${rule.place}:${rule.line} > ${by}`);

  test.each([
    [
      'a host outside',
      'max: {network: {allow: [{host: "**.acme.dev"}]}}',
      'network: {allow: [{host: evil.dev}]}',
      1,
    ],
    [
      'a host inside',
      'max: {network: {allow: [{host: "**.acme.dev"}]}}',
      'network: {allow: [{host: a.b.acme.dev}]}',
      0,
    ],
    [
      'a wildcard inside',
      'max: {network: {allow: [{host: "**.acme.dev"}]}}',
      'network: {allow: [{host: "*.acme.dev"}]}',
      0,
    ],
    [
      'a wider wildcard',
      'max: {network: {allow: [{host: "*.acme.dev"}]}}',
      'network: {allow: [{host: "**.acme.dev"}]}',
      1,
    ],
    [
      'a port outside',
      'max: {network: {allow: [{host: a.dev}]}}',
      'network: {allow: [{host: a.dev, ports: [443, 22]}]}',
      1,
    ],
    [
      'ports of two ceiling rules',
      'max: {network: {allow: [{host: a.dev, ports: [443]}, {host: "*.dev", ports: [22]}]}}',
      'network: {allow: [{host: a.dev, ports: [443, 22]}]}',
      0,
    ],
    [
      'requests inside',
      'max: {network: {allow: [{host: "*.dev", methods: [GET, POST], paths: [/repos/**]}]}}',
      'network: {allow: [{host: a.dev, methods: [GET], paths: [/repos/acme/*, /repos/x]}]}',
      0,
    ],
    [
      'requests of a connection inside',
      'max: {network: {allow: [{host: a.dev}]}}',
      'network: {allow: [{host: a.dev, methods: [GET]}]}',
      0,
    ],
    [
      'a connection where requests are the ceiling',
      'max: {network: {allow: [{host: a.dev, paths: ["/**"]}]}}',
      'network: {allow: [{host: a.dev}]}',
      1,
    ],
    [
      'a method outside',
      'max: {network: {allow: [{host: a.dev, methods: [GET]}]}}',
      'network: {allow: [{host: a.dev, methods: [GET, POST]}, {host: a.dev, paths: [/]}]}',
      2,
    ],
    [
      'a path outside',
      'max: {network: {allow: [{host: a.dev, paths: [/a/*]}]}}',
      'network: {allow: [{host: a.dev, paths: [/a/**]}, {host: a.dev, methods: [GET]}]}',
      2,
    ],
    [
      'no request at all',
      'max: {network: {allow: []}}',
      'network: {allow: [{host: a.dev, methods: []}]}',
      0,
    ],
    [
      'a connection whose requests the ceiling carves out of',
      'max: {network: {allow: [{host: a.dev}], deny: [{host: a.dev, paths: [/admin]}]}}',
      'network: {allow: [{host: a.dev}, {host: a.dev, paths: ["/*"]}, {host: a.dev, paths: [/Admin]}]}',
      3,
    ],
    [
      'requests apart from what the ceiling carves out',
      'max: {network: {allow: [{host: a.dev}], deny: [{host: a.dev, methods: [POST], paths: [/admin]}]}}',
      'network: {allow: [{host: a.dev, paths: [/x]}, {host: a.dev, methods: [GET]}]}',
      0,
    ],
    [
      'what the ceiling carves out',
      'max: {network: {allow: [{host: "**.dev"}], deny: [{host: hr.dev}]}}',
      'network: {allow: [{host: "*.dev"}]}',
      1,
    ],
    [
      'a block inside',
      'max: {network: {allow: [{cidr: 10.0.0.0/8}]}}',
      'network: {allow: [{cidr: 10.1.0.0/16}]}',
      0,
    ],
    [
      'a private block under a broad one',
      'max: {network: {allow: [{cidr: 0.0.0.0/0}]}}',
      'network: {allow: [{cidr: 10.1.0.0/16}]}',
      1,
    ],
    ['no max at all', '', 'network: {allow: [{host: a.dev}]}', 1],
    [
      "the org's own allow",
      'network: {allow: [{host: "*.dev"}]}',
      'network: {allow: [{host: a.dev}]}',
      0,
    ],
    [
      'a path inside',
      'max: {filesystem: {allow: [{path: ~/.cache, access: write}]}}',
      'filesystem: {allow: [{path: ~/.cache/pip, access: write}]}',
      0,
    ],
    [
      'more access',
      'max: {filesystem: {allow: [{path: ~/.cache, access: read}]}}',
      'filesystem: {allow: [{path: ~/.cache/pip, access: write}]}',
      1,
    ],
    [
      'a program outside',
      'max: {execution: {allow: [{path: git}]}}',
      'execution: {allow: [{path: node}]}',
      1,
    ],
    [
      'the workspace where the org says nothing of files',
      '',
      'filesystem: {allow: [{path: ., access: write}, {path: src, access: read}]}',
      0,
    ],
    [
      'the workspace where the org makes it read-only',
      'filesystem: {allow: [{path: ., access: read}]}',
      'filesystem: {allow: [{path: ., access: write}]}',
      1,
    ],
    ['programs where the org says nothing of them', '', 'execution: {allow: [{path: git}]}', 0],
  ])('%s', (_, org, repo, count) => expect(clamped(org, repo)).toHaveLength(count));

  test('is recorded with the rule and its place', () => {
    expect(clamped('', 'network: {allow: [{host: a.dev}]}')).toEqual([
      'repo/network.allow[0]:2 > org/max',
    ]);
  });
});

describe('flags', () => {
  test('--workspace-access tightens', () => {
    expect(answer(policyOf([], { run: { workspaceAccess: 'read' } }), 'write a')).toBe(
      'deny by run/--workspace-access',
    );
    expect(answer(policyOf([], { run: { workspaceAccess: 'read' } }), 'read a')).toBe(
      'allow by builtin/workspace',
    );
    expect(answer(policyOf([], { run: { workspaceAccess: 'private' } }), 'write a')).toBe(
      'private by run/--workspace-access',
    );
  });

  test('--workspace-access write loosens only where there is no org layer', () => {
    const readOnly: Texts = [['repo', 'filesystem: {allow: [{path: ., access: read}]}']];
    expect(answer(policyOf(readOnly, { run: { workspaceAccess: 'write' } }), 'write a')).toBe(
      'allow by run/--workspace-access',
    );
    const under = policyOf([['org', ''], ...readOnly], { run: { workspaceAccess: 'write' } });
    expect(answer(under, 'write a')).toBe('deny by builtin/default');
    expect(under.clamps).toMatchObject([{ rule: { layer: 'run' } }]);
  });
});

describe('links of the host', () => {
  const links: Record<string, string> = {
    '/bin': '/usr/bin',
    '/home/u/ws/secrets': '/srv/vault',
    '/home/u/.cache': '/data/cache',
  };
  const realPath = (path: string): string => {
    for (const [from, to] of Object.entries(links))
      if (path === from || path.startsWith(`${from}/`)) return to + path.slice(from.length);
    return path;
  };

  test('a deny holds where its path leads, too', () => {
    const policy = policyOf(
      [
        [
          'repo',
          'execution: {deny: [{path: /bin/ssh}]}\nfilesystem: {deny: [{path: secrets}], allow: [{path: /, access: read}]}',
        ],
      ],
      { realPath },
    );
    expect(answer(policy, 'exec /usr/bin/ssh')).toBe('deny by repo/execution.deny[0]');
    expect(answer(policy, 'read /srv/vault/key')).toBe('deny by repo/filesystem.deny[0]');
    expect(answer(policy, 'read secrets')).toBe('deny by repo/filesystem.deny[0]');
  });

  test('an allow follows links of the root directory alone, and the others are pointed out', () => {
    const { policy, diagnostics } = resolveTexts(
      [
        [
          'repo',
          'filesystem: {allow: [{path: /bin, access: read}, {path: ~/.cache/pip, access: write}, {path: secrets, access: write}]}',
        ],
      ],
      { realPath },
    );
    if (policy === undefined) throw new Error('refused');
    expect(answer(policy, 'read /usr/bin/git')).toBe('allow by repo/filesystem.allow[0]');
    expect(answer(policy, 'write /data/cache/pip/x')).toMatch(/^deny/);
    expect(answer(policy, 'write /srv/vault/key')).toMatch(/^deny/);
    expect(diagnostics.map(({ code }) => code)).toEqual(['link', 'link']);
  });
});

describe('the digest', () => {
  test('depends on what the policy says, not on the order in which teams were read', () => {
    const a: Texts = [
      ['repo', ''],
      ['team', 'mode: enforce'],
    ];
    expect(policyOf(a).digest).toBe(policyOf(a).digest);
    expect(policyOf([['repo', '']]).digest).not.toBe(policyOf([['repo', 'mode: audit']]).digest);
  });

  test('the policy is plain JSON', () => {
    const policy = policyOf([
      ['org', 'max: {network: {allow: [{host: "**.dev"}]}}'],
      ['repo', 'network: {allow: [{host: a.dev}]}'],
    ]);
    expect(JSON.parse(JSON.stringify(policy))).toEqual(policy);
  });
});
