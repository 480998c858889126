import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Request } from '../../src/model/request.ts';
import {
  escapeText,
  formatRequest,
  parseRequest,
  unescapeText,
} from '../../src/policy/request-syntax.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const places = { workspace: '/ws', home: '/home/u' };
// What would move a cursor, end a line, hide, or turn text round.
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

describe(`requests as text (seed ${seed})`, () => {
  test.each<[string, Request]>([
    ['connect example.com:443', { kind: 'connect', host: 'example.com', port: 443 }],
    ['connect [2001:db8::1]:22', { kind: 'connect', host: '2001:db8::1', port: 22 }],
    ['connect 10.0.0.1:5432', { kind: 'connect', host: '10.0.0.1', port: 5432 }],
    ['resolve example.com', { kind: 'resolve', name: 'example.com' }],
    [
      'GET https://api.github.com/repos/acme/app',
      {
        kind: 'http',
        method: 'GET',
        scheme: 'https',
        host: 'api.github.com',
        port: 443,
        path: '/repos/acme/app',
      },
    ],
    [
      'POST http://a.test:8080/',
      { kind: 'http', method: 'POST', scheme: 'http', host: 'a.test', port: 8080, path: '/' },
    ],
    ['read /etc/passwd', { kind: 'read', path: '/etc/passwd' }],
    ['write /ws/a b', { kind: 'write', path: '/ws/a b' }],
    ['exec /usr/bin/git', { kind: 'exec', path: '/usr/bin/git' }],
    ['mint gh', { kind: 'mint', id: 'gh' }],
    ['tool github/get_issue', { kind: 'tool', server: 'github', tool: 'get_issue' }],
    [
      'tool github/get_issue {"n":1}',
      { kind: 'tool', server: 'github', tool: 'get_issue', arguments: { n: 1 } },
    ],
    ['resource files file:///x', { kind: 'resource', server: 'files', uri: 'file:///x' }],
    [
      'prompt github/summary {"lang":"en"}',
      { kind: 'prompt', server: 'github', name: 'summary', arguments: { lang: 'en' } },
    ],
    ['feature github/sampling', { kind: 'feature', server: 'github', name: 'sampling' }],
    ['prompt github/summary', { kind: 'prompt', server: 'github', name: 'summary' }],
  ])('%s is read and written', (text, request) => {
    expect(parseRequest(text).request).toEqual(request);
    expect(formatRequest(request)).toBe(text);
  });

  test.each([
    ['connect Example.COM.:443', 'connect example.com:443'],
    ['GET https://EXAMPLE.com', 'GET https://example.com/'],
    ['GET https://example.com/a?token=x', 'GET https://example.com/a'],
    ['GET https://a.b/%61%c3%a9/', 'GET https://a.b/a%C3%A9/'],
    ['GET https://a.b/@s%2fp', 'GET https://a.b/@s%2Fp'],
    ['M-SEARCH http://a.b:443/x', 'M-SEARCH http://a.b:443/x'],
    ['connect [2001:DB8:0:0:0:0:0:1]:22', 'connect [2001:db8::1]:22'],
    ['write .github/workflows/ci.yml', 'write /ws/.github/workflows/ci.yml'],
    ['read ~/.ssh', 'read /home/u/.ssh'],
    ['read .', 'read /ws'],
  ])('%s is %s', (text, canonical) => {
    const { request } = parseRequest(text, places);
    expect(request && formatRequest(request)).toBe(canonical);
  });

  test.each([
    '',
    'connect',
    'connect ',
    'connect example.com',
    'connect example.com:0',
    'connect example.com:99999',
    'connect a b:80',
    'connect 0x7f.1:80',
    'connect user@a.b:80',
    'connect [::1:80',
    'resolve 127.0.0.1',
    'resolve a..b',
    'get https://a.b/',
    'GET ftp://a.b/',
    'GET https://a.b/../c',
    'GET https://a.b/%2e%2e/c',
    'GET https://a.b//c',
    'GET https://a.b/a%2fb',
    'GET https://a.b/a;b',
    'GET https://u:p@a.b/',
    'GET //a.b/',
    'read ../x',
    'read \\q',
    'write /a\u0000b',
    'fetch x',
    'tool x',
    'tool s/t {',
    'resource s',
    'prompt s/',
  ])('%j is refused with a reason', (text) => {
    const { request, error } = parseRequest(text, places);
    expect(request).toBeUndefined();
    expect(error).toBeTruthy();
    expect(error).not.toMatch(UNSAFE);
  });

  test('a relative path needs to know what it is relative to', () => {
    expect(parseRequest('read src/a').error).toMatch(/absolute/);
  });

  const bytes = fc
    .array(
      fc.oneof(
        fc.constantFrom(
          '/',
          '\n',
          '\u001b',
          '\\',
          ' ',
          '\u202e',
          '\udc80',
          '\udcff',
          '\ud83d\ude00',
          'x',
          'u{41}',
        ),
        fc.string({ unit: 'binary' }),
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join(''));

  test('what is written is safe to show, and read back it is the same', () => {
    fc.assert(
      fc.property(
        bytes,
        fc.constantFrom('read' as const, 'write' as const, 'exec' as const),
        (text, kind) => {
          expect(escapeText(text)).not.toMatch(UNSAFE);
          const segments = text
            .split('/')
            .filter(
              (segment) =>
                segment !== '' &&
                segment !== '.' &&
                segment !== '..' &&
                !segment.includes('\u0000'),
            );
          const request = { kind, path: `/${segments.join('/')}` };
          expect(parseRequest(formatRequest(request)).request).toEqual(request);
        },
      ),
      { seed, numRuns: 1500 },
    );
  });

  test('names, URIs and arguments of tools come back as they were, too', () => {
    const text = bytes.filter((one) => one !== '');
    const args = fc.option(fc.dictionary(bytes, fc.oneof(bytes, fc.integer())), { nil: undefined });
    fc.assert(
      fc.property(
        fc.constantFrom('tool' as const, 'prompt' as const, 'resource' as const),
        text,
        args,
        (kind, name, given) => {
          const more = given === undefined ? {} : { arguments: given };
          const request: Request =
            kind === 'tool'
              ? { kind, server: 's', tool: name, ...more }
              : kind === 'prompt'
                ? { kind, server: 's', name, ...more }
                : { kind, server: 's', uri: name };
          const written = formatRequest(request);
          expect(written).not.toMatch(UNSAFE);
          expect(parseRequest(written).request).toEqual(request);
        },
      ),
      { seed, numRuns: 1000 },
    );
  });

  test('lone surrogates stand for bytes and come back as they were', () => {
    expect(escapeText('a\udc80b')).toBe('a\\x80b');
    expect(unescapeText('a\\x80b')).toBe('a\udc80b');
    expect(unescapeText('\\x7f')).toBeUndefined();
  });

  test('any text is a request or an error, never an exception', () => {
    const words = fc.constantFrom(
      'connect',
      'resolve',
      'read',
      'tool',
      'GET',
      ' ',
      ':',
      '[',
      ']',
      '/',
      'https://',
      'a.b',
      '%2e',
      '{',
      '\\',
      '::1',
      '443',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(words, { maxLength: 8 }).map((list) => list.join('')),
        ),
        (text) => {
          const { request, error } = parseRequest(text, places);
          expect((request === undefined) !== (error === undefined)).toBe(true);
          if (request !== undefined) expect(formatRequest(request)).not.toMatch(UNSAFE);
        },
      ),
      { seed, numRuns: 1000 },
    );
  });
});
