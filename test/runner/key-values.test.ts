// Golden facts of actions/runner's own tests (SetEnvFileCommandL0, SetOutputFileCommandL0), restated.

import { expect, test } from 'vitest';

import { readKeyValues } from '../support/runner/key-values.ts';

const lines = (...all: string[]): string => `${all.join('\n')}\n`;
const read = (text: string): Record<string, string> => Object.fromEntries(readKeyValues(text));

test.each<[string, string, Record<string, string>]>([
  ['nothing', '', {}],
  ['empty lines', '\n\n', {}],
  ['a value', 'A=b\n', { A: 'b' }],
  ['no end of line', 'A=b', { A: 'b' }],
  ['a value that is empty', 'A=\n', { A: '' }],
  ['several equals signs', 'A=b=c==\n', { A: 'b=c==' }],
  ['<< behind the equals sign', 'A=abc << def\n', { A: 'abc << def' }],
  ['white space kept', ' A = b \n', { ' A ': ' b ' }],
  ['CR kept', 'A=b\r\n', { A: 'b\r' }],
  ['the last one holds', 'A=1\nA=2\n', { A: '2' }],
  ['a heredoc', lines('A<<EOF', 'one', 'two', 'three', 'EOF'), { A: 'one\ntwo\nthree' }],
  ['an empty heredoc', lines('A<<EOF', 'EOF'), { A: '' }],
  ['one empty line', lines('A<<EOF', '', 'EOF'), { A: '' }],
  ['two empty lines', lines('A<<EOF', '', '', 'EOF'), { A: '\n' }],
  ['empty lines inside', lines('A<<EOF', '', 'x', '', 'EOF'), { A: '\nx\n' }],
  ['no end behind the delimiter', 'A<<EOF\none\nEOF', { A: 'one' }],
  [
    'like the delimiter',
    lines('A<<EOF', ' EOF', 'EOF ', 'EOF EOF', 'EOF'),
    { A: ' EOF\nEOF \nEOF EOF' },
  ],
  ['CR LF inside', 'A<<EOF\none\r\ntwo\r\nEOF\n', { A: 'one\r\ntwo\r' }],
  ['pairs inside', lines('A<<EOF', 'B=c', 'C<<D', 'EOF', 'E=f'), { A: 'B=c\nC<<D', E: 'f' }],
  ['a delimiter with an equals sign', lines('A<<=', 'x', '='), { A: 'x' }],
  ['a delimiter with white space', lines('A<< E', 'x', ' E'), { A: 'x' }],
])('%s', (_, text, values) => {
  expect(read(text)).toEqual(values);
});

test.each([
  ['no equals sign', 'A\n', "Invalid format 'A'"],
  ['no name', '=b\n', 'Name must not be empty'],
  ['a heredoc without a name', lines('<<EOF', 'x', 'EOF'), 'Name must not be empty and delimiter'],
  ['a heredoc without a delimiter', lines('A<<', 'x', ''), 'delimiter must not be empty'],
  ['no delimiter at the end', lines('A<<EOF', 'x'), "Matching delimiter not found 'EOF'"],
  ['the delimiter on the last line', 'A<<EOF\nx EOF', "Matching delimiter not found 'EOF'"],
  ['the delimiter with a CR', 'A<<EOF\nx\nEOF\r\n', "Matching delimiter not found 'EOF'"],
])('%s is refused', (_, text, message) => {
  expect(() => read(text)).toThrow(message);
});

test('what stands before a fault is taken', () => {
  const taken: string[] = [];
  expect(() => {
    for (const [name] of readKeyValues('A=1\nB=2\nbad\nC=3\n')) taken.push(name);
  }).toThrow();
  expect(taken).toEqual(['A', 'B']);
});
