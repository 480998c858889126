// Random stacks of layers and random requests over a small world, so that rules meet requests often.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { EffectivePolicy, GrantedServer, Layer } from '../../src/model/policy.ts';
import type { Request } from '../../src/model/request.ts';
import { parsePolicy } from '../../src/policy/parse.ts';
import { resolvePolicy } from '../../src/policy/resolve.ts';
import { noSections } from '../../src/policy/sections.ts';
import {
  HOME,
  type Condition,
  type Document,
  type McpQuestion,
  type ReferenceLayer,
  type ReferenceRequest,
  type Rule,
  type Section,
  type Sections,
  WORKSPACE,
} from './reference.ts';

const HOSTS = [
  'a.dev',
  'b.dev',
  'x.a.dev',
  'y.x.a.dev',
  'x.b.dev',
  'a.dev.evil.test',
  'localhost',
  'host.sandbox.internal',
];
const PATTERNS = [
  'a.dev',
  'x.a.dev',
  '*.a.dev',
  '**.a.dev',
  '*.x.a.dev',
  '**.dev',
  '*.dev',
  'b.dev',
  '**.evil.test',
  'host.sandbox.internal',
  '**.internal',
  '**',
];
const BLOCKS = [
  '10.1.0.0/16',
  '10.0.0.0/8',
  '0.0.0.0/0',
  '10.1.2.3/32',
  '8.0.0.0/7',
  '8.8.8.0/24',
  '192.168.0.0/16',
];
const ADDRESSES = [
  '10.1.2.3',
  '10.9.9.9',
  '8.8.8.8',
  '9.9.9.9',
  '127.0.0.1',
  '192.168.1.1',
  '172.16.0.1',
];
const PORTS = [22, 80, 443];
const METHODS = ['GET', 'HEAD', 'POST'];
const URL_PATTERNS = [
  '/',
  '/**',
  '/*',
  '/a',
  '/a/**',
  '/a/*',
  '/**/b',
  '/*/b*',
  '/a/b:c',
  '/@s/**',
  '/@s/*',
];
const URL_PATHS = [
  '/',
  '/a',
  '/a/',
  '/A',
  '/b',
  '/a/b',
  '/a/B',
  '/a/b/c/b',
  '/a/b:c',
  '/a/b%3Ac',
  '/@s/p',
  '/@s%2Fp',
  '/@s%2Fp/b',
];
const PATH_PATTERNS = [
  '.',
  'src',
  'src/*',
  'src/**',
  '**/.env*',
  '**/b',
  '*',
  'src/*/b',
  '~',
  '~/.ssh',
  '~/c',
  '/',
  '/usr/bin',
  '**',
  'src/**/b',
  '/home/*/c',
  '.git',
  '**/a/**',
];
const NAMES = ['src', 'a', 'b', '.env', '.git', 'config', 'bin'];
const PROGRAMS = ['git', 'b', 'a*', '/usr/bin', '/usr/bin/git', 'src', '**/b', '/**'];

const requestsOf = (
  effect: 'allow' | 'deny',
): Record<'methods' | 'paths', fc.Arbitrary<string[] | undefined>> & {
  limit: fc.Arbitrary<string | undefined>;
} => {
  // A deny of nothing is no rule.
  const minLength = effect === 'allow' ? 0 : 1;
  return {
    methods: fc.option(fc.subarray(METHODS, { minLength }), { nil: undefined, freq: 2 }),
    paths: fc.option(fc.subarray(URL_PATTERNS, { minLength, maxLength: 3 }), {
      nil: undefined,
      freq: 2,
    }),
    // More than is ever asked for: what counts here is that it is counted at all.
    limit: fc.constantFrom(undefined, undefined, effect === 'allow' ? '999999/session' : undefined),
  };
};
/** Of datagrams, now and then; such an allow states its ports, and neither speaks of requests. */
const withProtocol = (effect: 'allow' | 'deny', rules: fc.Arbitrary<Rule>): fc.Arbitrary<Rule> =>
  fc
    .tuple(rules, fc.constantFrom(undefined, undefined, undefined, 'tcp' as const, 'udp' as const))
    .map(([rule, protocol]) => {
      if (protocol !== 'udp') return { ...rule, protocol };
      const { methods: _, paths: __, ...rest } = rule;
      return { ...rest, protocol, ports: rule.ports ?? (effect === 'allow' ? [443] : undefined) };
    });
const network = (effect: 'allow' | 'deny'): fc.Arbitrary<Rule> => {
  const ports = fc.option(fc.subarray(PORTS), { nil: undefined, freq: 2 });
  const hosts = fc.record({
    host: fc.subarray(PATTERNS, { minLength: 1, maxLength: 3 }),
    ports,
    ...requestsOf(effect),
  });
  const blocks = fc.record({
    cidr: fc.subarray(BLOCKS, { minLength: 1, maxLength: 2 }),
    ports,
    ...requestsOf(effect),
  });
  return withProtocol(effect, fc.oneof({ weight: 3, arbitrary: hosts }, blocks));
};
const access = fc.constantFrom<NonNullable<Rule['access']>>('read', 'write', 'private');
const fileAllow = fc.oneof(
  fc.record({ path: fc.constantFrom(...PATH_PATTERNS), access }),
  fc.record({ path: fc.constant('.'), access }),
);
const fileDeny = fc.record({
  path: fc.constantFrom(...PATH_PATTERNS),
  access: fc.constantFrom(undefined, 'read' as const, 'write' as const),
});
const program = fc.record({ path: fc.constantFrom(...PROGRAMS) });

const section = (
  allow: fc.Arbitrary<Rule>,
  deny: fc.Arbitrary<Rule>,
): fc.Arbitrary<Section | undefined> =>
  fc.option(
    fc.record({
      allow: fc.option(fc.array(allow, { maxLength: 3 }), { nil: undefined, freq: 3 }),
      deny: fc.option(fc.array(deny, { maxLength: 2 }), { nil: undefined }),
    }),
    { nil: undefined, freq: 2 },
  );
const sections: fc.Arbitrary<Sections> = fc.record({
  network: section(network('allow'), network('deny')),
  filesystem: section(fileAllow, fileDeny),
  execution: section(program, program),
});

export const documents: fc.Arbitrary<Document> = fc
  .record({ own: sections, max: fc.option(sections, { nil: undefined }) })
  .map(({ own, max }) => prune({ version: 1 as const, ...own, max }));

const stacksOf = (each: fc.Arbitrary<Document>): fc.Arbitrary<ReferenceLayer[]> =>
  fc
    .record({
      org: fc.option(each, { nil: undefined, freq: 2 }),
      team: fc.array(each, { maxLength: 2 }),
      user: fc.option(each, { nil: undefined, freq: 2 }),
      repo: fc.option(each, { nil: undefined, freq: 3 }),
    })
    .map(({ org, team, user, repo }) => [
      ...(org === undefined ? [] : [{ name: 'org' as const, document: org }]),
      ...team.map((document) => ({ name: 'team' as const, document })),
      ...(user === undefined ? [] : [{ name: 'user' as const, document: user }]),
      ...(repo === undefined ? [] : [{ name: 'repo' as const, document: repo }]),
    ]);

export const layerStacks = stacksOf(documents);

/** Two hosts and little else, so that rules for connections and for requests meet in every way. */
const denseRules = (effect: 'allow' | 'deny'): fc.Arbitrary<Rule> =>
  withProtocol(
    effect,
    fc.record({
      host: fc.constantFrom(['**.dev'], ['a.dev', 'b.dev'], ['a.dev']),
      ports: fc.constantFrom(undefined, undefined, [443]),
      ...requestsOf(effect),
    }),
  );
const denseSections = fc
  .record({
    allow: fc.array(denseRules('allow'), { minLength: 1, maxLength: 3 }),
    deny: fc.array(denseRules('deny'), { maxLength: 1 }),
  })
  .map((dense): Sections => ({ network: dense }));
export const networkStacks = stacksOf(
  fc
    .record({ own: denseSections, max: fc.option(denseSections, { nil: undefined, freq: 2 }) })
    .map(({ own, max }) => prune({ version: 1 as const, ...own, max })),
);

const TOOL_PATTERNS = ['*', 'get_*', 'get_a', 'set_*', '*_b', 'Get_A', 'set_b'];
const TOOLS = ['get_a', 'get_b', 'set_a', 'set_b', 'GET_A', '\uff47et_a'];
const URIS = ['file:///w/a', 'file:///w/b', 'memo:a'];
const SERVER_IDS = ['gh', 'files'];

const condition = (isAllow: boolean): fc.Arbitrary<Condition> =>
  fc.oneof(
    fc.constantFrom<Condition>(
      { const: 'x' },
      { enum: ['x', 1] },
      { type: 'string' },
      { type: 'integer' },
      {},
    ),
    fc.constantFrom<Condition>(...(isAllow ? [{ const: 1, optional: true }] : [{ const: 1 }])),
  );
const mcpRule = (effect: 'allow' | 'deny'): fc.Arbitrary<Rule> =>
  fc
    .record({
      server: fc.subarray(['*', 'gh', 'f*'], { minLength: 1, maxLength: 2 }),
      kind: fc.constantFrom<'tools' | 'prompts' | 'resources' | 'features' | 'all'>(
        ...(['tools', 'tools', 'tools', 'prompts', 'resources', 'features'] as const),
        effect === 'deny' ? 'all' : 'tools',
      ),
      names: fc.subarray(TOOL_PATTERNS, { minLength: 1, maxLength: 3 }),
      uris: fc.subarray(['file:///w/*', '*', 'memo:a'], { minLength: 1 }),
      features: fc.subarray(['sampling', 'roots'], { minLength: 1 }),
      arguments: fc.option(
        fc.record(
          { a: condition(effect === 'allow'), b: condition(effect === 'allow') },
          { requiredKeys: ['a'] },
        ),
        { nil: undefined },
      ),
    })
    .map(({ server, kind, names, uris, features, arguments: given }): Rule => {
      if (kind === 'all') return { server };
      if (kind === 'resources') return { server, resources: uris };
      if (kind === 'features') return { server, features };
      return { server, [kind]: names, arguments: given };
    });
const mcpSections = fc
  .record({
    allow: fc.array(mcpRule('allow'), { minLength: 1, maxLength: 4 }),
    deny: fc
      .tuple(fc.boolean(), mcpRule('deny'))
      .map(([isThere, rule]): Rule[] => (isThere ? [rule] : [])),
  })
  .map((mcp): Sections => ({ mcp }));

/** Two servers and few names, so that rules over them meet in every way. */
export const mcpStacks = stacksOf(
  fc
    .record({ own: mcpSections, max: fc.option(mcpSections, { nil: undefined, freq: 2 }) })
    .map(({ own, max }) => prune({ version: 1 as const, ...own, max })),
);

const given = fc.option(
  fc.dictionary(
    fc.constantFrom('a', 'b', 'c'),
    fc.constantFrom<unknown>('x', 'y', 1, 2.5, null, ['x']),
  ),
  { nil: undefined, freq: 4 },
);
const server = fc.constantFrom(...SERVER_IDS);
export const mcpRequests = fc
  .oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('tool' as const),
        server,
        tool: fc.constantFrom(...TOOLS),
        arguments: given,
      }),
    },
    fc.record({
      kind: fc.constant('prompt' as const),
      server,
      name: fc.constantFrom(...TOOLS),
      arguments: given,
    }),
    fc.record({ kind: fc.constant('resource' as const), server, uri: fc.constantFrom(...URIS) }),
    fc.record({
      kind: fc.constant('feature' as const),
      server,
      name: fc.constantFrom('sampling', 'roots', 'logging'),
    }),
  )
  .map((request) => prune(request) as McpQuestion);

const paths = fc.oneof(
  fc
    .array(fc.constantFrom(...NAMES), { maxLength: 4 })
    .map((names) => [WORKSPACE, ...names].join('/')),
  fc.constantFrom(`${WORKSPACE}/.git/config`, `${WORKSPACE}/a/.GIT/config`),
  fc.constantFrom(
    '/home/u/.ssh/id',
    '/home/u/c',
    '/home/u/c/d',
    '/usr/bin/git',
    '/usr/lib/x',
    '/etc/x',
    '/home/u',
    '/',
  ),
);

const httpRequestsTo = (
  hosts: fc.Arbitrary<string>,
  ports: number[],
): fc.Arbitrary<Extract<ReferenceRequest, { kind: 'http' }>> =>
  fc.record({
    kind: fc.constant('http'),
    method: fc.constantFrom(...METHODS),
    scheme: fc.constantFrom('http', 'https'),
    host: hosts,
    port: fc.constantFrom(...ports),
    path: fc.constantFrom(...URL_PATHS),
  });
export const httpRequests = httpRequestsTo(fc.constantFrom('a.dev', 'b.dev'), [80, 443]);

export const requests: fc.Arbitrary<ReferenceRequest> = fc.oneof(
  httpRequestsTo(fc.constantFrom(...HOSTS, ...ADDRESSES), [...PORTS, 8080]),
  fc.record({
    kind: fc.constant('connect' as const),
    host: fc.oneof(fc.constantFrom(...HOSTS), fc.constantFrom(...ADDRESSES)),
    port: fc.constantFrom(...PORTS, 8080),
  }),
  fc.record({
    kind: fc.constant('connect' as const),
    host: fc.constantFrom(...HOSTS, ...ADDRESSES),
    port: fc.constantFrom(...PORTS),
    protocol: fc.constant('udp' as const),
  }),
  fc.record({ kind: fc.constant('resolve' as const), name: fc.constantFrom(...HOSTS) }),
  fc.record({
    kind: fc.constantFrom('read' as const, 'write' as const, 'exec' as const),
    path: paths,
  }),
);

/** Leaves out what is undefined, as a YAML file would. */
function prune<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

const origin = (
  id: string,
): { id: string; place: string; file: string; line: number; column: number } => ({
  id,
  place: id,
  file: 'builtin',
  line: 0,
  column: 0,
});

export function builtinLayer(): Layer {
  return {
    name: 'builtin',
    file: 'builtin',
    digest: 'sha256:0',
    network: {
      allow: [],
      deny: [{ ...origin('loopback'), hosts: ['localhost'], cidrs: ['127.0.0.0/8'] }],
    },
    filesystem: {
      allow: [
        { ...origin('system'), path: '/usr', access: 'read' },
        { ...origin('workspace'), path: WORKSPACE, access: 'write', default: 'workspace' },
      ],
      deny: [
        { ...origin('secrets'), path: `${HOME}/.ssh` },
        {
          ...origin('repository-control'),
          path: '/**/.git/config',
          access: 'private',
          ignoreCase: true,
        },
      ],
    },
    execution: { allow: [{ ...origin('execution'), path: '/**', default: 'execution' }], deny: [] },
    credentials: [],
    mcp: noSections().mcp,
    narrows: [],
  };
}

/** Through the text and back: what a person would write is what is judged. */
export function resolveStack(layers: readonly ReferenceLayer[]): EffectivePolicy {
  const sources = layers.map(({ name, document }, i) => {
    const parsed = parsePolicy(JSON.stringify(document), `${name}-${i}.yml`);
    if (parsed.document === undefined) throw new Error(JSON.stringify(parsed.diagnostics));
    return {
      name,
      documents: [parsed.document] as [typeof parsed.document],
      digest: `sha256:${i}`,
    };
  });
  const hash = (text: string): string =>
    `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const { policy, diagnostics } = resolvePolicy({
    workspace: WORKSPACE,
    home: HOME,
    builtin: builtinLayer(),
    sources,
    hash,
  });
  if (policy === undefined) throw new Error(JSON.stringify(diagnostics));
  // The servers are there whatever the layers say: what is compared here is what may be asked of them.
  const servers = SERVER_IDS.map((id): GrantedServer => ({
    ...origin(id),
    id,
    at: { kind: 'local', command: ['x'], environment: {} },
    required: true,
    provenance: false,
    layer: 'repo',
  }));
  return { ...policy, mcp: { ...policy.mcp, servers } };
}

export function toRequest(request: ReferenceRequest): Request {
  return request;
}
