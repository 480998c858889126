import { expect, test } from 'vitest';

import { splitArguments } from '../support/runner/arguments.ts';
import { toAnnotation } from '../support/runner/issue.ts';
import { createLineSplitter } from '../support/runner/lines.ts';
import { createMasker } from '../support/runner/masker.ts';
import { readMatchers } from '../support/runner/matcher.ts';
import { combinationsOf, labelOf } from '../support/runner/matrix.ts';
import { permissionsOf } from '../support/runner/permissions.ts';
import { parseShell, shellArguments } from '../support/runner/shell.ts';

test.each([
  ['a\nb\n', ['a', 'b']],
  ['a\r\nb', ['a', 'b']],
  ['a\r::b::\rc', ['a', '::b::', 'c']],
  ['\n\na', ['', '', 'a']],
  ['a\r', ['a']],
  ['', []],
])('output %j is cut into lines however it comes', (text, lines) => {
  for (const size of [1, 2, 100]) {
    const found: string[] = [];
    const splitter = createLineSplitter((line) => found.push(line));
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += size) splitter.write(bytes.subarray(at, at + size));
    splitter.end();
    expect(found).toEqual(lines);
  }
});

test('a secret is masked as it is, by line and in the runner’s encodings', () => {
  const masker = createMasker();
  masker.add('s3cret/value');
  masker.add('line one\nline two');
  masker.add('');
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  expect(masker.mask('a s3cret/value b')).toBe('a *** b');
  expect(masker.mask('s3cret/values3cret/value')).toBe('***');
  expect(masker.mask('line two alone')).toBe('*** alone');
  expect(masker.mask('s3cret%2Fvalue')).toBe('***');
  for (const before of ['', 'x', 'xy']) {
    expect(masker.mask(base64(`${before}s3cret/value`))).toContain('***');
    expect(masker.mask(base64(`${before}s3cret/value`))).not.toContain(
      base64('s3cret/v').slice(4, 8),
    );
  }
  expect(masker.mask('s3cret value S3CRET/VALUE')).toBe('s3cret value S3CRET/VALUE');
  expect(masker.has('xs3cret/valuex')).toBe(true);
  expect(masker.has('s3cret')).toBe(false);
});

test.each([
  [{ line: '3' }, { startLine: 3, endLine: 3 }],
  [
    { line: '3', endline: '5' },
    { startLine: 3, endLine: 5 },
  ],
  [{ endline: '5' }, { startLine: 5, endLine: 5 }],
  [{ line: '5', endline: '3' }, {}],
  [{ line: 'x' }, {}],
  [{ col: '2' }, {}],
  [
    { line: '3', col: '2' },
    { startLine: 3, endLine: 3, startColumn: 2, endColumn: 2 },
  ],
  [
    { line: '3', endline: '4', col: '2' },
    { startLine: 3, endLine: 4 },
  ],
  [
    { line: '3', col: '9', endcolumn: '2' },
    { startLine: 3, endLine: 3 },
  ],
  [
    { line: '3', endcolumn: '2' },
    { startLine: 3, endLine: 3, startColumn: 2, endColumn: 2 },
  ],
])('an annotation at %j', (properties, place) => {
  const map = new Map(Object.entries(properties));
  expect(toAnnotation('failure', 'm', map)).toEqual({ level: 'failure', message: 'm', ...place });
});

test('a message is cut at 4,096 characters', () => {
  expect(toAnnotation('notice', 'x'.repeat(5000)).message).toHaveLength(4096);
});

test('a matcher of several lines, with one that repeats', () => {
  const pattern = [
    { regexp: '^(\\S+\\.js)$', file: 1 },
    {
      regexp: '^\\s+(\\d+):(\\d+)\\s+(error|warning)\\s+(.*)$',
      line: 1,
      column: 2,
      severity: 3,
      message: 4,
      loop: true,
    },
  ];
  const [matcher] = readMatchers(JSON.stringify({ problemMatcher: [{ owner: 'lint', pattern }] }));
  const output = [
    'a.js',
    '  3:4  error  \u001b[31mbad',
    '  5:1  warning  odd',
    '',
    '  9:9  error  not any more',
  ];
  expect(output.map((line) => matcher?.take(line)).filter(Boolean)).toEqual([
    {
      level: 'failure',
      message: 'bad',
      path: 'a.js',
      startLine: 3,
      endLine: 3,
      startColumn: 4,
      endColumn: 4,
    },
    {
      level: 'warning',
      message: 'odd',
      path: 'a.js',
      startLine: 5,
      endLine: 5,
      startColumn: 1,
      endColumn: 1,
    },
  ]);
});

test.each([
  ['-e /tmp/x', ['-e', '/tmp/x']],
  ['run -- bash -eo pipefail "/tmp/a b"', ['run', '--', 'bash', '-eo', 'pipefail', '/tmp/a b']],
  ['a\\b "c\\"d" "e\\\\" ""', ['a\\b', 'c"d', 'e\\', '']],
  ['"a""b"', ['a"b']],
  ["'a b'", ["'a", "b'"]],
  ['  ', []],
])('arguments %j', (text, args) => {
  expect(splitArguments(text)).toEqual(args);
});

test('shells by name, by format, and without either', () => {
  const path = process.env['PATH'] ?? '';
  expect(parseShell(undefined, path)).toEqual({
    command: 'bash',
    format: '-e {0}',
    extension: '.sh',
  });
  expect(parseShell(undefined, '/nonexistent').command).toBe('sh');
  expect(parseShell('bash', path).format).toBe('--noprofile --norc -e -o pipefail {0}');
  expect(parseShell('python', path)).toMatchObject({ format: '{0}', extension: '.py' });
  const own = parseShell('agent-sandbox exec-script {0}', path);
  expect(own).toEqual({ command: 'agent-sandbox', format: 'exec-script {0}', extension: '' });
  expect(shellArguments(own.format, '/t/x')).toEqual(['exec-script', '/t/x']);
  expect(() => parseShell('perl', path)).toThrow('Invalid shell option');
  expect(() => parseShell('agent-sandbox run', path)).toThrow('Invalid shell option');
  expect(shellArguments('{{a}} {0}', 'x')).toEqual(['{a}', 'x']);
  expect(() => shellArguments('{1} {0}', 'x')).toThrow('not in a correct format');
});

test('combinations of a matrix, as GitHub documents them', () => {
  expect(combinationsOf(undefined)).toEqual([{}]);
  expect(combinationsOf({ a: [1, 2], b: ['x'] })).toEqual([
    { a: 1, b: 'x' },
    { a: 2, b: 'x' },
  ]);
  expect(combinationsOf({ a: [1, 2], exclude: [{ a: 1 }] })).toEqual([{ a: 2 }]);
  expect(combinationsOf({ include: [{ a: 1 }, { a: 2 }] })).toEqual([{ a: 1 }, { a: 2 }]);
  // The example of the documentation.
  const include = [
    { color: 'green' },
    { color: 'pink', animal: 'cat' },
    { fruit: 'apple', shape: 'circle' },
    { fruit: 'banana' },
    { fruit: 'banana', animal: 'cat' },
  ];
  expect(combinationsOf({ fruit: ['apple', 'pear'], animal: ['cat', 'dog'], include })).toEqual([
    { fruit: 'apple', animal: 'cat', color: 'pink', shape: 'circle' },
    { fruit: 'apple', animal: 'dog', color: 'green', shape: 'circle' },
    { fruit: 'pear', animal: 'cat', color: 'pink' },
    { fruit: 'pear', animal: 'dog', color: 'green' },
    { fruit: 'banana' },
    { fruit: 'banana', animal: 'cat' },
  ]);
  expect(labelOf({ a: 1, b: 'x' })).toBe(' (1, x)');
});

test('permissions: naming one leaves out the others, and a fork may only read', () => {
  const usual = { contents: 'read' };
  expect(permissionsOf(undefined, usual, false)).toEqual({ contents: 'read', metadata: 'read' });
  expect(permissionsOf({}, usual, false)).toEqual({ metadata: 'read' });
  expect(permissionsOf({ checks: 'write', contents: 'none' }, usual, false)).toEqual({
    ...{ checks: 'write', metadata: 'read' },
  });
  expect(permissionsOf({ checks: 'write', 'id-token': 'write' }, usual, true)).toEqual({
    ...{ checks: 'read', metadata: 'read' },
  });
  expect(permissionsOf('write-all', usual, false)).toMatchObject({ 'id-token': 'write' });
  expect(permissionsOf('read-all', usual, false)['id-token']).toBeUndefined();
  expect(() => permissionsOf({ cheques: 'write' }, usual, false)).toThrow(
    "no permission 'cheques'",
  );
});
