import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createDecider } from '../../src/policy/decide.ts';
import { createPathQueries } from '../../src/policy/paths.ts';
import { layerStacks, resolveStack } from './random-policy.ts';
import { policyOf, type Texts } from './support.ts';

const rules: Texts = [
  [
    'repo',
    'filesystem:\n  allow: [{path: ., access: write}, {path: ~/.cache/pip, access: write}]\n  deny: [{path: .github/workflows/**, access: write}, {path: "**/.env*"}, {path: "packages/*/dist", access: write}]',
  ],
];
const ask = createPathQueries(policyOf(rules));

describe('what lies below a directory', () => {
  test.each([
    ['/', true],
    ['/home', true],
    ['/home/u', true],
    ['/home/u/.cache', true],
    ['/home/u/.cache/pip/x', true],
    ['/home/u/.config', false],
    ['/home/v', false],
    ['/usr/bin', true],
    ['/var', false],
  ])('%s could hold something readable: %s', (path, expected) =>
    expect(ask.couldContainAllowed(path)).toBe(expected),
  );

  test.each([
    ['/home/u/ws', true], // it holds .github
    ['/home/u/ws/.github', true],
    ['/home/u/ws/.github/workflows', true],
    ['/home/u/ws/.git', true], // it holds config
    ['/home/u/ws/sub/.GIT', true],
    ['/home/u/ws/packages', true],
    ['/home/u/ws/packages/a', true],
    ['/home/u/ws/src', false],
    ['/home/u/ws/node_modules/x', false],
    ['/home/u/ws/.git/refs', false],
    ['/home/u/.cache/pip/x', false],
  ])('%s holds something write-protected: %s', (path, expected) =>
    expect(ask.holdsProtected(path)).toBe(expected),
  );

  test.each([
    ['/home/u/ws/a', '/home/u/ws/b', true],
    ['/home/u/ws/a/b', '/home/u/ws/c', true],
    ['/home/u/ws/packages/a', '/home/u/ws/packages/b', true],
    ['/home/u/ws/packages/a', '/home/u/ws/a', false],
    ['/home/u/ws/.git', '/home/u/ws/.git2', false],
    ['/home/u/ws/x', '/home/u/ws/.git', false],
    ['/home/u/ws/a', '/home/u/.cache/pip/a', false], // .env files would come out of hiding
    ['/home/u/ws/.github', '/home/u/ws/x', false],
  ])('renaming %s to %s changes nothing below: %s', (from, to, expected) =>
    expect(ask.isSameBelow(from, to)).toBe(expected),
  );

  const names = fc
    .array(fc.constantFrom('src', 'a', 'b', '.env', '.git', 'config', 'c'), { maxLength: 3 })
    .map((list) => list.map((name) => `/${name}`).join(''));

  test('what is the same below is decided the same below', () => {
    let tried = 0;
    fc.assert(
      fc.property(layerStacks, names, names, names, (layers, from, to, below) => {
        const policy = resolveStack(layers);
        const [a, b] = [`/home/u/ws${from}`, `/home/u/ws${to}`];
        if (below === '' || !createPathQueries(policy).isSameBelow(a, b)) return;
        tried++;
        const decide = createDecider(policy);
        for (const kind of ['read', 'write', 'exec'] as const) {
          const [x, y] = [decide({ kind, path: a + below }), decide({ kind, path: b + below })];
          expect([x.effect, x.isPrivate]).toEqual([y.effect, y.isPrivate]);
        }
      }),
      { numRuns: 300 },
    );
    expect(tried).toBeGreaterThan(10);
  });

  test('nothing readable lies below a directory that could hold nothing readable', () => {
    fc.assert(
      fc.property(layerStacks, names, names, (layers, at, below) => {
        const policy = resolveStack(layers);
        if (createPathQueries(policy).couldContainAllowed(`/home/u${at}`)) return;
        const path = `/home/u${at}${below}`;
        expect(createDecider(policy)({ kind: 'read', path }).effect).toBe('deny');
      }),
      { numRuns: 300 },
    );
  });
});
