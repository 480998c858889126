import { describe, expect, test } from 'vitest';
import { createDecider } from '../../src/policy/decide.ts';
import type { Request } from '../../src/model/request.ts';
import vectors from '../vectors/decisions.json' with { type: 'json' };
import { answer, decideText, policyOf, type Texts } from './support.ts';

describe.each(
  vectors as unknown as { name: string; layers: Texts; requests: Record<string, string> }[],
)('$name', ({ layers, requests }) => {
  test.each(Object.entries(requests))('%s: %s', (request, expected) => {
    expect(answer(policyOf(layers), request)).toBe(expected);
  });
});

describe('a decision', () => {
  test.each([
    'connect other.sandbox.internal:443',
    'connect sandbox.internal:443',
    'resolve proxy.sandbox.internal',
    'GET https://x.host.sandbox.internal/',
  ])('keeps the sandbox its own names, whatever a rule speaks of: %s', (request) => {
    const all = policyOf([['repo', 'network: {allow: [{host: "**"}]}']]);
    expect(answer(all, request)).toBe('deny by builtin/reserved-name');
    expect(answer(all, 'connect sandbox.internal.example.com:443')).toMatch(/^allow/);
  });

  test('names the rules that count a request, ceilings and outer policies included', () => {
    const own = policyOf([
      [
        'org',
        'max: {network: {allow: [{id: most, host: "**", limit: 9/day}, {id: reads, host: "**", methods: [GET], egress: 1MiB}]}}',
      ],
      [
        'repo',
        'network: {allow: [{id: some, host: [a.dev, "*.dev"], limit: 2/session}, {host: a.dev, methods: [GET], limit: 3/hour, id: three}, {host: b.dev, id: other, limit: 1/day}]}',
      ],
    ]);
    const limitsIn = (policy: typeof own, text: string): string[] =>
      (decideText(policy, text).limits ?? []).map(
        ({ rule, limit, egress, depth }) =>
          `${depth} ${rule.id} ${limit ? `${limit.count}/${limit.per}` : egress}`,
      );
    expect(limitsIn(own, 'connect a.dev:443')).toEqual([
      '0 org/most 9/day',
      '0 repo/some 2/session',
    ]);
    expect(limitsIn(own, 'GET https://a.dev/')).toEqual([
      '0 org/reads 1048576',
      '0 repo/three 3/hour',
    ]);
    expect(limitsIn(own, 'resolve a.dev')).toEqual([]);
    expect(decideText(own, 'connect a.dev:443').isInspected).toBe(true);
    const child = policyOf([['repo', 'network: {allow: [{host: a.dev, id: in, limit: 1/day}]}']]);
    expect(limitsIn({ ...child, within: own }, 'connect a.dev:443')).toEqual([
      '0 repo/in 1/day',
      '1 org/most 9/day',
      '1 repo/some 2/session',
    ]);
  });

  test('lets a rule speak of services on the host by their name alone, ceilings and denies as well', () => {
    const own = 'network: {allow: [{id: db, host: host.sandbox.internal, ports: [5432]}]}';
    const asked = 'connect host.sandbox.internal:5432';
    const any = 'network: {allow: [{host: "**", ports: [5432]}]}';
    expect(answer(policyOf([['repo', own]]), asked)).toBe('allow by repo/db');
    expect(answer(policyOf([['repo', own]]), 'resolve host.sandbox.internal')).toBe(
      'allow by repo/db',
    );
    expect(answer(policyOf([['repo', any]]), asked)).toBe('deny by builtin/host-service');
    expect(answer(policyOf([['repo', any]]), 'resolve host.sandbox.internal')).toBe(
      'deny by builtin/host-service',
    );
    const closed = policyOf([
      ['org', `max: {${any}}`],
      ['repo', own],
    ]);
    expect(answer(closed, asked)).toBe('deny by org/max');
    expect(closed.clamps.map(({ rule }) => rule.id)).toEqual(['db']);
    const open = policyOf([
      ['org', `max: {${own.replace('db', 'services')}}`],
      ['repo', own],
    ]);
    expect(answer(open, asked)).toBe('allow by repo/db');
    expect(open.clamps).toEqual([]);
    expect(
      answer(policyOf([['repo', `${own.slice(0, -1)}, deny: [{id: all, host: "**"}]}`]]), asked),
    ).toBe('deny by repo/all');
  });

  const policy = policyOf([
    [
      'org',
      'max: {network: {allow: [{host: "**"}]}}\nnetwork: {deny: [{id: no-x, host: x.dev, reason: "x is closed"}]}',
    ],
    ['repo', 'network: {allow: [{host: "*.dev"}, {id: all, host: "**"}], deny: [{host: x.dev}]}'],
  ]);

  test('collects every rule that matched, from the top, and says where the deciding one stands', () => {
    const decision = decideText(policy, 'connect x.dev:443');
    expect(decision.matched.map((rule) => rule.id)).toEqual([
      'org/no-x',
      'repo/network.allow[0]',
      'repo/all',
      'repo/network.deny[0]',
    ]);
    expect(decision).toMatchObject({
      effect: 'deny',
      reason: 'x is closed',
      rule: { id: 'org/no-x', file: 'org.yml', line: 3, layer: 'org' },
    });
  });

  test('says which ceiling fails', () => {
    const bounded = policyOf([
      ['org', 'mode: enforce\nmax: {network: {allow: [{host: a.dev}]}}'],
      ['repo', 'network: {allow: [{host: b.dev}]}'],
    ]);
    expect(decideText(bounded, 'connect b.dev:443').rule).toEqual({
      id: 'org/max',
      file: 'org.yml',
      line: 3,
      layer: 'org',
    });
  });

  test.each<Request>([
    { kind: 'connect', host: 'X.dev', port: 443 },
    { kind: 'connect', host: 'x.dev.', port: 443 },
    { kind: 'connect', host: 'x.dev\u0000.a.dev', port: 443 },
    { kind: 'connect', host: '0x7f.1', port: 443 },
    { kind: 'connect', host: '127.1', port: 443 },
    { kind: 'connect', host: '010.0.0.1', port: 443 },
    { kind: 'connect', host: '::FFFF:7f00:1', port: 443 },
    { kind: 'connect', host: 'x.dev', port: 0 },
    { kind: 'connect', host: 'x.dev', port: 65536 },
    { kind: 'connect', host: 'x.dev', port: NaN },
    { kind: 'resolve', name: '' },
    ...['/a/../b', '//a', '/a;b', '/%41', '/a%2fb', 'a', ''].map((path): Request => ({
      kind: 'http',
      method: 'GET',
      scheme: 'https',
      host: 'y.dev',
      port: 443,
      path,
    })),
    { kind: 'http', method: 'get', scheme: 'https', host: 'y.dev', port: 443, path: '/' },
    { kind: 'http', method: 'GET', scheme: 'https', host: 'Y.dev', port: 443, path: '/' },
    { kind: 'read', path: '' },
    { kind: 'read', path: 'ws/a' },
    { kind: 'read', path: '/home/u/ws/../.ssh/id' },
    { kind: 'read', path: '/home/u/ws/./a' },
    { kind: 'read', path: '/home/u/ws//a' },
    { kind: 'read', path: '/home/u/ws/a/' },
    { kind: 'read', path: '/home/u/ws/a\u0000' },
    { kind: 'exec', path: '/usr/../home/u/ws/a' },
  ])('is a denial for what is not canonical: %j', (request) => {
    expect(createDecider(policy)(request)).toMatchObject({
      effect: 'deny',
      rule: { id: 'builtin/malformed' },
    });
  });

  test('about names that are no UTF-8 is made like any other', () => {
    const decide = createDecider(policyOf([['repo', 'filesystem: {deny: [{path: "**/.env*"}]}']]));
    expect(decide({ kind: 'write', path: '/home/u/ws/a\udc80' }).effect).toBe('allow');
    expect(decide({ kind: 'write', path: '/home/u/ws/.env\udc80' }).effect).toBe('deny');
  });

  test('about a directory called .git differs from one about a file of that name', () => {
    const builtin = policyOf([]);
    const [layer] = builtin.layers;
    if (layer === undefined) throw new Error('no builtin layer');
    layer.filesystem.deny.push({
      id: 'pointer',
      place: 'pointer',
      file: 'builtin',
      line: 0,
      column: 0,
      path: '/**/.git',
      access: 'private',
      filesOnly: true,
    });
    const decide = createDecider(builtin);
    expect(decide({ kind: 'write', path: '/home/u/ws/a/.git' }).isPrivate).toBe(true);
    expect(decide({ kind: 'write', path: '/home/u/ws/a/.git', directory: true }).isPrivate).toBe(
      false,
    );
    expect(decide({ kind: 'write', path: '/home/u/ws/a/.git/HEAD' }).isPrivate).toBe(false);
  });

  test('of a nested session lies within the one that started it', () => {
    const parent = policyOf([
      [
        'repo',
        'network: {allow: [{host: a.dev}]}\nfilesystem: {allow: [{path: ., access: private}]}',
      ],
    ]);
    const child = {
      ...policyOf([['repo', 'network: {allow: [{host: b.dev}, {host: a.dev}]}']]),
      within: parent,
    };
    expect(answer(child, 'connect a.dev:443')).toBe('allow by repo/network.allow[1]');
    expect(answer(child, 'connect b.dev:443')).toBe('deny by builtin/default');
    expect(answer(child, 'write src/a')).toMatch(/^private/);
  });

  test('of a nested session is inspected where either of the two says so', () => {
    const wide = policyOf([['repo', 'network: {allow: [{host: a.dev}]}']]);
    const narrow = policyOf([['repo', 'network: {allow: [{host: a.dev, methods: [GET]}]}']]);
    for (const [own, within] of [
      [wide, narrow],
      [narrow, wide],
    ] as const) {
      const child = { ...own, within };
      expect(answer(child, 'connect a.dev:443')).toBe('inspected by repo/network.allow[0]');
      expect(answer(child, 'GET https://a.dev/')).toBe('allow by repo/network.allow[0]');
      expect(answer(child, 'POST https://a.dev/')).toBe('deny by builtin/default');
    }
  });
});
