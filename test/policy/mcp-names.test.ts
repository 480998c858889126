// Which server, tool, prompt, resource and feature a rule speaks of.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isCanonicalUri } from '../../src/match/resource.ts';
import { containsName, mayShareName } from '../../src/match/tool.ts';
import { matchesName } from '../../src/match/path.ts';
import type { Request } from '../../src/model/request.ts';
import { createDecider } from '../../src/policy/decide.ts';
import { effectOf, withRules } from './mcp-support.ts';
import { policyOf } from './support.ts';

const call = (tool: string, server = 'files'): Request => ({
  kind: 'tool',
  server,
  tool,
  arguments: {},
});
const read = (uri: string, server = 'files'): Request => ({ kind: 'resource', server, uri });

describe('names of tools', () => {
  const policy = withRules('allow: [{server: files, tools: [read_text_file, "get_*"]}]');
  it.each([
    '\uff52ead_text_file',
    'read_te\u0445t_file',
    'read\u200b_text_file',
    'Read_text_file',
    'read_text_file ',
    'read_text_file\u0000',
    'read_text_fil\u0065\u0301',
    'read_text_file\ud800',
    '',
    'x'.repeat(2000),
    '__proto__',
  ])('NM4 are bytes in an allow: %j is another', (tool) =>
    expect(effectOf(policy, call(tool))).toBe('deny'),
  );
  it('NM4 are what they are', () => {
    expect(effectOf(policy, call('read_text_file'))).toBe('allow');
    expect(effectOf(policy, call('get_'))).toBe('allow');
    expect(effectOf(policy, call('get_x', 'gh'))).toBe('deny');
  });

  it.each([
    'delete_repo',
    'DELETE_repo',
    '\uff44\uff45lete_repo',
    'de\u200blete_repo',
    'delete\u00ad_repo',
    '\u{1d41d}elete_repo',
    'delete_\u{e0041}repo',
  ])('NM4 are in a deny also what %j looks like', (tool) => {
    const open = withRules(
      'allow: [{server: "*", tools: ["*"]}], deny: [{server: "*", tools: ["Delete_*"]}]',
    );
    expect(effectOf(open, call(tool))).toBe('deny');
    expect(effectOf(open, call('remove_repo'))).toBe('allow');
  });

  it('M08 are all that counts: what a server says of a tool opens nothing', () => {
    const readOnly = withRules('allow: [{server: gh, tools: ["get_*", "list_*"]}]');
    for (const tool of ['write_repo', 'repo_get', 'xget_repo'])
      expect(effectOf(readOnly, call(tool, 'gh'))).toBe('deny');
    expect(effectOf(readOnly, call('get_repo', 'gh'))).toBe('allow');
  });

  it('M16 belong to their server, and no server is called what an object has by itself', () => {
    const open = withRules('allow: [{server: "*", tools: ["*"]}]');
    for (const server of ['__proto__', 'constructor', 'fx ', 'FILES', 'files/x', '', 'other'])
      expect(effectOf(open, call('t', server)), server).toBe('deny');
    const one = withRules('allow: [{server: "f*", tools: [search]}]');
    expect(effectOf(one, call('search'))).toBe('allow');
    expect(effectOf(one, call('search', 'gh'))).toBe('deny');
  });

  it('are allowed by nothing where there is no rule, or an empty list', () => {
    for (const rules of ['allow: []', 'allow: [{server: files, tools: []}]', 'deny: []']) {
      const empty = withRules(rules);
      for (const request of [call('t'), read('file:///a'), feature('sampling'), prompt('p')])
        expect(effectOf(empty, request)).toBe('deny');
    }
  });
});

const feature = (name: string): Request => ({ kind: 'feature', server: 'files', name });
const prompt = (name: string, args?: unknown): Request => ({
  kind: 'prompt',
  server: 'files',
  name,
  ...(args !== undefined && { arguments: args }),
});

describe('what is no tool', () => {
  it('BP1 is not allowed by a rule over tools', () => {
    const policy = withRules('allow: [{server: files, tools: ["*"]}]');
    expect(effectOf(policy, read('file:///etc/passwd'))).toBe('deny');
    expect(effectOf(policy, prompt('p'))).toBe('deny');
    for (const name of ['sampling', 'elicitation', 'roots', 'logging', 'completions', 'x'])
      expect(effectOf(policy, feature(name))).toBe('deny');
  });

  it('BP1 is allowed by a rule that names it, and nothing else is', () => {
    const policy = withRules(
      'allow: [{server: files, prompts: ["sum*"], arguments: {lang: {enum: [en, de]}}}, {server: files, features: [sampling]}]',
    );
    expect(effectOf(policy, prompt('summary'))).toBe('allow');
    expect(effectOf(policy, prompt('summary', { lang: 'en' }))).toBe('allow');
    expect(effectOf(policy, prompt('summary', { lang: 'fr' }))).toBe('deny');
    expect(effectOf(policy, prompt('summary', {}))).toBe('deny');
    expect(effectOf(policy, prompt('other'))).toBe('deny');
    expect(effectOf(policy, feature('sampling'))).toBe('allow');
    expect(effectOf(policy, feature('elicitation'))).toBe('deny');
    expect(effectOf(policy, call('summary'))).toBe('deny');
  });

  it('is all denied by a deny that names nothing', () => {
    const policy = withRules(
      'allow: [{server: "*", tools: ["*"], prompts: ["*"], resources: ["*"], features: [roots]}], deny: [{server: files}]',
    );
    for (const request of [call('t'), read('file:///a'), feature('roots'), prompt('p')])
      expect(effectOf(policy, request)).toBe('deny');
    expect(effectOf(policy, call('t', 'gh'))).toBe('allow');
  });
});

describe('URIs of resources', () => {
  const policy = withRules(
    'allow: [{server: files, resources: ["file:///workspace/**", "repo://acme/*", "memo:*"]}]',
  );
  it.each([
    'FILE:///workspace/a',
    'file://localhost/workspace/a',
    'file:/workspace/a',
    'file:/workspace/../etc',
    'file:///workspace/../etc/passwd',
    'file:///workspace/%2e%2e/etc',
    'file:///workspace/.%2E/etc',
    'file:///workspace%2f..%2fetc',
    'file:///workspace%2F..%2Fetc',
    'file:///workspace/a%5Cb',
    'file:///workspace/a?x',
    'file:///workspace/a#f',
    'git+file:///workspace/a',
    'file:///workspace/..\\etc',
    'file:///workspace\\..\\etc',
    'file:////workspace/a',
    'file:///workspace//a',
    'file:///workspace/./a',
    'file:///workspace/\uff0e\uff0e/etc',
    'file:///workspace/%EF%BC%8E%EF%BC%8E/etc',
    'file:///workspace/a%00',
    'file:///workspace/%61',
    'file:///workspace/a%2',
    'file:///workspace/%FF',
    'file:///workspace/a b',
    'file:///workspace/a\n',
    'file:///workspace/\u202ea',
    'file:///etc/passwd',
    'repo://acme/../other/x',
    'repo://acme/..%2Fother',
    'repo://acme/%2e%2e/other',
    'repo://acme/%252e%252e/other',
    'repo://acme/x/..',
    'memo:../x',
    '/workspace/a',
    'workspace',
    'memo',
    '',
    ' memo:x',
    `memo:${'x'.repeat(9000)}`,
  ])('BP2 have one form, and %j is not it', (uri) =>
    expect(effectOf(policy, read(uri))).toBe('deny'),
  );
  it.each([
    'file:///workspace/a',
    'file:///workspace/a..b/c%20d',
    'file:///workspace/\u65e5\u672c.txt',
    'repo://acme/app/contents/a',
    'memo://insights',
    'memo:x?q=a%2Fb#c',
  ])('BP2 are allowed as they are: %j', (uri) => expect(effectOf(policy, read(uri))).toBe('allow'));
  it.each(['https://user@a.test/', 'https://A.test/', 'https://a.test:443/', 'http://a.test/é'])(
    'BP2 of the web are as URL parsers write them, and %j is not',
    (uri) =>
      expect(effectOf(withRules('allow: [{server: files, resources: ["*"]}]'), read(uri))).toBe(
        'deny',
      ),
  );

  it('are denied in every spelling', () => {
    const open = withRules(
      'allow: [{server: files, resources: ["*"]}], deny: [{server: files, resources: ["file:///workspace/Geheim \u00fc*"]}]',
    );
    expect(effectOf(open, read('file:///workspace/geheim%20%C3%BC.txt'))).toBe('deny');
    expect(effectOf(open, read('file:///workspace/GEHEIM%20\u00dc'))).toBe('deny');
    expect(effectOf(open, read('file:///workspace/offen'))).toBe('allow');
  });

  it('are never taken for canonical where the URL standard reads them as another path', () => {
    const parts = fc.constantFrom(
      'a',
      '..',
      '.',
      '/',
      '%2e',
      '%2F',
      '\\',
      '?',
      '#',
      '\uff0e',
      ' ',
      '%41',
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 6 }), (list) => {
        const uri = `file:///w/${list.join('')}`;
        if (isCanonicalUri(uri)) expect(decodeURI(new URL(uri).href)).toBe(decodeURI(uri));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('patterns of names', () => {
  const glob = fc
    .array(fc.constantFrom('a', 'b', '*'), { maxLength: 5 })
    .map((list) => list.join(''));
  const name = fc.array(fc.constantFrom('a', 'b'), { maxLength: 7 }).map((list) => list.join(''));
  const all = Array.from({ length: 2 ** 8 - 1 }, (_, i) => (i + 1).toString(2).slice(1)).map(
    (bits) => bits.replaceAll('0', 'a').replaceAll('1', 'b'),
  );

  it('lie within one another only when every name does', () => {
    fc.assert(
      fc.property(glob, glob, name, (outer, inner, text) => {
        if (containsName(outer, inner) && matchesName(inner, text))
          expect(matchesName(outer, text)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  it('share a name exactly when one is found', () => {
    fc.assert(
      fc.property(glob, glob, (a, b) => {
        const shared = all.some((text) => matchesName(a, text) && matchesName(b, text));
        if (shared) expect(mayShareName(a, b)).toBe(true);
        else if (a.length + b.length <= 7) expect(mayShareName(a, b)).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('limits and results', () => {
  const decide = createDecider(
    policyOf([
      [
        'org',
        'max: {mcp: {servers: [{id: "*"}], allow: [{server: files, tools: ["*"], limit: 9/day, results: {size: 4KiB, types: [text, image]}}]}}',
      ],
      [
        'repo',
        'mcp: {servers: [{id: files, command: [x]}], allow: [{id: w, server: files, tools: ["*"], limit: 5/hour, per: [repo, no], results: {size: 1MiB, types: [text, audio], schema: strict}}, {server: files, tools: [t], results: {schema: "off"}}]}',
      ],
    ]),
  );
  const ask = (args: unknown): ReturnType<typeof decide> =>
    decide({ kind: 'tool', server: 'files', tool: 't', arguments: args });

  it('count by the values of the arguments that a rule names, and a ceiling counts all', () => {
    const keys = (args: unknown): unknown[] =>
      (ask(args).limits ?? []).map(({ rule, limit, key }) => [rule.id, limit?.count, key]);
    expect(keys({ repo: { b: 1, a: 'x' }, x: 1 })).toEqual([
      ['org/max.mcp.allow[0]', 9, undefined],
      ['repo/w', 5, '[{"a":"x","b":1},null]'],
    ]);
    expect(keys({ repo: { a: 'x', b: 1 }, no: null })).toEqual(keys({ repo: { b: 1, a: 'x' } }));
    expect(keys({ repo: 'x' })).not.toEqual(keys({ repo: ['x'] }));
    expect(keys({ repo: '1' })).not.toEqual(keys({ repo: 1 }));
  });

  it('RL8 are no way past: values that are too long to count by are denied', () => {
    const decision = ask({ repo: 'x'.repeat(300) });
    expect(decision.effect).toBe('deny');
    expect(decision.rule.id).toBe('repo/w');
    expect(decision.reason).toContain('longer than 256');
    expect(ask({ repo: 'x'.repeat(200) }).effect).toBe('allow');
  });

  it('of results are the strictest of all rules that match', () => {
    expect(ask({}).results).toEqual({ maxBytes: 4096, types: ['text'], schema: 'strict' });
    const plain = withRules('allow: [{server: files, tools: ["*"]}]');
    expect(createDecider(plain)(call('t')).results).toBeUndefined();
  });
});

describe('why a call is denied', () => {
  it('is said with the arguments that do not fit, never with their values', () => {
    const policy = withRules(
      'allow: [{id: issues, server: gh, tools: [create_issue], arguments: {owner: {const: acme}, title: {maxLength: 3}}}]',
    );
    const decision = createDecider(policy)({
      kind: 'tool',
      server: 'gh',
      tool: 'create_issue',
      arguments: { owner: 'CANARY', title: 'abc', 'x\n\u202ey': 'CANARY' },
    });
    expect(decision.reason).toBe(
      'repo/issues allows it with other arguments: `owner`, `x\\u{a}\\u{202e}y` do not fit',
    );
    expect(JSON.stringify(decision)).not.toContain('CANARY');
  });
});
