// What the layers above leave of servers, of rules over them, and of what is done with secrets.
import { describe, expect, it, test } from 'vitest';

import type { EffectivePolicy } from '../../src/model/policy.ts';
import { decideText, policyOf, resolveTexts, type Texts } from './support.ts';

const idsOf = (policy: EffectivePolicy): string[] => policy.mcp.servers.map(({ id }) => id);
const clampsOf = (policy: EffectivePolicy): string[] =>
  policy.clamps.map(({ by, message }) => `${by}: ${message}`);

const GH = '{id: gh, url: "https://mcp.example.com/mcp"}';
const FILES = '{id: files, command: [files-server, .]}';
const REACH =
  'network: {allow: [{host: mcp.example.com, methods: [GET, POST, DELETE], paths: [/mcp]}]}';

const under = (max: string, servers: string, more = ''): EffectivePolicy =>
  policyOf([
    ['org', `max: {${max}}`],
    ['repo', `mcp: {servers: [${servers}]}\n${more}`],
  ]);

describe('servers under a ceiling', () => {
  test('are there where no ceiling is', () => {
    const policy = policyOf([['repo', `mcp: {servers: [${GH}, ${FILES}]}`]]);
    expect(idsOf(policy)).toEqual(['gh', 'files']);
    expect(policy.mcp.servers.map(({ layer, required }) => [layer, required])).toEqual([
      ['repo', true],
      ['repo', true],
    ]);
    expect(policy.clamps).toEqual([]);
  });

  test.each<[string, string, string, string[]]>([
    ['an org without one', REACH, GH, []],
    ['one that names none', `${REACH}, mcp: {servers: []}`, GH, []],
    ['one that names the id', `${REACH}, mcp: {servers: [{id: gh}]}`, GH, ['gh']],
    ['one that names ids alike', `${REACH}, mcp: {servers: [{id: "g*"}]}`, GH, ['gh']],
    ['one that names another id', `${REACH}, mcp: {servers: [{id: g}]}`, GH, []],
    [
      'one that states the URL',
      `${REACH}, mcp: {servers: [{id: "*", url: "https://MCP.example.com:443/mcp"}]}`,
      GH,
      ['gh'],
    ],
    [
      'one that states another path',
      `${REACH}, mcp: {servers: [{id: "*", url: "https://mcp.example.com/"}]}`,
      GH,
      [],
    ],
    [
      'one that states another host',
      `${REACH}, mcp: {servers: [{id: "*", url: "https://example.com/mcp"}]}`,
      GH,
      [],
    ],
    ['one that states a command', `${REACH}, mcp: {servers: [{id: gh, command: [x]}]}`, GH, []],
    ['a network that does not reach it', 'mcp: {servers: [{id: gh}]}', GH, []],
    [
      'a network that reaches another path',
      'network: {allow: [{host: mcp.example.com, methods: [GET, POST, DELETE], paths: [/x]}]}, mcp: {servers: [{id: gh}]}',
      GH,
      [],
    ],
    [
      'a network without one of the methods',
      'network: {allow: [{host: mcp.example.com, methods: [GET, POST]}]}, mcp: {servers: [{id: gh}]}',
      GH,
      [],
    ],
    [
      'a network that denies it',
      'network: {allow: [{host: "**"}], deny: [{host: mcp.example.com}]}, mcp: {servers: [{id: gh}]}',
      GH,
      [],
    ],
    [
      'the same command',
      'mcp: {servers: [{id: files, command: [files-server, .]}]}',
      FILES,
      ['files'],
    ],
    ['another word', 'mcp: {servers: [{id: files, command: [files-server, /]}]}', FILES, []],
    ['fewer words', 'mcp: {servers: [{id: files, command: [files-server]}]}', FILES, []],
    [
      'the same command without its variables',
      'mcp: {servers: [{id: files, command: [x]}]}',
      '{id: files, command: [x], env: {A: b}}',
      [],
    ],
    [
      'the same command with its variables',
      'mcp: {servers: [{id: files, command: [x], env: {A: b}}]}',
      '{id: files, command: [x], env: {A: b}}',
      ['files'],
    ],
    [
      'a sandbox within',
      'mcp: {servers: [{id: "*"}]}, network: {allow: [{host: "**.dev"}]}',
      '{id: a, command: [x], sandbox: {network: {allow: [{host: a.dev}]}}}',
      ['a'],
    ],
    [
      'a sandbox beyond',
      'mcp: {servers: [{id: "*"}]}, network: {allow: [{host: "**.dev"}]}',
      '{id: a, command: [x], sandbox: {network: {allow: [{host: a.test}]}}}',
      [],
    ],
    [
      'a sandbox in the workspace',
      'mcp: {servers: [{id: "*"}]}',
      '{id: a, command: [x], sandbox: {filesystem: {allow: [{path: ., access: read}]}}}',
      ['a'],
    ],
    [
      'a sandbox out of the workspace',
      'mcp: {servers: [{id: "*"}]}',
      '{id: a, command: [x], sandbox: {filesystem: {allow: [{path: ~/c, access: read}]}}}',
      [],
    ],
    [
      'a sandbox in part of it',
      'mcp: {servers: [{id: "*"}]}, filesystem: {allow: [{path: src, access: read}]}',
      '{id: a, command: [x], sandbox: {filesystem: {allow: [{path: ., access: read}]}}}',
      [],
    ],
  ])('%s', (_, max, server, ids) => {
    const policy = under(max, server);
    expect(idsOf(policy)).toEqual(ids);
    expect(policy.clamps).toHaveLength(ids.length === 0 ? 1 : 0);
  });

  test('that are left out deny every call, and say by whose ceiling', () => {
    const policy = under('mcp: {allow: [{server: "*", tools: ["*"]}]}', FILES, '');
    const decision = decideText(policy, 'tool files/read');
    expect(decision.effect).toBe('deny');
    expect(decision.rule).toMatchObject({ id: 'org/max', file: 'org.yml', line: 2 });
    expect(decision.reason).toContain(
      'repo/files, a tool server, exceeds what the org layer allows',
    );
  });

  test('may be on the loopback of the host where the ceilings let its services be reached', () => {
    const local = '{id: dev, url: "http://localhost:3000/mcp"}';
    const ports = (port: number): string =>
      `network: {allow: [{host: host.sandbox.internal, ports: [${port}]}]}, mcp: {servers: [{id: "*"}]}`;
    expect(idsOf(policyOf([['repo', `mcp: {servers: [${local}]}`]]))).toEqual(['dev']);
    expect(idsOf(under(ports(3000), local))).toEqual(['dev']);
    expect(idsOf(under(ports(3001), local))).toEqual([]);
    expect(
      idsOf(
        under(
          'network: {allow: [{host: "**", ports: [3000]}]}, mcp: {servers: [{id: "*"}]}',
          local,
        ),
      ),
    ).toEqual([]);
  });

  test('are bounded by every layer above, and by the teams beside', () => {
    const open = `max: {${REACH}, mcp: {servers: [{id: "*"}]}}`;
    const closed = `max: {${REACH}, mcp: {servers: [{id: other}]}}`;
    const repo = `mcp: {servers: [${GH}]}`;
    const of = (texts: Texts): string[] => idsOf(policyOf(texts));
    expect(
      of([
        ['org', open],
        ['repo', repo],
      ]),
    ).toEqual(['gh']);
    expect(
      of([
        ['org', open],
        ['team', closed],
        ['repo', repo],
      ]),
    ).toEqual([]);
    expect(
      of([
        ['org', open],
        ['team', repo],
        ['repo', closed],
      ]),
    ).toEqual(['gh']);
    expect(
      of([
        ['org', open],
        ['team', closed],
        ['team', repo],
      ]),
    ).toEqual([]);
  });

  test('M16 have one name in all layers', () => {
    const { policy, diagnostics } = resolveTexts([
      ['user', `mcp: {servers: [${GH}]}`],
      ['repo', 'mcp: {servers: [{id: gh, command: [x]}]}'],
    ]);
    expect(policy).toBeUndefined();
    expect(diagnostics.map(({ code, file }) => [code, file])).toEqual([
      ['duplicate-id', 'repo1.yml'],
    ]);
  });

  test('that no layer defines are warned of where a rule names them', () => {
    const { policy, diagnostics } = resolveTexts([
      [
        'repo',
        `mcp: {servers: [${GH}], allow: [{server: [gh, gti, "x*"], tools: [t]}], deny: [{server: no}]}`,
      ],
    ]);
    expect(policy).toBeDefined();
    expect(
      diagnostics.map(({ severity, message }) => [
        severity,
        message.includes('"gti"') || message.includes('"no"'),
      ]),
    ).toEqual([
      ['warning', true],
      ['warning', true],
    ]);
  });

  test('are locked like any other key', () => {
    const { diagnostics } = resolveTexts([
      ['org', `lock: [mcp.servers, mcp.allow]\nmax: {${REACH}, mcp: {servers: [{id: "*"}]}}`],
      ['repo', `mcp: {servers: [${GH}], deny: [{server: gh}]}`],
    ]);
    expect(diagnostics.map(({ code }) => code)).toEqual(['locked']);
  });
});

describe('a credential of a server', () => {
  const repo = `credentials: [{id: c, provider: env, request: {name: T}, bind: [{host: api.test}]}]
mcp: {servers: [{id: gh, url: "https://mcp.example.com/mcp", credential: c}]}
network: {allow: [{host: api.test}]}`;
  const OPEN = 'network: {allow: [{host: "**"}]}, mcp: {servers: [{id: "*"}]}';
  const org = (bind: string): Texts => [
    ['org', `max: {${OPEN}, credentials: [{provider: env, request: {name: T}${bind}}]}`],
    ['repo', repo],
  ];
  test('goes only where the ceilings over credentials let it be put in', () => {
    expect(idsOf(policyOf([['repo', repo]]))).toEqual(['gh']);
    expect(idsOf(policyOf(org('')))).toEqual(['gh']);
    expect(idsOf(policyOf(org(', bind: [{host: [api.test, mcp.example.com]}]')))).toEqual(['gh']);
    const policy = policyOf(org(', bind: [{host: api.test}]'));
    expect(idsOf(policy)).toEqual([]);
    expect(policy.credentials.map(({ id }) => id)).toEqual(['c']);
    expect(clampsOf(policy)[0]).toContain('org/max: repo/gh, a tool server, uses "c" where');
  });

  test('must be one that is minted at all', () => {
    expect(
      idsOf(
        policyOf([
          ['org', `max: {${OPEN}}`],
          ['repo', repo],
        ]),
      ),
    ).toEqual([]);
  });

  test('does not open its URL to the guest', () => {
    const [credential] = policyOf([['repo', repo]]).credentials;
    expect(credential?.bind.flatMap(({ hosts }) => hosts)).toEqual(['api.test']);
  });
});

describe('rules under a ceiling', () => {
  const exceeds = (ceiling: string, rule: string, denies = ''): boolean =>
    clampsOf(
      policyOf([
        ['org', `max: {mcp: {servers: [{id: "*"}], allow: [${ceiling}]${denies}}}`],
        ['repo', `mcp: {servers: [${FILES}], allow: [${rule}]}`],
      ]),
    ).length > 0;
  const args = (text: string): string => `{server: files, tools: [t], arguments: ${text}}`;

  test.each<[string, string, boolean]>([
    ['{server: "*", tools: ["*"]}', '{server: files, tools: ["get_*"]}', false],
    ['{server: "*", tools: ["get_*"]}', '{server: files, tools: ["g*"]}', true],
    ['{server: "*", tools: ["*"]}', '{server: files, prompts: [p]}', true],
    ['{server: gh, tools: ["*"]}', '{server: files, tools: [t]}', true],
    ['{server: files, tools: ["*"]}', '{server: "*", tools: [t]}', true],
    [
      '{server: files, resources: ["file:///w/*"]}',
      '{server: files, resources: ["file:///w/a*"]}',
      false,
    ],
    [args('{a: {const: x}}'), '{server: files, tools: [t]}', true],
    ['{server: files, tools: [t]}', args('{a: {const: x}}'), false],
    [args('{a: {pattern: "x.*"}}'), args('{a: {const: xy}}'), false],
    [args('{a: {pattern: "x.*"}}'), args('{a: {const: yx}}'), true],
    [args('{a: {pattern: "x.*"}}'), args('{a: {pattern: "x"}}'), true],
    [args('{a: {maxLength: 9}}'), args('{a: {maxLength: 9, pattern: x}}'), false],
    [args('{a: {maxLength: 9}}'), args('{a: {maxLength: 10}}'), true],
    [args('{a: {type: string}}'), args('{a: {}}'), true],
    [args('{a: {type: string}}'), args('{a: {type: string}, b: {type: string}}'), true],
    [args('{a: {type: string}, b: {optional: true}}'), args('{a: {type: string}}'), false],
    [args('{a: {type: string}}'), args('{a: {type: string, optional: true}}'), true],
    [args('{a: {within: [src]}}'), args('{a: {within: [src/a]}}'), false],
    [args('{a: {within: [src]}}'), args('{a: {within: [.]}}'), true],
    [args('{a: {hosts: ["**.a.dev"]}}'), args('{a: {hosts: [x.a.dev]}}'), false],
    [args('{a: {hosts: ["**.a.dev"]}}'), args('{a: {hosts: [a.dev]}}'), true],
    [
      args('{a: {properties: {n: {maximum: 5}}}}'),
      args('{a: {properties: {n: {maximum: 4}}}}'),
      false,
    ],
    [
      args('{a: {properties: {n: {maximum: 5}}}}'),
      args('{a: {properties: {n: {maximum: 4}}, additionalProperties: true}}'),
      true,
    ],
    [
      args('{a: {properties: {n: {maximum: 5}}}}'),
      args('{a: {properties: {n: {maximum: 4}, m: {}}}}'),
      true,
    ],
    [args('{a: {items: {type: integer}}}'), args('{a: {type: array}}'), true],
  ])('%s over %s: exceeds is %s', (ceiling, rule, expected) =>
    expect(exceeds(ceiling, rule)).toBe(expected),
  );

  test('meet its denies where a name could be both', () => {
    const open = '{server: "*", tools: ["*"]}';
    const denies = ', deny: [{server: "*", tools: ["delete_*"]}]';
    expect(exceeds(open, '{server: files, tools: ["*_repo"]}', denies)).toBe(true);
    expect(exceeds(open, '{server: files, tools: ["get_*"]}', denies)).toBe(false);
  });

  test('hold at run time, whatever is said', () => {
    const policy = policyOf([
      ['org', `max: {mcp: {servers: [{id: "*"}], allow: [${args('{a: {enum: [x, y]}}')}]}}`],
      ['repo', `mcp: {servers: [${FILES}], allow: [{server: files, tools: ["*"]}]}`],
    ]);
    expect(decideText(policy, 'tool files/t {"a":"x"}').effect).toBe('allow');
    const over = decideText(policy, 'tool files/t {"a":"z"}');
    expect(over.rule).toMatchObject({ id: 'org/max', layer: 'org' });
    expect(decideText(policy, 'tool files/u {"a":"x"}').effect).toBe('deny');
    expect(decideText(policy, 'tool files/t').effect).toBe('allow');
  });
});

describe('what is done with secrets', () => {
  const of = (...texts: Texts): [string, string, number] => {
    const { mcp, clamps } = policyOf(texts);
    return [mcp.secrets.arguments, mcp.secrets.results, clamps.length];
  };
  const says = (text: string): string => `mcp: {secrets: {${text}}}`;
  it('is blocking and redacting unless said', () => {
    expect(of()).toEqual(['block', 'redact', 0]);
    expect(of(['repo', ''])).toEqual(['block', 'redact', 0]);
    expect(of(['repo', says('arguments: report, results: report')])).toEqual([
      'report',
      'report',
      0,
    ]);
  });
  it('is the stricter of several layers', () => {
    expect(of(['user', says('results: block')], ['repo', says('results: report')])).toEqual([
      'block',
      'block',
      0,
    ]);
    expect(of(['user', says('results: report')], ['repo', says('results: block')])).toEqual([
      'block',
      'block',
      0,
    ]);
  });
  it('is less only where the ceilings above let it be', () => {
    expect(of(['org', ''], ['repo', says('arguments: report')])).toEqual(['block', 'redact', 1]);
    expect(
      of(['org', `max: {${says('arguments: report')}}`], ['repo', says('arguments: report')]),
    ).toEqual(['report', 'redact', 0]);
    expect(of(['org', says('results: report')], ['repo', says('results: report')])).toEqual([
      'block',
      'report',
      0,
    ]);
    expect(of(['org', says('results: block')], ['repo', says('results: redact')])).toEqual([
      'block',
      'block',
      1,
    ]);
  });
});
