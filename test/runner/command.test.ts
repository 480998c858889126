// Golden facts of actions/runner's own tests (ActionCommandL0), restated.

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { parseCommand } from '../support/runner/command.ts';

const NAMES = new Set(['do-something', 'error']);

function parse(line: string): [string, Record<string, string>, string] | undefined {
  const command = parseCommand(line, NAMES);
  return command && [command.name, Object.fromEntries(command.properties), command.data];
}

test.each<[string, ReturnType<typeof parse>]>([
  // v1
  ['##[do-something k1=v1;]msg', ['do-something', { k1: 'v1' }, 'msg']],
  ['##[do-something]', ['do-something', {}, '']],
  [
    '##[do-something k1=%3B=%0D=%0A=%5D;]%3B-%0D-%0A-%5D',
    ['do-something', { k1: ';=\r=\n=]' }, ';-\r-\n-]'],
  ],
  [
    '##[do-something k1=%253B=%250D=%250A=%255D;]%253B-%250D-%250A-%255D',
    ['do-something', { k1: '%3B=%0D=%0A=%5D' }, '%3B-%0D-%0A-%5D'],
  ],
  ['##[do-something k1=;k2=;]', ['do-something', { k1: '', k2: '' }, '']],
  ['>>> ##[do-something k1=;k2=v;]msg', ['do-something', { k1: '', k2: 'v' }, 'msg']],
  ['text ##[error]and more', ['error', {}, 'and more']],
  ['##[unknown]x', undefined],
  ['##[do-something', undefined],
  ['##vso[do-something]x', undefined],
  // v2
  ['::do-something k1=v1,::msg', ['do-something', { k1: 'v1' }, 'msg']],
  ['::do-something::', ['do-something', {}, '']],
  [
    '::do-something k1=;=%2C=%0D=%0A=]=%3A,::;-%0D-%0A-]-:-,',
    ['do-something', { k1: ';=,=\r=\n=]=:' }, ';-\r-\n-]-:-,'],
  ],
  [
    '::do-something k1=;=%252C=%250D=%250A=]=%253A,::;-%250D-%250A-]-:-,',
    ['do-something', { k1: ';=%2C=%0D=%0A=]=%3A' }, ';-%0D-%0A-]-:-,'],
  ],
  ['::do-something k1=,k2=,::', ['do-something', { k1: '', k2: '' }, '']],
  ['::do-something k1=v1::', ['do-something', { k1: 'v1' }, '']],
  ['   ::do-something k1=v1,::', ['do-something', { k1: 'v1' }, '']],
  ['   >>>   ::do-something k1=v1,::', undefined],
  ['::DO-SOMETHING K1=v::', ['do-something', { k1: 'v' }, '']],
  ['\u00a0\u3000::do-something::x', ['do-something', {}, 'x']],
  ['\ufeff::do-something::x', undefined],
  ['::do-something', undefined],
  ['::unknown::x', undefined],
  ['a::do-something::x', undefined],
  // A v2 line of no known name can still hold a v1 command.
  ['::unknown::##[error]x', ['error', {}, 'x']],
])('%j', (line, command) => {
  expect(parse(line)).toEqual(command);
});

test('what the toolkit escapes comes back as it was', () => {
  // As @actions/core's command.ts writes it.
  const data = (text: string): string =>
    text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
  const property = (text: string): string => data(text).replace(/:/g, '%3A').replace(/,/g, '%2C');
  const value = fc.string({
    unit: fc.constantFrom('%', '\r', '\n', ':', ',', ';', ']', '2', '5', 'a', ' ='),
  });
  fc.assert(
    fc.property(value, value, (title, message) => {
      const line = `::error file=f,title=${property(title)}::${data(message)}`;
      const [, properties, found] = parse(line) ?? [];
      expect(found).toBe(message);
      expect(properties?.['title']).toBe(title.replace(/ +$/, ''));
    }),
    { seed: 6, numRuns: 500 },
  );
});
