import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  blockContains,
  blockWithin,
  formatAddress,
  formatBlock,
  parseAddress,
  parseBlock,
  unwrapAddress,
} from '../../src/match/address.ts';
import { specialRange, specialRangeOf, unreachedBy } from '../../src/match/special.ts';

const judged = (text: string): string => {
  const address = parseAddress(text);
  return address === undefined ? 'none' : formatAddress(unwrapAddress(address));
};
const kindOf = (text: string): string => {
  const address = parseAddress(text);
  return address === undefined ? 'none' : (specialRange(unwrapAddress(address))?.kind ?? 'public');
};

describe('addresses', () => {
  test.each([
    ['1.2.3.4', '1.2.3.4'],
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['fe80:0:0:0:0:0:0:1', 'fe80::1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['::ffff:1.2.3.4', '::ffff:102:304'],
  ])('%s is written %s', (text, written) => {
    const address = parseAddress(text);
    expect(address && formatAddress(address)).toBe(written);
  });

  test.each([
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.256',
    '0x1.2.3.4',
    '1.2.3.4 ',
    '',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '::1%eth0',
    '[::1]',
    '::1.2.3',
    'g::1',
    '12345::1',
    '1.2.3.4::',
  ])('%j is no address', (text) => expect(parseAddress(text)).toBeUndefined());

  test('every address that is written can be read again', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const address = parseAddress(text);
        if (address === undefined) throw new Error(text);
        expect(parseAddress(formatAddress(address))).toEqual(address);
      }),
    );
  });
});

describe('one address in the clothes of another', () => {
  test.each([
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['::127.0.0.1', '127.0.0.1'],
    ['::ffff:0:10.0.0.1', '10.0.0.1'],
    ['64:ff9b::169.254.169.254', '169.254.169.254'],
    ['2002:7f00:1::1', '127.0.0.1'],
    ['2002:a9fe:a9fe::', '169.254.169.254'],
    ['2001:db8::1', '2001:db8::1'],
    ['::1', '::1'],
    ['::', '::'],
  ])('%s is judged as %s', (text, plain) => expect(judged(text)).toBe(plain));
});

describe('special ranges', () => {
  test.each([
    ['127.0.0.1', 'never'],
    ['127.255.255.254', 'never'],
    ['0.0.0.0', 'never'],
    ['::', 'never'],
    ['::1', 'never'],
    ['169.254.1.1', 'never'],
    ['169.254.169.254', 'never'],
    ['168.63.129.16', 'never'],
    ['100.100.100.200', 'never'],
    ['fe80::1', 'never'],
    ['fd00:ec2::254', 'never'],
    ['198.18.0.1', 'never'],
    ['224.0.0.1', 'never'],
    ['255.255.255.255', 'never'],
    ['ff02::1', 'never'],
    ['::ffff:169.254.169.254', 'never'],
    ['64:ff9b::7f00:1', 'never'],
    ['10.1.2.3', 'private'],
    ['172.31.0.1', 'private'],
    ['172.32.0.1', 'public'],
    ['192.168.0.1', 'private'],
    ['100.64.0.1', 'private'],
    ['fd12::1', 'private'],
    ['fec0::1', 'private'],
    ['203.0.113.5', 'private'],
    ['240.0.0.1', 'private'],
    ['2001:db8::1', 'private'],
    ['8.8.8.8', 'public'],
    ['2606:4700::1', 'public'],
  ])('%s: %s', (text, kind) => expect(kindOf(text)).toBe(kind));

  test('a block names a special range only from inside it', () => {
    const inside = parseBlock('10.1.0.0/16');
    const broad = parseBlock('0.0.0.0/0');
    expect(inside && specialRangeOf(inside)?.name).toBe('private');
    expect(broad && specialRangeOf(broad)).toBeUndefined();
    expect(broad && unreachedBy(broad)).toContain('metadata');
  });
});

describe('blocks', () => {
  test.each([
    '10.0.0.1/8',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '::/129',
    'a/8',
    '10.0.0.0/8/8',
  ])('%s is no block', (text) => expect(parseBlock(text)).toBeUndefined());

  test('a bare address is its own block', () => {
    expect(formatBlock(parseBlock('10.0.0.1') as never)).toBe('10.0.0.1/32');
    expect(formatBlock(parseBlock('2001:db8::1') as never)).toBe('2001:db8::1/128');
  });

  test('membership is what arithmetic on whole numbers says', () => {
    const number = (text: string): bigint => {
      const address = parseAddress(text);
      return (address?.words ?? []).reduce<bigint>((sum, word) => (sum << 32n) + BigInt(word), 0n);
    };
    fc.assert(
      fc.property(
        fc.oneof(
          fc.tuple(fc.ipV4(), fc.ipV4(), fc.nat(32)),
          fc.tuple(fc.ipV6(), fc.ipV6(), fc.nat(128)),
        ),
        ([base, other, length]) => {
          const a = parseAddress(base);
          const b = parseAddress(other);
          if (a === undefined || b === undefined) throw new Error(base);
          const width = a.family === 4 ? 32 : 128;
          const shift = BigInt(width - length);
          const block = { ...a, prefix: length };
          expect(blockContains(block, b)).toBe(number(base) >> shift === number(other) >> shift);
          expect(blockContains(block, a)).toBe(true);
          expect(blockWithin(block, { ...b, prefix: width })).toBe(blockContains(block, b));
        },
      ),
      { numRuns: 1000 },
    );
  });
});
