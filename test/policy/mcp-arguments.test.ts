// Conditions on arguments: what gets past none of them, and what all of them let through.
import { describe, expect, it } from 'vitest';

import { callWith, effectOf, withArguments, withRules } from './mcp-support.ts';

const judge = (schema: string, value: unknown): string =>
  effectOf(withArguments(`{a: ${schema}}`), callWith({ a: value }));

describe('an allow with arguments', () => {
  it.each<[string, string, unknown]>([
    ['a list for a text', '{within: [/workspace]}', ['/workspace/a']],
    ['a map for a text', '{pattern: ".*"}', { toString: 'x' }],
    ['a number for a text', '{maxLength: 9}', 0],
    ['null for a text', '{minLength: 0}', null],
    ['a text for a boolean', '{type: boolean}', 'true'],
    ['a number for a boolean', '{type: boolean}', 1],
    ['a text for a number', '{maximum: 9}', '1'],
    ['a fraction for an integer', '{type: integer}', 1.5],
    ['no number at all', '{type: number}', NaN],
    ['a text for a fixed number', '{const: 1}', '1'],
    ['a number for a fixed text', '{enum: ["1"]}', 1],
    ['a map for a list', '{maxItems: 3}', { length: 1 }],
    ['a text for a list', '{items: {type: string}}', 'abc'],
    ['a list for a map', '{properties: {}}', []],
    ['null for a map', '{type: object}', null],
    ['one of several that is wrong', '{items: {const: x}}', ['x', 'y']],
  ])('AS7 takes no %s', (_, schema, value) => expect(judge(schema, value)).toBe('deny'));

  it.each<[string, unknown]>([
    ['an argument that it does not name', { path: '/workspace/a', sidenote: 'x' }],
    ['a key that it does not name, within one', { path: '/workspace/a', options: { root: '/' } }],
    ['the same, deeper', { path: '/workspace/a', options: { more: { root: '/' } } }],
    ['a name that every object has', { path: '/workspace/a', constructor: {} }],
    ['arguments that are a list', [{ path: '/workspace/a' }]],
    ['arguments that are nothing', null],
    ['arguments that are a text', '{"path":"/workspace/a"}'],
  ])('AS8 refuses %s', (_, args) => {
    const policy = withArguments(
      '{path: {within: [/workspace]}, options: {optional: true, properties: {depth: {type: integer}, more: {properties: {n: {type: integer}}}}}}',
    );
    expect(effectOf(policy, callWith(args))).toBe('deny');
    expect(
      effectOf(policy, callWith({ path: '/workspace/a', options: { depth: 1, more: { n: 1 } } })),
    ).toBe('allow');
  });

  it('AS8 takes keys that it does not name where that is said', () => {
    const policy = withArguments('{o: {type: object, additionalProperties: true}}');
    expect(effectOf(policy, callWith({ o: { any: [1, { x: 2 }] } }))).toBe('allow');
  });

  it('AS10 wants every argument that it names, but for optional ones', () => {
    const policy = withArguments(
      '{repo: {const: acme/app}, title: {type: string, optional: true}}',
    );
    expect(effectOf(policy, callWith({ title: 'x' }))).toBe('deny');
    expect(effectOf(policy, callWith({}))).toBe('deny');
    expect(effectOf(policy, callWith({ repo: 'acme/app' }))).toBe('allow');
    expect(effectOf(policy, callWith({ repo: 'acme/app', title: 'x' }))).toBe('allow');
    expect(effectOf(policy, callWith({ repo: 'acme/app', title: 1 }))).toBe('deny');
  });

  it('lets the tool be listed whatever it says of arguments', () => {
    expect(effectOf(withArguments('{repo: {const: acme/app}}'), callWith())).toBe('allow');
  });
});

const TRAVERSALS = [
  '/workspace/../etc/passwd',
  '/workspace/..\\..\\etc',
  '..\\..\\etc\\passwd',
  '/workspace/%2e%2e%2fetc',
  '/workspace/....//....//etc',
  '/workspace/./../../etc',
  '//etc/passwd',
  '/workspace//etc',
  '/workspace/a\u0000.txt',
  '/workspace/\uff0e\uff0e/x',
  '/workspace/\u2025/x',
  '/workspace/a\uff0f..\uff0fx',
  '/workspace/etc.',
  '/workspace/etc ',
  '/workspace/.. /x',
  '/workspace/..',
  '/workspace/.',
  '..',
  '',
  'C:\\Windows',
  'C:/workspace',
  '\\\\host\\share',
  '/workspace/a\nb',
  '/workspace/\u202etxt.exe',
  '/workspace/\ud800',
  `/workspace/${'a/'.repeat(3000)}b`,
];
const EXPANSIONS = [
  '~/.ssh/id_rsa',
  '~root/x',
  '$HOME/x',
  '${IFS}',
  '/workspace/${HOME}/x',
  '/workspace/$(id)',
  '/workspace/`id`',
  '/workspace/$HOME/x',
  '/proc/self/root/etc/passwd',
  '/proc/1/environ',
  'file:///etc/passwd',
  'file:///workspace/a',
  '/dev/fd/3',
  '/WORKSPACE/a',
  '/workspace2/a',
];
const PLACES = [
  '/workspace',
  '/workspace/',
  '/workspace/a.txt',
  '/workspace/a..b/c',
  '/workspace/.env.example',
  '/workspace/\u65e5\u672c\u8a9e/\u00fc.txt',
  '/workspace/\ud83d\ude00 notes.md',
  '/workspace/Foo$Bar.class',
  '/workspace/100%/x',
  '/workspace/a~',
];

describe('a path within a place', () => {
  it.each(TRAVERSALS)('AS11 is not %j', (text) =>
    expect(judge('{within: ["/workspace/**"]}', text)).toBe('deny'),
  );
  it.each(EXPANSIONS)('AS14 is not %j', (text) =>
    expect(judge('{within: ["/workspace/**"]}', text)).toBe('deny'),
  );
  it.each(PLACES)('AS25 is %j', (text) =>
    expect(judge('{within: ["/workspace/**"]}', text)).toBe('allow'),
  );

  it('may be relative to the workspace, as a text and as what it leads to', () => {
    for (const text of ['src/a', './src/a', '/home/u/ws/src/a'])
      expect(judge('{within: [src]}', text)).toBe('allow');
    for (const text of ['a', '/src/a', '/home/u/src/a', 'src/../a', '/home/u/ws/a'])
      expect(judge('{within: [src]}', text)).toBe('deny');
    expect(judge('{within: [.]}', '.')).toBe('allow');
    expect(judge('{within: [.]}', '/home/u/ws')).toBe('allow');
    expect(judge('{within: ["~/c"]}', '/home/u/c/x')).toBe('allow');
    expect(judge('{within: ["~/c"]}', '~/c/x')).toBe('deny');
  });

  it('of a deny is also whatever could be there', () => {
    const policy = withRules(
      'allow: [{server: files, tools: [t]}], deny: [{server: files, tools: [t], arguments: {a: {within: [/etc]}}}]',
    );
    const texts = ['/etc', '/etc/passwd', '/ETC/passwd', ...TRAVERSALS, '~/x', 'etc/passwd'];
    for (const a of texts) expect(effectOf(policy, callWith({ a })), a).toBe('deny');
    for (const a of ['/workspace/a', '/etcetera'])
      expect(effectOf(policy, callWith({ a })), a).toBe('allow');
    expect(effectOf(policy, callWith({ b: '/etc/passwd' }))).toBe('allow');
    expect(effectOf(policy, callWith())).toBe('allow');
  });
});

const HOSTS = '{hosts: [docs.example.test, "*.api.example.test"]}';

describe('a URL at a host', () => {
  it.each([
    'https://docs.example.test@evil.test/',
    'https://evil.test#@docs.example.test',
    'https://evil.test?@docs.example.test',
    'https://docs.example.test.evil.test',
    'https:/\\evil.test',
    'https:\\\\docs.example.test',
    'https://docs.example.test\\@evil.test',
    'https://docs.example.test\u3002evil',
    'https://docs.example.test\uff0fevil.test',
    'https://docs.example.te\tst/',
    'https://docs.example.test/\n',
    ' https://docs.example.test/',
    'https://docs.example.test%2eevil.test/',
    'https://user:pw@docs.example.test/',
    '//docs.example.test/',
    'docs.example.test',
    'ftp://docs.example.test/',
    'javascript:https://docs.example.test/',
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://0x7f000001/',
    'https://a.b.api.example.test/',
    'https://api.example.test/',
    'https:///docs.example.test/',
    '',
  ])('AS16 is not %j', (text) => expect(judge(HOSTS, text)).toBe('deny'));

  it.each([
    'https://docs.example.test/',
    'https://docs.example.test',
    'HTTPS://DOCS.EXAMPLE.TEST.:443/',
    'http://docs.example.test:8080/a?b=https://evil.test#@c',
    'https://v1.api.example.test/x%2Fy',
  ])('AS16 is %j', (text) => expect(judge(HOSTS, text)).toBe('allow'));

  it('of a deny is also what may lead there, and what nobody can tell', () => {
    const policy = withRules(
      'allow: [{server: files, tools: [t]}], deny: [{server: files, tools: [t], arguments: {url: {hosts: ["**.evil.test", evil.test]}}}]',
    );
    for (const url of ['https://EVIL.test./', 'https://a.evil.test', 'https://x@y', 'evil.test/x'])
      expect(effectOf(policy, callWith({ url })), url).toBe('deny');
    expect(effectOf(policy, callWith({ url: 'https://good.test/' }))).toBe('allow');
  });
});

describe('a pattern', () => {
  const SAFE = '{pattern: "[A-Za-z0-9_.][A-Za-z0-9_./-]*"}';
  it.each(['; rm -rf /', '$(curl x)', '`id`', '--upload-pack=sh', '-x', 'a b', 'a|b', 'a\n-x', ''])(
    'AS19 of plain letters that start with no dash takes no %j',
    (text) => expect(judge(SAFE, text)).toBe('deny'),
  );
  it.each(['main', 'feature/x-1', 'v1.2.3'])('AS19 of plain letters takes %j', (text) =>
    expect(judge(SAFE, text)).toBe('allow'),
  );

  it.each([
    ['^octo/.*$', 'octo/x\nevil/y'],
    ['octo/.*', 'evil/octo/x'],
    ['octo/[a-z]+', 'octo/x\n'],
    ['(?m)^octo/[a-z]+$', 'evil\nocto/x'],
    ['(?m)^octo/.*$', 'octo/x\nevil/y'],
    ['octo|evil', 'octoevil'],
  ])('AS20 of an allow must match all: %j does not take %j', (pattern, text) =>
    expect(judge(`{pattern: ${JSON.stringify(pattern)}}`, text)).toBe('deny'),
  );

  it('AS20 of a deny need match any part only', () => {
    const policy = withRules(
      'allow: [{server: files, tools: [t]}], deny: [{server: files, tools: [t], arguments: {q: {pattern: "(?i)drop +table"}}}]',
    );
    expect(effectOf(policy, callWith({ q: 'select 1; DROP  TABLE x' }))).toBe('deny');
    expect(effectOf(policy, callWith({ q: 'select 1' }))).toBe('allow');
    // What is no text is nothing the pattern could speak for.
    expect(effectOf(policy, callWith({ q: ['drop table x'] }))).toBe('deny');
    expect(effectOf(policy, callWith({ q: 'x'.repeat(70_000) }))).toBe('deny');
  });

  it('takes linear time, whatever is written', () => {
    const policy = withArguments('{a: {pattern: "(a+)+$"}}');
    expect(effectOf(policy, callWith({ a: `${'a'.repeat(60_000)}!` }))).toBe('deny');
  });

  it('takes no text that is too long to be judged, nor halves of characters', () => {
    expect(judge('{pattern: ".*"}', 'x'.repeat(65_536))).toBe('allow');
    expect(judge('{pattern: ".*"}', 'x'.repeat(65_537))).toBe('deny');
    expect(judge('{pattern: ".*"}', 'a\ud800')).toBe('deny');
  });
});

describe('M07 a repository', () => {
  it.each<[unknown]>([
    ['other/private'],
    ['my-org/app/../../other/private'],
    ['my-org/app\u0000other/private'],
    [['my-org/app', 'other/private']],
    [{ $ne: '' }],
    ['MY-ORG%2Fapp@other/private'],
    ['MY-ORG /app'],
    ['my-org/app '],
  ])('of one owner is not %j', (repo) => {
    const policy = withArguments('{repo: {pattern: "my-org/[A-Za-z0-9_.-]+"}}');
    expect(effectOf(policy, callWith({ repo }))).toBe('deny');
    expect(effectOf(policy, callWith({ repo: 'my-org/app' }))).toBe('allow');
    expect(effectOf(policy, callWith({ repo: 'my-org/app', owner: 'x' }))).toBe('deny');
  });
});

describe('AS25 what is harmless', () => {
  it.each<[string, unknown]>([
    ['{type: string, maxLength: 200}', '\ud83d\udc69\u200d\ud83d\udcbb T\u00eate \u65e5\u672c'],
    ['{type: string, maxLength: 2}', '\ud83d\ude00\ud83d\ude00'],
    ['{type: string}', 'x'.repeat(60_000)],
    ['{pattern: "(?s).*"}', `${'line\n'.repeat(12_000)}`],
    ['{type: [object, "null"], additionalProperties: true}', { a: { b: [{ c: null }] } }],
    ['{}', { any: ['thing', 1, null, { x: {} }] }],
    ['{const: {b: 1, a: [1]}}', { a: [1], b: 1 }],
    ['{type: integer, minimum: -5}', -0],
    ['{enum: [1, x, null]}', null],
    [
      '{items: {properties: {n: {type: integer}}, required: [n]}, maxItems: 2}',
      [{ n: 1 }, { n: 2 }],
    ],
  ])('fits %s', (schema, value) => expect(judge(schema, value)).toBe('allow'));
});

describe('a deny with arguments', () => {
  const policy = withRules(
    'allow: [{server: files, tools: [t]}], deny: [{server: files, tools: [t], arguments: {owner: {enum: [evil]}, options: {properties: {force: {const: true}}, required: [force]}}}]',
  );
  it('speaks of calls where every one is there and fits, whatever else they hold', () => {
    const options = { force: true };
    expect(effectOf(policy, callWith({ owner: 'evil', options }))).toBe('deny');
    expect(effectOf(policy, callWith({ owner: 'evil', options: { ...options, x: 1 }, y: 2 }))).toBe(
      'deny',
    );
    expect(effectOf(policy, callWith({ owner: 'good', options }))).toBe('allow');
    expect(effectOf(policy, callWith({ options }))).toBe('allow');
    expect(effectOf(policy, callWith({ owner: 'evil', options: {} }))).toBe('allow');
  });
});
