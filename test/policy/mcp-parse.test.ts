// Rules and servers as they are read: every fault with its place, and nothing that would not be enforced.
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';

import { parsePolicy } from '../../src/policy/parse.ts';
import { POLICY_SCHEMA } from '../../src/policy/schema.ts';
import { codesOf, faultsOf } from './mcp-support.ts';

const rule = (text: string): string => `mcp: {allow: [${text}]}`;
const deny = (text: string): string => `mcp: {deny: [${text}]}`;
const argument = (text: string): string => rule(`{server: s, tools: [t], arguments: {a: ${text}}}`);

describe('a rule', () => {
  test('is read as it is written', () => {
    const { document, diagnostics } = parsePolicy(
      `version: 1
mcp:
  allow:
    - id: issues
      server: [github, "gh-*"]
      tools: [create_issue]
      arguments: {owner: {const: acme}, title: {type: string, maxLength: 200, optional: true}, n: {minimum: 1}}
      limit: 5/hour
      per: [owner]
      results: {size: 64KiB, types: [text], schema: strict}
      reason: because
  deny:
    - {server: "*", tools: ["delete_*"]}
    - {server: github}
  secrets: {arguments: report, results: block}
max:
  mcp: {servers: [{id: "gh-*"}], allow: [{server: "*", features: [logging]}]}
`,
      'p.yml',
    );
    expect(diagnostics).toEqual([]);
    expect(document?.mcp.allow).toEqual([
      {
        id: 'issues',
        place: 'mcp.allow[0]',
        file: 'p.yml',
        line: 4,
        column: 7,
        reason: 'because',
        servers: ['github', 'gh-*'],
        tools: ['create_issue'],
        arguments: {
          owner: { const: 'acme' },
          title: { type: ['string'], maxLength: 200, optional: true },
          n: { type: ['number'], minimum: 1 },
        },
        limit: { count: 5, per: 'hour' },
        per: ['owner'],
        results: { maxBytes: 65536, types: ['text'], schema: 'strict' },
      },
    ]);
    expect(document?.mcp.deny.map(({ servers, tools }) => [servers, tools])).toEqual([
      [['*'], ['delete_*']],
      [['github'], undefined],
    ]);
    expect(document?.mcp.secrets).toEqual({ arguments: 'report', results: 'block' });
    expect(document?.max?.mcp.allow[0]?.features).toEqual(['logging']);
  });

  test.each([
    ['names nothing it allows', rule('{server: s}'), 'missing-key', '{server'],
    ['names no server', rule('{tools: [t]}'), 'missing-key', '{tools'],
    ['has a key that is none', rule('{server: s, tool: [t]}'), 'unknown-key', 'tool:'],
    ['names a server that none can be called', rule('{server: A_b, tools: [t]}'), 'value', 'A_b'],
    ['denies an empty list', deny('{server: s, tools: []}'), 'empty-list', 'tools'],
    ['denies no server', deny('{server: [], tools: [t]}'), 'empty-list', 'server'],
    ['counts what it denies', deny('{server: s, limit: 1/day}'), 'conflict', 'limit'],
    ['bounds results of what it denies', deny('{server: s, results: {}}'), 'conflict', 'results'],
    [
      'counts by values without a limit',
      rule('{server: s, tools: [t], per: [a]}'),
      'conflict',
      'per',
    ],
    [
      'counts by no value',
      rule('{server: s, tools: [t], limit: 1/day, per: []}'),
      'conflict',
      'per',
    ],
    [
      'has arguments and no tools',
      rule('{server: s, resources: ["a:"], arguments: {a: {}}}'),
      'conflict',
      'arguments',
    ],
    [
      'denies by arguments of nothing',
      deny('{server: s, arguments: {a: {}}}'),
      'conflict',
      'arguments',
    ],
    [
      'has arguments of resources',
      rule('{server: s, tools: [t], resources: ["a:"], arguments: {}}'),
      'conflict',
      'arguments',
    ],
    [
      'bounds results of features',
      rule('{server: s, features: [logging], results: {}}'),
      'conflict',
      'results',
    ],
    ['names a feature that is none', rule('{server: s, features: [tasks]}'), 'value', 'tasks'],
    ['names a URI that matches none', rule('{server: s, resources: ["/etc/*"]}'), 'value', '"/etc'],
    [
      'bounds results to nothing',
      rule('{server: s, tools: [t], results: {size: 0B}}'),
      'value',
      '0B',
    ],
    [
      'names a kind of content that is none',
      rule('{server: s, tools: [t], results: {types: [html]}}'),
      'value',
      'html',
    ],
    ['limits by no rate', rule('{server: s, tools: [t], limit: 5/year}'), 'value', '5/year'],
    ['redacts arguments', 'mcp: {secrets: {arguments: redact}}', 'value', 'redact'],
  ])('that %s is refused, with its place', (_, text, code, at) => {
    expect(faultsOf(text)).toContain(`${code} 2:${text.indexOf(at) + 1}`);
    expect(parsePolicy(`version: 1\n${text}\n`, 'p.yml').document).toBeUndefined();
  });

  test('that names nothing to allow is told the four keys', () => {
    const [fault] = parsePolicy(`version: 1\n${rule('{server: s}')}\n`, 'p.yml').diagnostics;
    expect(fault?.help).toBe('name it under `tools`, `prompts`, `resources`, `features`');
  });

  test('with an empty list allows nothing, and is warned of', () => {
    const text = rule('{server: s, tools: []}');
    expect(faultsOf(text)).toEqual([`(warning) empty-list 2:${text.indexOf('tools') + 1}`]);
  });

  test('takes an id once in a file', () => {
    expect(
      faultsOf('network: {allow: [{id: x, host: a.dev}]}\nmcp: {deny: [{id: x, server: s}]}'),
    ).toEqual(['duplicate-id 3:14']);
  });
});

describe('what arguments are judged by', () => {
  test.each([
    ['a keyword that is none', '{format: uri}'],
    ['a look-ahead', '{pattern: "(?=x)"}'],
    ['a back-reference', '{pattern: "(a)\\\\1"}'],
    ['an open group', '{pattern: "(a"}'],
    ['repeats of repeats', '{pattern: "((a{100}){100}){100}"}'],
    ['a pattern that is too large', '{pattern: "[a-z]{1000}[0-9]{1000}"}'],
    ['a type that is none', '{type: text}'],
    ['no type at all', '{type: []}'],
    ['a keyword of another type', '{type: string, minimum: 1}'],
    ['no choice at all', '{enum: []}'],
    ['a number that JSON has not', '{const: .inf}'],
    ['bounds that nothing is between', '{minLength: 5, maxLength: 4}'],
    ['a length below zero', '{minLength: -1}'],
    ['a key that is required and refused', '{properties: {a: {}}, required: [b]}'],
    ['`optional` within one', '{properties: {a: {optional: true}}}'],
    ['a path that leads up', '{within: ["../x"]}'],
    ['a place with a variable', '{within: ["$HOME"]}'],
    ['a host that is an address', '{hosts: ["127.0.0.1"]}'],
    ['a host that is a URL', '{hosts: ["https://a.test"]}'],
    ['a host with a wildcard inside', '{hosts: ["a.*.test"]}'],
    ['a schema that is a text', 'string'],
    ['a reference', '{$ref: "http://169.254.169.254/"}'],
  ])('may not hold %s', (_, text) => {
    const { document, diagnostics } = parsePolicy(`version: 1\n${argument(text)}\n`, 'p.yml');
    expect(document).toBeUndefined();
    expect(diagnostics.every(({ span }) => span.line === 2 && span.column > 40)).toBe(true);
  });

  test('is bounded in depth and number', () => {
    const nested = (depth: number): string =>
      depth === 1 ? '{}' : `{properties: {a: ${nested(depth - 1)}}}`;
    const many = (count: number): string =>
      `{properties: {${Array.from({ length: count - 1 }, (_, i) => `k${i}: {}`).join(', ')}}}`;
    expect(codesOf(argument(nested(6)))).toEqual([]);
    expect(codesOf(argument(nested(9)))).not.toEqual([]);
    const items = (depth: number): string => (depth === 1 ? '{}' : `{items: ${items(depth - 1)}}`);
    expect(codesOf(argument(items(8)))).toEqual([]);
    expect(codesOf(argument(items(9)))).toEqual(['value']);
    expect(codesOf(argument(many(256)))).toEqual([]);
    expect(codesOf(argument(many(257)))).toEqual(['value']);
    expect(faultsOf(argument(many(2000)))).toHaveLength(1);
  });

  test('of a deny is not optional, and never empty', () => {
    const of = (text: string): string[] =>
      codesOf(deny(`{server: s, tools: [t], arguments: ${text}}`));
    expect(of('{a: {optional: true}}')).toEqual(['conflict']);
    expect(of('{a: {within: []}}')).toEqual(['empty-list']);
    expect(of('{a: {hosts: []}}')).toEqual(['empty-list']);
    expect(of('{}')).toEqual(['empty-list']);
    expect(of('{a: {}}')).toEqual([]);
  });

  test('may be called what every object has by itself', () => {
    const { document } = parsePolicy(
      `version: 1\n${rule('{server: s, tools: [t], arguments: {__proto__: {const: 1}, constructor: {}}}')}\n`,
      'p.yml',
    );
    expect(Object.keys(document?.mcp.allow[0]?.arguments ?? {})).toEqual([
      '__proto__',
      'constructor',
    ]);
  });
});

describe('LC10 a policy that', () => {
  const huge = `${'x: [1]\n'.repeat(30_000)}`;
  it.each([
    ['explodes by aliases', 'a: &a [1]\nmcp: {allow: [*a, *a]}'],
    ['merges keys', 'mcp: {<<: {allow: []}}'],
    ['has a key twice', 'mcp: {allow: []}\nmcp: {deny: []}'],
    ['has a key twice in a rule', rule('{server: s, server: t, tools: [t]}')],
    ['holds code', 'mcp: {allow: !!js/function "function() {}"}'],
    ['is too long', huge + huge],
    ['has a second document', 'mcp: {}\n---\nmcp: {}'],
    ['is deep', argument('['.repeat(40) + ']'.repeat(40))],
  ])('%s is refused with a line, and nothing of it is loaded', (_, text) => {
    const { document, diagnostics } = parsePolicy(`version: 1\n${text}\n`, 'p.yml');
    expect(document).toBeUndefined();
    expect(
      diagnostics.filter(({ severity }) => severity === 'error')[0]?.span.line,
    ).toBeGreaterThan(0);
  });

  it('is any text at all is a document or has faults, never an exception', () => {
    const word = fc.constantFrom(
      ...[
        'mcp',
        'allow',
        'deny',
        'servers',
        'server',
        'tools',
        'arguments',
        'id',
        'url',
        'command',
      ],
      ...[
        'env',
        'sandbox',
        'pattern',
        'properties',
        'items',
        'const',
        'enum',
        'type',
        'limit',
        'per',
      ],
      ...['results', 'secrets', 'max', 'within', 'hosts', '__proto__', 'features', 'require'],
    );
    const leaf = fc.constantFrom<unknown>(
      's',
      '*',
      '(',
      'string',
      1,
      -1,
      null,
      true,
      '5/hour',
      'https://a.test/',
    );
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 6 },
        leaf,
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(word, tie('tree'), { maxKeys: 5 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(word, tree, { maxKeys: 4 }), (mcp) => {
        const text = JSON.stringify({ version: 1, mcp, max: { mcp } });
        const { document, diagnostics } = parsePolicy(text, 'p.yml');
        expect(
          document !== undefined || diagnostics.some(({ severity }) => severity === 'error'),
        ).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a server', () => {
  const server = (text: string): string => `mcp: {servers: [${text}]}`;
  const OK = '{id: a, command: [x]}';
  test('is read as it is written', () => {
    const { document } = parsePolicy(
      `version: 1
credentials: [{id: gh, provider: env, request: {name: T}, bind: [{host: a.test}]}]
mcp:
  servers:
    - {id: github, url: "https://mcp.example.com/mcp", credential: gh, required: false}
    - id: files
      command: [npx, -y, "@modelcontextprotocol/server-filesystem@2026.8.31", .]
      env: {LOG_LEVEL: debug}
      require: {provenance: true}
      sandbox: {filesystem: {allow: [{path: ., access: read}]}}
`,
      'p.yml',
    );
    const [github, files] = document?.mcp.servers ?? [];
    expect(github).toMatchObject({
      id: 'github',
      at: { kind: 'remote', url: 'https://mcp.example.com/mcp' },
      credential: 'gh',
      required: false,
      provenance: false,
    });
    expect(files).toMatchObject({
      id: 'files',
      at: { kind: 'local', environment: { LOG_LEVEL: 'debug' } },
      required: true,
      provenance: true,
    });
    expect(files?.sandbox?.filesystem.allow[0]?.place).toBe(
      'mcp.servers[1].sandbox.filesystem.allow[0]',
    );
  });

  it.each(['a__b', 'A', 'a.b', 'a b', 'a/b', '__proto__', '\u00e4', 'x'.repeat(33), '""', '"fx "'])(
    'NM2 is not called %j: no separator can stand in an id',
    (id) => expect(codesOf(server(`{id: ${id}, command: [x]}`))).toContain('value'),
  );
  it('NM2 is called what no other is, in one file', () => {
    expect(codesOf(server(`${OK}, ${OK}`))).toEqual(['duplicate-id']);
    expect(codesOf(server('{id: proto, command: [x]}, {id: a-b-2, command: [x]}'))).toEqual([]);
  });

  test.each([
    ['neither place', '{id: a}', 'missing-key'],
    ['two places', '{id: a, url: "https://a.test/", command: [x]}', 'conflict'],
    ['an image', '{id: a, image: "oci:x"}', 'unknown-key'],
    ['no word', '{id: a, command: []}', 'value'],
    ['a credential for a command', '{id: a, command: [x], credential: gh}', 'conflict'],
    ['a sandbox for a URL', '{id: a, url: "https://a.test/", sandbox: {}}', 'conflict'],
    ['variables for a URL', '{id: a, url: "https://a.test/", env: {A: b}}', 'conflict'],
    [
      'provenance of a URL',
      '{id: a, url: "https://a.test/", require: {provenance: true}}',
      'conflict',
    ],
    ['a credential that is not there', '{id: a, url: "https://a.test/", credential: no}', 'value'],
    ['a guest user', '{id: a, command: [x], sandbox: {execution: {user: root}}}', 'not-enforced'],
    [
      'credentials in its sandbox',
      '{id: a, command: [x], sandbox: {credentials: []}}',
      'unknown-key',
    ],
    ['servers in its sandbox', '{id: a, command: [x], sandbox: {mcp: {}}}', 'unknown-key'],
    [
      'an allow without access in its sandbox',
      '{id: a, command: [x], sandbox: {filesystem: {allow: [{path: x}]}}}',
      'missing-key',
    ],
  ])('with %s is refused', (_, text, code) => expect(codesOf(server(text))).toContain(code));

  test.each([
    'http://a.test/mcp',
    'ftp://a.test/',
    'https://user:pw@a.test/',
    'https://a.test/?key=x',
    'https://a.test/#x',
    'https://a.test/a/../b',
    'https://a.test/%2e%2e/b',
    'https://a.test:0/',
    'https://a.test:99999/',
    'https://169.254.169.254/latest',
    'https://[::ffff:10.0.0.1]/',
    'https://127.0.0.2/',
    'http://10.0.0.1/',
    'https://x.localhost/',
    'https://host.sandbox.internal/',
    'https://mcp.sandbox.internal/',
    'https://*.test/',
    'https:///mcp',
    'https://0x7f000001/',
    'https://a.test\\@b.test/',
    'javascript:alert(1)',
    'file:///x',
    '//a.test/',
  ])('is never at %s', (url) =>
    expect(codesOf(server(`{id: a, url: '${url}'}`))).toEqual(['value']),
  );
  test.each([
    'https://mcp.example.com/mcp',
    'https://mcp.example.com',
    'https://mcp.example.com:8443/a/',
    'http://localhost:3000/mcp',
    'http://127.0.0.1:3000/mcp',
    'http://[::1]:3000/',
    'https://10.1.2.3/mcp',
    'https://b\u00fccher.example/',
  ])('may be at %s', (url) => expect(codesOf(server(`{id: a, url: "${url}"}`))).toEqual([]));

  it.each([
    '[sh, -c, "npx x && curl y"]',
    '[/bin/bash, script.sh]',
    '[BASH, -lc, x]',
    '[env, A=b, sh, -c, x]',
    '[timeout, "5", bash, -ec, x]',
    '[xargs, sh]',
    '[busybox, sh]',
    '[anything, sh, -c, x]',
    '[npx, -c, "a; b"]',
    '[npx, "--call=a; b"]',
    '[cmd.exe, /c, x]',
    '[pwsh, -Command, x]',
  ])('LC2 %s is a shell, unless that is said', (command) => {
    expect(codesOf(server(`{id: a, command: ${command}}`))).toEqual(['value']);
    expect(codesOf(server(`{id: a, command: ${command}, shell: true}`))).toEqual([]);
  });
  it.each([
    '["npx x && curl y"]',
    '[npx, "a\\nb"]',
    '[npx, "a\\0b"]',
    '[npx, "${SECRET}"]',
    '[npx, "$(id)"]',
    '[npx, $HOME]',
    `[${Array.from({ length: 65 }, () => 'x').join(', ')}]`,
  ])('LC2 %s is no command', (command) =>
    expect(codesOf(server(`{id: a, command: ${command}}`))).toEqual(['value']),
  );
  it.each(['[npx, x, ";", "|", "&&"]', '[node, server.js, --sh]', '[./bin/server, "a b"]'])(
    'LC2 %s is one: no shell reads it',
    (command) => expect(codesOf(server(`{id: a, command: ${command}}`))).toEqual([]),
  );

  it.each([
    ...[
      'NODE_OPTIONS',
      'NODE_PATH',
      'LD_PRELOAD',
      'LD_LIBRARY_PATH',
      'PYTHONSTARTUP',
      'PYTHONPATH',
    ],
    ...[
      'BASH_ENV',
      'ENV',
      'GIT_SSH_COMMAND',
      'GIT_CONFIG_COUNT',
      'npm_config_registry',
      'NPM_CONFIG_X',
    ],
    ...[
      'PERL5OPT',
      'RUBYOPT',
      'JAVA_TOOL_OPTIONS',
      'PATH',
      'DYLD_INSERT_LIBRARIES',
      'PIP_INDEX_URL',
    ],
    ...['UV_INDEX_URL', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'a-b', '"A=B"', '1A'],
  ])('LC5 is not given %s', (name) =>
    expect(codesOf(server(`{id: a, command: [x], env: {${name}: v}}`))).toEqual(['value']),
  );
  it.each(['"${SECRET}"', '$SECRET', '"x$(id)"', '"a\\nb"'])(
    'LC5 is not given the value %s',
    (value) =>
      expect(codesOf(server(`{id: a, command: [x], env: {TOKEN: ${value}}}`))).toEqual(['value']),
  );

  it.each([
    '{id: a, command: [docker, run, --privileged, x]}',
    '{id: a, command: [/usr/bin/docker, run, -v, "/:/host", x]}',
    '{id: a, command: [podman, run, --network, host, x]}',
    '{id: a, command: [sudo, docker, run, x]}',
    '{id: a, command: [docker], shell: true}',
    '{id: a, command: [x], privileged: true}',
    '{id: a, command: [x], mounts: ["/:/host"]}',
    '{id: a, command: [x], network: host}',
    '{id: a, command: [x], sandbox: {filesystem: {allow: [{path: "../..", access: read}]}}}',
    '{id: a, command: [x], sandbox: {filesystem: {allow: [{path: "a/../../b", access: read}]}}}',
    '{id: a, command: [x], sandbox: {network: {allow: [{host: localhost}]}}}',
    '{id: a, command: [x], sandbox: {network: {allow: [{cidr: 169.254.169.254/32}]}}}',
    '{id: a, command: [x], env: {TOKEN: "${SECRET}"}}',
  ])('M23 is refused as %s', (text) =>
    expect(parsePolicy(`version: 1\n${server(text)}\n`, 'p.yml').document).toBeUndefined(),
  );

  test.each([
    ['[npx, -y, "@scope/name@1.2.3"]', true],
    ['[npx, "--package=name@1.2.3-beta.1", name]', true],
    ['[npx, -y, -p, name@1.2.3, name]', true],
    ['[uvx, "name==1.2.3"]', true],
    ['[uvx, --from, "name[cli]==1.2.3", name]', true],
    ['[uvx, name@1.2.3]', true],
    ['[npx, -y, name]', false],
    ['[npx, -y, name@latest]', false],
    ['[npx, -y, name@^1.2.3]', false],
    ['[npx, -y, "name@1"]', false],
    ['[npx, -y, "git+https://a.test/x@1.2.3"]', false],
    ['[uvx, "name>=1.2"]', false],
    ['[node, server.js]', false],
  ])('%s has one package with one version: %s', (command, isExact) =>
    expect(codesOf(server(`{id: a, command: ${command}, require: {provenance: true}}`))).toEqual(
      isExact ? [] : ['conflict'],
    ),
  );

  test('of a ceiling bounds by its id and its place, and by nothing that is not compared', () => {
    const ceiling = (text: string): string[] => codesOf(`max: {mcp: {servers: [${text}]}}`);
    expect(
      ceiling('{id: "gh-*"}, {id: a, url: "https://a.test/"}, {id: a, command: [sh, -c, x]}'),
    ).toEqual([]);
    expect(ceiling('{id: a, credential: x}')).toEqual(['unknown-key']);
    expect(ceiling('{id: a, sandbox: {}}')).toEqual(['unknown-key']);
    expect(ceiling('{id: a, env: {A: b}}')).toEqual(['conflict']);
    expect(codesOf('mcp: {servers: [{id: "a*", command: [x]}]}')).toEqual(['value']);
  });
});

test('the published schema says every key that is read', () => {
  const keys = (name: string): string[] =>
    Object.keys(POLICY_SCHEMA.$defs?.[name]?.properties ?? {});
  expect(keys('mcp')).toEqual(['servers', 'allow', 'deny', 'secrets', 'limits']);
  expect(keys('mcpRule').sort()).toEqual(
    [
      'id',
      'server',
      'tools',
      'prompts',
      'resources',
      'features',
      'arguments',
      'limit',
      'per',
      'results',
      'reason',
    ].sort(),
  );
  expect(keys('mcpServer').sort()).toEqual(
    [
      'id',
      'url',
      'command',
      'env',
      'credential',
      'sandbox',
      'shell',
      'required',
      'require',
      'reason',
    ].sort(),
  );
});
