import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { checkSchema } from '../../src/policy/check-schema.ts';
import { renderDiagnostic, renderDiagnostics } from '../../src/policy/diagnostic.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';
import { parsePolicy } from '../../src/policy/parse.ts';
import { POLICY_SCHEMA } from '../../src/policy/schema.ts';
import { readYaml } from '../../src/policy/yaml-text.ts';

const at = (text: string): string[] =>
  parsePolicy(text, 'p.yml').diagnostics.map(
    ({ code, span }) => `${code} ${span.line}:${span.column}`,
  );
const codes = (text: string): string[] =>
  parsePolicy(text, 'p.yml').diagnostics.map(({ code }) => code);
const document = (text: string): PolicyDocument => {
  const parsed = parsePolicy(text, 'p.yml');
  if (parsed.document === undefined)
    throw new Error(renderDiagnostics(parsed.diagnostics, { 'p.yml': text }));
  return parsed.document;
};

/** Every section of the grammar that this version enforces. */
const WHOLE = `version: 1
origin: acme/agent-policy
mode: audit
extends: [claude-code, ./team.yml]
network:
  allow:
    - id: github
      host: [api.github.com, "*.githubusercontent.com"]
      methods: [GET, HEAD]
      paths: ["/repos/acme/**"]
    - {host: GitHub.com., ports: [22, 443]}
    - {cidr: 10.20.0.0/16, ports: [5432]}
  deny:
    - {host: "**.pastebin.com", reason: "paste sites are not a way out"}
filesystem:
  allow:
    - {path: ., access: write}
    - {path: ~/.cache/pip, access: private}
  deny:
    - {path: "**/.env*"}
    - {path: .github/workflows/**, access: write}
execution:
  user: agent
  deny:
    - {path: curl, reason: "use the API client"}
limits: {cpus: 2, memory: 4GiB, timeout: 1h30m, processes: 2048, disk: 10GiB, egress: 1GB, denials: 200}
require: {isolation: hardware}
lock: [mode, network.deny]
max:
  network: {allow: [{host: "**.acme.dev"}]}
tests:
  - {request: "connect api.github.com:443", expect: allow, rule: github}
`;

describe('a policy file', () => {
  test('is kept whole, each rule with its place', () => {
    const policy = document(WHOLE);
    expect(policy.network.allow).toMatchObject([
      {
        id: 'github',
        place: 'network.allow[0]',
        line: 7,
        column: 7,
        hosts: ['api.github.com', '*.githubusercontent.com'],
        ports: [80, 443],
        methods: ['GET', 'HEAD'],
        paths: ['/repos/acme/**'],
      },
      { place: 'network.allow[1]', line: 11, hosts: ['github.com'], ports: [22, 443] },
      { place: 'network.allow[2]', cidrs: ['10.20.0.0/16'], ports: [5432] },
    ]);
    expect(policy.network.deny[0]).toMatchObject({ reason: 'paste sites are not a way out' });
    expect(policy.network.deny[0]).not.toHaveProperty('ports');
    expect(policy.filesystem.deny).toMatchObject([
      { path: '**/.env*', line: 20 },
      { access: 'write' },
    ]);
    expect(policy.limits).toEqual({
      cpus: 2,
      memory: 4 * 2 ** 30,
      timeout: 5_400_000,
      processes: 2048,
      disk: 10 * 2 ** 30,
      egress: 1e9,
      denials: 200,
    });
    expect(policy).toMatchObject({
      mode: 'audit',
      user: 'agent',
      lock: ['mode', 'network.deny'],
      maxLine: 29,
      require: { isolation: 'hardware' },
      origin: { repository: 'acme/agent-policy' },
    });
    expect(policy.extends.map(({ name }) => name)).toEqual(['claude-code', './team.yml']);
    expect(policy.max?.network.allow[0]).toMatchObject({ place: 'max.network.allow[0]', line: 30 });
    expect(policy.states).toEqual(['filesystem.allow']);
    expect(policy.tests).toMatchObject([{ expect: 'allow', rule: 'github' }]);
  });

  test('says every fault at once', () => {
    const text = `version: 1
netwrok: {}
mode: audti
filesystem:
  allow: [{path: ../x, access: read}, {path: a}]
limits: {memory: 4096, cpus: 0}
`;
    expect(at(text)).toEqual([
      'unknown-key 2:1',
      'value 3:7',
      'type 6:18',
      'value 6:30',
      'value 5:18',
      'missing-key 5:39',
    ]);
  });

  test.each([
    ['a typo of a section', 'version: 1\nnetwrok: {}\n', 'unknown-key 2:1'],
    ['a typo of a list', 'version: 1\nnetwork:\n  alow: []\n', 'unknown-key 3:3'],
    ['a key that stands twice', 'version: 1\nmode: audit\nmode: enforce\n', 'duplicate-key 3:1'],
    ['an alias', 'version: 1\nlock: &a [mode]\nextends: *a\n', 'alias 3:10'],
    ['an anchor', 'version: 1\nlock: &a [mode]\n', 'anchor 2:10'],
    ['a merge key', 'version: 1\n<<: {mode: audit}\n', 'unknown-key 2:1'],
    ['a tag', 'version: 1\nmode: !!str audit\n', 'tag 2:13'],
    ['an unknown tag', 'version: 1\nmode: !exec audit\n', 'tag 2:7'],
    ['a second document', 'version: 1\n---\nversion: 1\n', 'second-document 2:1'],
    ['a tab', 'version: 1\nnetwork:\n\tallow: []\n', 'tab 3:1'],
    ['a byte order mark', '\ufeffversion: 1\n', 'bom 1:1'],
    ['a control character', 'version: 1\n# \u001b[2J\n', 'control-character 2:3'],
    ['a letter that turns text round', 'version: 1\n# \u202e\n', 'control-character 2:3'],
    ['a wrong type', 'version: 1\nnetwork: [a]\n', 'type 2:10'],
    ['a number as a key', 'version: 1\n1: 2\n', 'key 2:1'],
    ['another version', 'version: 2\n', 'value 1:10'],
    ['no version', 'mode: audit\n', 'missing-key 1:1'],
    ['nothing at all', '', 'empty 1:1'],
    ['a comment alone', '# nothing\n', 'empty 1:1'],
    ['null', 'null\n', 'type 1:1'],
    ['a list', '- 1\n', 'type 1:1'],
    ['a rule without access', 'version: 1\nfilesystem: {allow: [{path: a}]}\n', 'missing-key 2:22'],
    ['a rule for nowhere', 'version: 1\nnetwork: {allow: [{ports: [80]}]}\n', 'missing-key 2:19'],
    [
      'a host and a block in one',
      'version: 1\nnetwork: {allow: [{host: a.b, cidr: 10.0.0.0/8}]}\n',
      'conflict 2:31',
    ],
    ['an address as a host', 'version: 1\nnetwork: {allow: [{host: 10.0.0.1}]}\n', 'value 2:26'],
    ['a wildcard in the middle', 'version: 1\nnetwork: {allow: [{host: "a.*.b"}]}\n', 'value 2:26'],
    [
      'a block with host bits',
      'version: 1\nnetwork: {allow: [{cidr: 10.0.0.1/8}]}\n',
      'value 2:26',
    ],
    [
      'IPv4 dressed as IPv6',
      'version: 1\nnetwork: {allow: [{cidr: "::ffff:10.0.0.0/104"}]}\n',
      'value 2:26',
    ],
    [
      'the metadata service',
      'version: 1\nnetwork: {allow: [{cidr: 169.254.169.254}]}\n',
      'never-allowed 2:26',
    ],
    [
      "the host's loopback",
      'version: 1\nnetwork: {allow: [{host: localhost}]}\n',
      'never-allowed 2:26',
    ],
    [
      'a port out of range',
      'version: 1\nnetwork: {allow: [{host: a.b, ports: [0]}]}\n',
      'value 2:39',
    ],
    [
      'a private deny',
      'version: 1\nfilesystem: {deny: [{path: a, access: private}]}\n',
      'value 2:39',
    ],
    [
      'an id that is taken',
      'version: 1\nfilesystem: {deny: [{id: x, path: a}, {id: x, path: b}]}\n',
      'duplicate-id 2:39',
    ],
    ['a lock on no key', 'version: 1\nlock: [network.denny]\n', 'unknown-key 2:8'],
    [
      'a test that is no request',
      'version: 1\ntests: [{request: "fetch x", expect: deny}]\n',
      'value 2:19',
    ],
    [
      'a method in lower case',
      'version: 1\nnetwork: {allow: [{host: a.b, methods: [get]}]}\n',
      'value 2:41',
    ],
    [
      'a path that is a URL',
      'version: 1\nnetwork: {allow: [{host: a.b, paths: ["https://a.b/x"]}]}\n',
      'value 2:39',
    ],
    [
      'a path without canonical form',
      'version: 1\nnetwork: {allow: [{host: a.b, paths: [/a/../b]}]}\n',
      'value 2:39',
    ],
    [
      'a deny of no method',
      'version: 1\nnetwork: {deny: [{host: a.b, methods: []}]}\n',
      'empty-list 2:30',
    ],
    [
      'a deny of no path in a ceiling',
      'version: 1\nmax: {network: {deny: [{host: a.b, paths: }]}}\n',
      'empty-list 2:36',
    ],
    [
      'a deny that counts',
      'version: 1\nnetwork: {deny: [{host: a.b, limit: 1/session}]}\n',
      'conflict 2:30',
    ],
    [
      'a deny that counts bytes',
      'version: 1\nmax: {network: {deny: [{host: a.b, egress: 1KiB}]}}\n',
      'conflict 2:36',
    ],
    ['no bytes at all', 'version: 1\nnetwork: {allow: [{host: a.b, egress: 0B}]}\n', 'value 2:39'],
    [
      'nothing to count',
      'version: 1\nnetwork: {allow: [{host: a.b, limit: 0/day}]}\n',
      'value 2:38',
    ],
    [
      'an unknown time',
      'version: 1\nnetwork: {allow: [{host: a.b, limit: 5/week}]}\n',
      'value 2:38',
    ],
    ['a size without a unit', 'version: 1\nlimits: {disk: "10"}\n', 'value 2:16'],
  ])('with %s is refused', (_, text, fault) => {
    expect(parsePolicy(text, 'p.yml').document).toBeUndefined();
    expect(at(text)).toContain(fault);
  });

  test.each([
    ['a name of the sandbox', 'network: {allow: [{host: proxy.sandbox.internal, ports: [3128]}]}'],
    ['a name below the host', 'max: {network: {allow: [{host: x.host.sandbox.internal}]}}'],
    ['one label of the sandbox', 'network: {allow: [{host: "*.sandbox.internal"}]}'],
    ['all services of the host', 'network: {allow: [{host: "**.sandbox.internal"}]}'],
    ['a log elsewhere', 'require: {log: [artifact]}'],
    ['exceptions', 'exceptions: [{id: E, reason: r, approved-by: [a], expires: 2026-12-01}]'],
  ])('that asks for %s, which this version does not enforce, is refused', (_, text) => {
    expect(codes(`version: 1\n${text}\n`)).toEqual(['not-enforced']);
  });

  test.each([
    'credentials: []',
    'mcp: {}',
    'mcp: {allow: []}',
    'workflow: {outputs: false, path: false, env: []}',
    'exceptions: []',
    'require: {log: []}',
    'network:',
    'network: {}',
  ])('with %s asks for nothing, and is fine', (text) =>
    expect(parsePolicy(`version: 1\n${text}\n`, 'p.yml').document).toBeDefined(),
  );

  test('a single name without a dot can still be meant as a host', () => {
    expect(
      document('version: 1\nnetwork: {allow: [{host: gitserver.}]}\n').network.allow[0]?.hosts,
    ).toEqual(['gitserver']);
  });

  test('empty lists match nothing and are pointed out', () => {
    const policy = parsePolicy(
      'version: 1\nnetwork: {allow: [{host: [], ports: [80]}, {host: a.b, ports: []}]}\n',
      'p.yml',
    );
    expect(policy.document?.network.allow).toMatchObject([{ hosts: [] }, { ports: [] }]);
    expect(policy.diagnostics.map(({ code }) => code)).toEqual(['empty-list', 'empty-list']);
  });

  test('methods and paths are kept in canonical form, and what they leave out is pointed out', () => {
    const policy = parsePolicy(
      'version: 1\nnetwork: {allow: [{host: a.b, methods: [GET], paths: ["/a/", "/%7eb/%c3%a9"]}, {host: a.b, methods: []}]}\n',
      'p.yml',
    );
    expect(policy.document?.network.allow).toMatchObject([
      { methods: ['GET'], paths: ['/a', '/~b/%C3%A9'] },
      { methods: [] },
    ]);
    expect(policy.document?.network.allow[1]).not.toHaveProperty('paths');
    expect(policy.diagnostics.map(({ code }) => code)).toEqual(['trailing-slash', 'empty-list']);
  });

  test('datagrams are opened on stated ports alone, and never by what they cannot be', () => {
    const open = document(
      'version: 1\nnetwork: {allow: [{host: a.b, protocol: udp, ports: [53]}], deny: [{host: c.d, protocol: udp}]}\n',
    ).network;
    expect(open.allow).toMatchObject([{ protocol: 'udp', ports: [53] }]);
    expect(open.deny[0]).not.toHaveProperty('ports');
    expect(
      codes(
        'version: 1\nnetwork: {allow: [{host: a.b, protocol: udp}, {host: a.b, protocol: quic}]}\n',
      ),
    ).toEqual(['value', 'missing-key']);
    expect(
      codes(
        'version: 1\nnetwork: {allow: [{host: npm, protocol: udp, ports: [53], methods: [GET]}]}\n',
      ),
    ).toEqual(['conflict', 'conflict']);
  });

  test('a write below a private path is pointed out: the host keeps its file', () => {
    expect(
      codes(
        'version: 1\nfilesystem: {allow: [{path: ., access: private}, {path: out, access: write}]}\n',
      ),
    ).toEqual(['stays-private']);
  });

  test('larger than 256 KiB is refused without being read', () => {
    expect(codes(`version: 1\n${'# x\n'.repeat(70_000)}`)).toEqual(['too-large']);
    expect(codes(`version: 1\n${'#é\n'.repeat(70_000)}`)).toEqual(['too-large']);
  });

  test('more values than any policy needs are refused', () => {
    expect(codes(`version: 1\nlock: [${'mode, '.repeat(30_000)}mode]\n`)).toEqual(['too-large']);
  });

  test('a hopeless file names its first hundred faults, and that there are more', () => {
    const text = `version: 1\n${Array.from({ length: 3000 }, (_, i) => `k${i}: 1`).join('\n')}\n`;
    const found = parsePolicy(text, 'p.yml').diagnostics;
    expect(found).toHaveLength(101);
    expect(found.at(-1)).toMatchObject({ code: 'too-many', severity: 'error' });
    const twins = parsePolicy(`version: 1\n${'a: 1\n'.repeat(3000)}`, 'p.yml').diagnostics;
    expect(twins.length).toBeLessThan(150);
  });

  test('nested without end is refused', () => {
    for (const depth of [25, 2000, 100_000])
      expect(codes(`version: 1\nx: ${'['.repeat(depth)}`)).toContain('too-deep');
  });

  test('an entity bomb stays small', () => {
    const lines = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefghi'
        .split('')
        .map((key, i) => `${key}: &${key} [${`*${'abcdefgh'[i] ?? 'a'},`.repeat(9)}]`),
    ];
    expect(codes(`version: 1\n${lines.join('\n')}\n`)).toContain('alias');
  });

  test('any text at all gives diagnostics or a document, never an exception', () => {
    const word = fc.constantFrom(
      'version',
      ': ',
      '1',
      '\n',
      '  ',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '&a',
      '*a',
      '!t',
      '"',
      "'",
      '|',
      '>',
      '#',
      'network',
      'allow',
      '\t',
      '\u0000',
      '?',
      '---',
      '...',
      '%YAML',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(word, { maxLength: 40 }).map((words) => words.join('')),
        ),
        (text) => {
          const { document: found, diagnostics } = parsePolicy(text, 'p.yml');
          expect(
            found !== undefined || diagnostics.some(({ severity }) => severity === 'error'),
          ).toBe(true);
          expect(renderDiagnostics(diagnostics, { 'p.yml': text })).not.toMatch(
            /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/,
          );
        },
      ),
      { numRuns: 400 },
    );
  });
});

describe('a diagnostic', () => {
  test('shows the line with a caret, and nothing of it raw', () => {
    const text = 'version: 1\nmode: "\u001b[31maudti\u0007"\n';
    const [fault] = parsePolicy(text, 'dir/p.yml').diagnostics.filter(
      ({ code }) => code === 'value',
    );
    expect(fault && renderDiagnostic(fault, text).split('\n').slice(1, 3)).toEqual([
      '  2 | mode: "␛[31maudti␇"',
      '    |       ^^^^^^^^^^^^^',
    ]);
  });

  test('suggests the word that was meant', () => {
    expect(parsePolicy('version: 1\nfilesytem: {}\n', 'p').diagnostics[0]?.help).toBe(
      'did you mean `filesystem`?',
    );
    expect(parsePolicy('version: 1\nmode: enforced\n', 'p').diagnostics[0]?.help).toBe(
      'did you mean `enforce`?',
    );
  });

  test('of a very long line is cut around the fault', () => {
    const text = `version: 1\nlock: [${'mode, '.repeat(5000)}nope]\n`;
    const [fault] = parsePolicy(text, 'p').diagnostics;
    expect(fault && renderDiagnostic(fault, text).length).toBeLessThan(600);
  });
});

describe('the published schema', () => {
  const validate = new Ajv2020({ strict: true, strictTypes: false, allErrors: true }).compile(
    POLICY_SCHEMA,
  );

  test('accepts the whole grammar', () => {
    expect(validate(parseYaml(WHOLE))).toBe(true);
  });

  test('says the same as the reader of policies, on documents bent at random', () => {
    const key = fc.constantFrom(
      'version',
      'mode',
      'network',
      'filesystem',
      'execution',
      'limits',
      'lock',
      'max',
      'tests',
      'allow',
      'deny',
      'host',
      'path',
      'access',
      'ports',
      'methods',
      'paths',
      'cpus',
      'memory',
      'user',
      'mcp',
      'servers',
      'id',
      'netwrok',
      'request',
      'expect',
      'extends',
      'workflow',
      'env',
      'credentials',
      'provider',
      'exceptions',
      '__proto__',
      'constructor',
    );
    const leaf = fc.constantFrom<unknown>(
      1,
      0,
      70000,
      1.5,
      null,
      true,
      '',
      'audit',
      'agent',
      'read',
      '4GiB',
      'a.b',
      '.',
      'gh',
      'github-app',
      'allow',
      'x'.repeat(2000),
    );
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 4, depthSize: 'small' },
        leaf,
        fc.array(tie('node'), { maxLength: 3 }),
        fc.dictionary(key, tie('node'), { maxKeys: 4, noNullPrototype: true }),
      ),
    })).node;
    const bent = fc.oneof(
      tree,
      fc
        .dictionary(key, tree, { maxKeys: 4, noNullPrototype: true })
        .map((extra) => ({ version: 1, ...extra })),
      fc
        .tuple(
          fc.constantFrom('network', 'filesystem', 'execution', 'limits', 'max', 'require'),
          tree,
        )
        .map(([name, value]) => ({ ...(parseYaml(WHOLE) as object), [name]: value })),
    );
    fc.assert(
      fc.property(bent, (value) => {
        const { root } = readYaml(JSON.stringify(value), 'p');
        if (root === undefined) return;
        const faults = checkSchema(root, POLICY_SCHEMA, 'p');
        expect(faults.length === 0, JSON.stringify({ faults, ajv: validate.errors })).toBe(
          validate(JSON.parse(JSON.stringify(value))),
        );
      }),
      { numRuns: 800 },
    );
  });
});
