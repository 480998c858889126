import { describe, expect, test } from 'vitest';
import {
  canonicalUrlPath,
  compileUrlPattern,
  matchesUrlPath,
  readUrlPattern,
  splitUrlPath,
} from '../../src/match/url-path.ts';

describe('the canonical form', () => {
  test.each([
    ['/', '/'],
    ['/repos/acme/app', '/repos/acme/app'],
    ['/repos/acme/app/', '/repos/acme/app/'],
    ['/%72epos/acme/app', '/repos/acme/app'],
    ['/repos/acme/%61%70%70', '/repos/acme/app'],
    ['/a%7Eb%2db%5Fc%2Ed', '/a~b-b_c.d'],
    ['/caf%c3%a9', '/caf%C3%A9'],
    ['/a%20b', '/a%20b'],
    ['/100%25', '/100%25'],
    ['/a%3ab:c', '/a%3Ab:c'],
    ["/!$&'()*+,=:@", "/!$&'()*+,=:@"],
    ['/a[0]', '/a%5B0%5D'],
    ['/{x}|"<>^`', '/%7Bx%7D%7C%22%3C%3E%5E%60'],
    ['/a%3Fb%23c', '/a%3Fb%23c'],
    ['/...', '/...'],
    ['/.git', '/.git'],
    ['/a..b', '/a..b'],
    ['/debian/./Packages', '/debian/Packages'],
    ['/./a/././b/./', '/a/b/'],
    ['/@acme%2fapp', '/@acme%2Fapp'],
    ['/@acme%2Fapp/-/app-1.0.0.tgz', '/@acme%2Fapp/-/app-1.0.0.tgz'],
    ['/Repos/ACME', '/Repos/ACME'],
  ])('of %s is %s', (raw, path) => {
    expect(canonicalUrlPath(raw)).toBe(path);
    expect(canonicalUrlPath(path)).toBe(path);
  });

  test.each([
    '',
    'repos',
    '*',
    'http://a.test/',
    '//repos/acme/app',
    '/repos//acme/app',
    '/repos/acme/app//',
    '/repos/.',
    '/repos/./../other',
    '/repos/.//other',
    '/repos/%2e/./other',
    '/repos/acme/app/../other',
    '/repos/acme/app/..',
    '/repos/acme/app/%2e%2e/other',
    '/repos/acme/app/%2E%2E/other',
    '/repos/acme/app/.%2e/other',
    '/repos/acme/app/%2e./other',
    '/repos/%2e/acme',
    '/repos/acme/app/..%2fother',
    '/repos/acme/app/%2e%2e%2fother',
    '/repos/acme%2fapp',
    '/repos/acme%2Fapp',
    '/%2frepos',
    '/@acme%2f..',
    '/@acme%2f%2e%2e',
    '/@acme%2f',
    '/@%2fapp',
    '/@acme%2fapp%2fx',
    '/@..%2fapp',
    '/x/@acme%2fapp',
    '/acme%2fapp',
    '/repos/acme/app/..\\other',
    '/repos\\acme',
    '/repos/acme%5capp',
    '/repos/acme%5Capp',
    '/repos/acme/app;x',
    '/repos/acme/app/..;/other',
    '/repos;a=b/acme/app',
    '/repos/acme/app%3bx',
    '/repos/acme/app%3Bx',
    '/repos/acme/app%00',
    '/repos/acme/app\u0000',
    '/repos/acme/app%0a',
    '/repos/acme/app%0d%0aX-A:%20b',
    '/repos/acme/app%7f',
    '/repos/acme app',
    '/repos/acme\tapp',
    '/repos/acme/app%',
    '/repos/acme/app%2',
    '/repos/acme/app%zz',
    '/repos/acme/app%u002fx',
    '/repos/acme/app/%252e%252e/other',
    '/repos/acme%252fapp',
    '/repos/acme/app/%25%32%65%25%32%65/other',
    '/repos/%c0%ae%c0%ae/other',
    '/repos/acme%c0%afapp',
    '/repos/acme/%ff',
    '/caf\u00e9',
    '/repos/acme/\uff0e\uff0e/other',
    '/repos?x',
    '/repos#x',
    `/${'a'.repeat(8192)}`,
    `/${'['.repeat(4000)}`,
  ])('does not exist for %j', (raw) => expect(canonicalUrlPath(raw)).toBeUndefined());
});

describe('a path pattern', () => {
  test.each([
    ['/', '/'],
    ['/**', '/**'],
    ['/repos/*/app', '/repos/*/app'],
    ['/repos/acme/', '/repos/acme'],
    ['/caf%c3%a9/v%31', '/caf%C3%A9/v1'],
    ['/@acme%2fapp', '/@acme%2Fapp'],
    ['/v*/x*y', '/v*/x*y'],
  ])('%s is read as %s', (text, pattern) => expect(readUrlPattern(text).pattern).toBe(pattern));

  test.each([
    '',
    'repos/**',
    'https://a.test/x',
    '*',
    '/a?x=1',
    '/a#b',
    '/a/**b',
    '/a**',
    '/a/***',
    '/{owner}/x',
    '/a/../b',
    '/a//b',
    '/a;b',
    '/a%2fb',
    '/a b',
    '/caf\u00e9',
    `/*${'/a'.repeat(24)}`,
  ])('%j is refused with a reason', (text) => {
    const { pattern, fault } = readUrlPattern(text);
    expect(pattern).toBeUndefined();
    expect(fault).toBeTruthy();
  });

  const matches = (text: string, path: string, ignoreCase = false): boolean => {
    const { pattern } = readUrlPattern(text);
    if (pattern === undefined || canonicalUrlPath(path) !== path) throw new Error(text);
    return matchesUrlPath(compileUrlPattern(pattern, ignoreCase), splitUrlPath(path), ignoreCase);
  };

  test.each([
    ['/', '/'],
    ['/a', '/a'],
    ['/a', '/a/'],
    ['/a/', '/a'],
    ['/a/**', '/a'],
    ['/a/**', '/a/'],
    ['/a/**', '/a/b/c'],
    ['/**', '/'],
    ['/**', '/a/b/'],
    ['/*', '/a'],
    ['/*/b', '/a/b'],
    ['/**/b', '/b'],
    ['/**/b', '/a/a/b'],
    ['/a*c', '/abbc'],
    ['/a*c', '/ac'],
    ['/x:run', '/x%3Arun'],
    ['/x%3Arun', '/x:run'],
    ['/%2A', '/*'],
    ['/%2A', '/%2A'],
    ['/*', '/@acme%2Fapp'],
    ['/@acme/*', '/@acme%2Fapp'],
    ['/@acme%2Fapp', '/@acme%2Fapp'],
    ['/@acme%2Fapp', '/@acme/app'],
  ])('%s matches %s', (pattern, path) => expect(matches(pattern, path)).toBe(true));

  test.each([
    ['/', '/a'],
    ['/*', '/'],
    ['/a', '/a/b'],
    ['/a', '/A'],
    ['/a', '/ab'],
    ['/a/*', '/a'],
    ['/a/*', '/a/'],
    ['/a/*', '/a/b/c'],
    ['/a/**', '/ab'],
    ['/a*b', '/a/b'],
    ['/%2A', '/a'],
    ['/*', '/@acme/app'],
    ['/@acme/*', '/@other%2Fapp'],
  ])('%s does not match %s', (pattern, path) => expect(matches(pattern, path)).toBe(false));

  test('that takes away does not tell upper from lower case', () => {
    expect(matches('/Admin/**', '/aDMIN/x', true)).toBe(true);
    expect(matches('/admin/**', '/other/x', true)).toBe(false);
  });

  test('of many wildcards takes no longer than its length tells', () => {
    const before = process.cpuUsage();
    expect(matches('/**/a/**/a/**/a/**/a/**/b', `/${'a/'.repeat(4000)}c`)).toBe(false);
    expect(matches(`/${'*a'.repeat(400)}b`, `/${'a'.repeat(8000)}`)).toBe(false);
    // Hours where every way to split the path is tried; time of this process alone, whatever else runs.
    expect(process.cpuUsage(before).user / 1e6).toBeLessThan(5);
  });
});
