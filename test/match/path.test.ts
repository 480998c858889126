import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  absolutePattern,
  compilePath,
  containsPath,
  faultOfPattern,
  foldPath,
  matchesName,
  matchesPath,
  namesDirectory,
  splitPath,
  statesAfter,
} from '../../src/match/path.ts';
import { matchesPath as matchesNaively } from '../policy/reference.ts';

const matches = (pattern: string, path: string, covers = namesDirectory(pattern)): boolean =>
  matchesPath(compilePath(pattern, covers), splitPath(path));

/** Patterns and paths over few names, so that they meet. */
const segment = fc.constantFrom('a', 'b', 'ab', '*', '**', 'a*', '*b', 'a*b', '*a*');
const patterns = fc
  .array(segment, { minLength: 1, maxLength: 5 })
  .map((segments) => `/${segments.join('/')}`);
const name = fc.constantFrom('a', 'b', 'ab', 'ba', 'aab', 'c');
const paths = fc.array(name, { maxLength: 6 }).map((names) => `/${names.join('/')}`);

describe('path patterns', () => {
  test.each([
    ['/ws', '/ws', true],
    ['/ws', '/ws/a/b', true],
    ['/ws', '/wsx', false],
    ['/ws', '/w', false],
    ['/ws/*', '/ws/a', true],
    ['/ws/*', '/ws/a/b', false],
    ['/ws/*.js', '/ws/a.js', true],
    ['/ws/*.js', '/ws/.js', true],
    ['/ws/*.js', '/ws/a/b.js', false],
    ['/ws/**', '/ws', true],
    ['/ws/**', '/ws/a/b', true],
    ['/ws/**/x', '/ws/x', true],
    ['/ws/**/x', '/ws/a/b/x', true],
    ['/ws/**/x', '/ws/a/b/x/y', true],
    ['/ws/**/x', '/ws/a/bx', false],
    ['/ws/**/a/**/b', '/ws/a/b', true],
    ['/ws/**/a/**/b', '/ws/b/a', false],
    ['/', '/anything', true],
    ['/**', '/', true],
  ])('%s matches %s: %s', (pattern, path, expected) =>
    expect(matches(pattern, path)).toBe(expected),
  );

  test('in a deny, what lies below a match is matched whatever the pattern ends in', () => {
    expect(matches('/ws/**/.env*', '/ws/.env.d/key', true)).toBe(true);
    expect(matches('/ws/*', '/ws/a/b', true)).toBe(true);
  });

  test('matching agrees with a regular expression', () => {
    fc.assert(
      fc.property(
        patterns,
        paths,
        fc.constantFrom('allow' as const, 'deny' as const),
        (pattern, path, effect) => {
          const covers = effect === 'deny' || namesDirectory(pattern);
          expect(matches(pattern, path, covers)).toBe(matchesNaively(pattern, path, effect));
        },
      ),
      { numRuns: 1500 },
    );
  });

  test('a hostile pattern costs no more than a friendly one', () => {
    const path = `/${'a/'.repeat(400)}b`;
    const pattern = compilePath(`/${'**/a/'.repeat(10)}c`, false);
    let steps = 0;
    const segments = new Proxy(splitPath(path), {
      get: (target, key, receiver): unknown => {
        steps++;
        return Reflect.get(target, key, receiver);
      },
    });
    expect(matchesPath(pattern, segments)).toBe(false);
    expect(steps).toBeLessThan(401 * 25 * 3);
  });

  test('containment is sound: what it affirms, no path refutes', () => {
    fc.assert(
      fc.property(
        patterns,
        patterns,
        fc.array(paths, { minLength: 30, maxLength: 30 }),
        (outer, inner, list) => {
          const a = compilePath(outer, namesDirectory(outer));
          const b = compilePath(inner, namesDirectory(inner));
          if (!containsPath(a, b)) return;
          for (const path of list)
            if (matchesPath(b, splitPath(path)))
              expect(matchesPath(a, splitPath(path)), `${outer} holds ${path} of ${inner}`).toBe(
                true,
              );
        },
      ),
      { numRuns: 1500 },
    );
  });

  test.each([
    ['/ws', '/ws/src', true],
    ['/ws', '/ws/**/x', true],
    ['/ws/**', '/ws/*', true],
    ['/ws/*', '/ws/*.js', true],
    ['/ws/*a', '/ws/*ba', true],
    ['/ws/**/x', '/ws/a/x', true],
    ['/ws/**/x', '/ws/**/a/**/x', true],
    ['/ws/src', '/ws', false],
    ['/ws/*', '/ws/**', false],
    ['/ws/*.js', '/ws/*', false],
    ['/ws/*', '/ws/src', false], // src names a directory, with all below it
    ['/ws/a', '/ws/a*', false],
  ])('%s contains %s: %s', (outer, inner, expected) =>
    expect(
      containsPath(
        compilePath(outer, namesDirectory(outer)),
        compilePath(inner, namesDirectory(inner)),
      ),
    ).toBe(expected),
  );

  test('the states after a path say whether anything at or below it can match', () => {
    fc.assert(
      fc.property(patterns, paths, paths, (pattern, path, below) => {
        const compiled = compilePath(pattern, namesDirectory(pattern));
        const deeper = [...splitPath(path), ...splitPath(below)];
        if (matchesPath(compiled, deeper))
          expect(statesAfter(compiled, splitPath(path))).not.toBe(0);
      }),
      { numRuns: 1500 },
    );
  });

  test('equal states mean equal matches below', () => {
    fc.assert(
      fc.property(patterns, paths, paths, paths, (pattern, from, to, below) => {
        const compiled = compilePath(pattern, namesDirectory(pattern));
        const states = statesAfter(compiled, splitPath(from));
        if (states < 0 || states !== statesAfter(compiled, splitPath(to))) return;
        const tail = splitPath(below);
        expect(matchesPath(compiled, [...splitPath(from), ...tail])).toBe(
          matchesPath(compiled, [...splitPath(to), ...tail]),
        );
      }),
      { numRuns: 1500 },
    );
  });
});

describe('what an author may write', () => {
  test.each([
    ['.', '/ws'],
    ['src/./a//b/', '/ws/src/a/b'],
    ['~', '/home/u'],
    ['~/.cache/pip', '/home/u/.cache/pip'],
    ['/etc', '/etc'],
    ['/', '/'],
    ['**/.env*', '/ws/**/.env*'],
  ])('%s is %s', (text, absolute) =>
    expect(absolutePattern(text, '/ws', '/home/u')).toBe(absolute),
  );

  test.each([
    '',
    '..',
    'a/../b',
    '~root/x',
    '$HOME/x',
    '${HOME}',
    'a\\b',
    '!a',
    'a?b',
    '{a,b}',
    'a**b',
    '**x',
    'a\u0000b',
    'a\nb',
    `${'**/'.repeat(30)}x`,
    'x'.repeat(2000),
  ])('%j is refused with a reason', (text) => expect(faultOfPattern(text)?.message).toBeTruthy());

  test.each(['.', 'a/b', '**/x', '*', '[id].tsx', 'a b', '.env*', 'straße/日本'])(
    '%j is fine',
    (text) => expect(faultOfPattern(text)).toBeUndefined(),
  );
});

describe('names', () => {
  test.each([
    ['get_*', 'get_x', true],
    ['get_*', 'forget_x', false],
    ['*', '', true],
    ['a*a', 'a', false],
    ['*b*', 'abc', true],
  ])('%s matches %s: %s', (pattern, text, expected) =>
    expect(matchesName(pattern, text)).toBe(expected),
  );

  test.each(['.GIT', '.Git', '.g\u200cit', '.git\ufeff'])(
    '%j is .git where case does not count',
    (text) => expect(foldPath(`/a/${text}`)).toBe('/a/.git'),
  );
});
