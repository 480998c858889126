import { describe, expect, it } from 'vitest';

import { AGENT_LIMITS } from '../../../../src/enforce/mcp/json/limits.ts';
import { readJson } from '../../../../src/enforce/mcp/json/read.ts';
import { createRandom } from '../../../support/random.ts';

const read = (text: string | Buffer) => readJson(Buffer.from(text as string));
const faultOf = (text: string | Buffer): string | undefined => read(text).fault;

describe('a JSON text', () => {
  it.each([
    ['AS1 duplicate key', '{"name":"a","name":"b"}', 'duplicate key'],
    ['AS1 duplicate key deep down', '{"a":[{"b":1,"b":1}]}', 'duplicate key'],
    ['AS4 duplicate key, one of them escaped', '{"\\u006eame":"a","name":"b"}', 'duplicate key'],
    [
      'AS2 twin of a key of the message',
      '{"jsonrpc":"2.0","Method":"x"}',
      'twin of a protocol key',
    ],
    ['AS2 PARAMS', '{"PARAMS":{}}', 'twin of a protocol key'],
    ['AS2 jsonRpc', '{"jsonRpc":"2.0"}', 'twin of a protocol key'],
    ['AS2 twin in params', '{"params":{"name":"a","Name":"b"}}', 'twin of a protocol key'],
    ['AS2 ARGUMENTS', '{"params":{"ARGUMENTS":{}}}', 'twin of a protocol key'],
    ['AS2 a letter that folds to s', '{"param\\u017f":{}}', 'twin of a protocol key'],
    ['AS5 __proto__', '{"__proto__":{"path":"/etc/passwd"}}', 'forbidden key'],
    ['AS5 __proto__ deep down, escaped', '[{"a":{"\\u005f_proto__":1}}]', 'forbidden key'],
    ['AS5 constructor.prototype', '{"a":{"constructor":{"prototype":{"x":1}}}}', 'forbidden key'],
    ['AS22 overlong form', Buffer.from([0x22, 0xc0, 0xaf, 0x22]), 'encoding'],
    ['AS22 UTF-16', Buffer.from('{"a":1}', 'utf16le'), 'syntax'],
    ['AS22 lone surrogate', '"\\ud800"', 'lone surrogate'],
    ['AS22 lone low surrogate', '"a\\udc00"', 'lone surrogate'],
    ['PR1 a mark in front', '\ufeff{}', 'syntax'],
    ['PR2 two documents', '{}{}', 'syntax'],
    ['PR2 lines', '{}\n{}', 'syntax'],
    ['PR2 rest', '{} x', 'syntax'],
    ['PR2 comment', '{/**/}', 'syntax'],
    ['PR2 NaN', '{"a":NaN}', 'syntax'],
    ['PR2 single quotes', "{'a':1}", 'syntax'],
    ['PR2 comma at the end', '[1,]', 'syntax'],
    ['PR2 nothing', '', 'syntax'],
    ['PR2 cut off', '{"a":', 'syntax'],
    ['control character', '"a\u0001"', 'syntax'],
    ['NUL', '"a\\u0000"', 'nul'],
    ['PR7 depth', '['.repeat(100_000), 'depth'],
    ['PR7 depth of objects', '{"a":'.repeat(65) + '1' + '}'.repeat(65), 'depth'],
    ['number too long', '12345678901234567890', 'number'],
    ['number beyond 2^53', '9007199254740993', 'number'],
    ['number beyond 2^53 as a fraction', '9007199254740993.0', 'number'],
    ['number that overflows', '1e400', 'number'],
    ['number that vanishes', '1e-400', 'number'],
    ['zero in front', '01', 'syntax'],
    ['plus', '+1', 'syntax'],
  ])('is refused: %s', (_, text, fault) => {
    expect(faultOf(text)).toBe(fault);
    expect(({} as Record<string, unknown>)['path']).toBeUndefined();
  });

  it.each([
    '{"params":{"arguments":{"Name":"names of arguments are the server\'s","method":1}}}',
    '{"a":{"constructor":"x","prototype":{}}}',
    '[1.0, 1.50, 0.1, 1e3, 1E-7, 0.10000000000000001, 0.30000000000000004, 123456789012345, 1e22, 100000000000000000000]',
    '"\\ud83d\\ude00 \u{1f600} \\/ \\b\\f\\n\\r\\t é"',
    ' \t\r\n{ "a" : [ ] , "b" : { } , "c" : [ null , true , false ] } ',
  ])('is taken: %s', (text) => {
    expect(read(text)).toEqual({ value: JSON.parse(text) as unknown });
  });

  it('may be no longer and hold no more than its limits say', () => {
    const limits = { ...AGENT_LIMITS, bytes: 20, nodes: 3 };
    expect(readJson(Buffer.from('"'.padEnd(21, 'a')), { limits }).fault).toBe('size');
    expect(readJson(Buffer.from('[1,2,3]'), { limits }).fault).toBe('nodes');
    expect(readJson(Buffer.from('[1,2]'), { limits }).value).toEqual([1, 2]);
    expect(readJson(Buffer.from(`{"${'k'.repeat(1025)}":1}`)).fault).toBe('key length');
  });

  it('holds NUL in texts where it is to be read as content', () => {
    expect(readJson(Buffer.from('"a\\u0000"'), { allowNul: true }).value).toBe('a\0');
    expect(readJson(Buffer.from('{"a\\u0000":1}'), { allowNul: true }).fault).toBe('nul');
  });

  it('writes minus zero as zero', () => {
    expect(Object.is(read('-0.0').value, 0)).toBe(true);
  });
});

const SEEDS = [
  '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"a":[1,2.5e3,"x\\n\\u00e9"],"b":{"c":null}}}}',
  '{"jsonrpc":"2.0","id":"a","result":{"content":[{"type":"text","text":"\\ud83d\\ude00"}],"isError":false}}',
  '[[[[]]],{"a":{"b":{"c":[{},{}]}}}, -1.25E-3 , 0.1]',
] as const;
const PIECES = [
  '"',
  '\\',
  '\\u',
  '\\ud800',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '1e9',
  '-',
  '.',
  '0',
  'null',
  '"name":1,',
];

it('reads what it takes as JSON.parse does, and takes nothing that JSON.parse does not', () => {
  const random = createRandom('mcp json');
  let taken = 0;
  for (let round = 0; round < 60_000; round++) {
    let text: string = random.pick(SEEDS);
    for (let count = random.below(4); count > 0; count--) {
      const at = random.below(text.length + 1);
      const piece = random.chance(0.5)
        ? (PIECES[random.below(PIECES.length)] ?? '')
        : String.fromCharCode(random.below(0x180));
      text = text.slice(0, at) + piece + text.slice(at + random.below(3));
    }
    const reading = read(text);
    if (reading.fault !== undefined) continue;
    taken += 1;
    const expected: unknown = JSON.parse(text, (_key, value: unknown) => (value === 0 ? 0 : value));
    expect(reading.value, text).toEqual(expected);
    expect(JSON.parse(JSON.stringify(reading.value))).toEqual(reading.value);
  }
  expect(taken).toBeGreaterThan(5000);
});
