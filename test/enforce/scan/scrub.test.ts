import { describe, expect, it } from 'vitest';

import { createPlaceholders } from '../../../src/enforce/credential/placeholder/placeholders.ts';
import { SHAPES } from '../../../src/enforce/credential/placeholder/shape.ts';
import { encodingsOf } from '../../../src/enforce/scan/encodings.ts';
import { createScanner } from '../../../src/enforce/scan/scanner.ts';
import type { Scanner } from '../../../src/enforce/scan/scanner.ts';
import { createScrubber, scrubText } from '../../../src/enforce/scan/scrub.ts';
import { Secret } from '../../../src/model/secret.ts';
import { seededRandom } from '../../support/random.ts';
import { cutAt, cutRandomly, everyByte } from './chunks.ts';

const VALUES: readonly [string, string][] = [
  ['gh', 'ghs_16C7e42F292c6912E7710c838347Ae178B4a'],
  ['aws', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY='],
  ['long', `eyJhbGciOiJSUzI1NiJ9.${'x8Yq'.repeat(200)}.c2ln`],
];

function scannerOf(values: readonly (readonly [string, string])[]): Scanner {
  const scanner = createScanner();
  for (const [credential, value] of values)
    scanner.add({ credential, secret: new Secret(value), replacement: `<${credential}>` });
  return scanner;
}

function scrub(scanner: Scanner, chunks: Iterable<Uint8Array>): string {
  const scrubber = createScrubber(scanner);
  const out: Buffer[] = [];
  for (const chunk of chunks) out.push(...scrubber.push(chunk));
  return Buffer.concat([...out, ...scrubber.end()]).toString('latin1');
}

describe.each(VALUES)('%s', (credential, value) => {
  const scanner = scannerOf(VALUES);

  it('is replaced in every form, however it is cut', () => {
    for (const { bytes, form } of encodingsOf(value)) {
      const text = Buffer.concat([Buffer.from('{"a": "'), bytes, Buffer.from('"}\n')]);
      const expected = `{"a": "<${credential}>"}\n`;
      expect(scrub(scanner, [text]), form).toBe(expected);
      expect(scrub(scanner, everyByte(text)), form).toBe(expected);
      for (let at = 0; at < Math.min(text.length, 120); at++)
        expect(scrub(scanner, cutAt(text, at)), form).toBe(expected);
      const random = seededRandom(7);
      for (let round = 0; round < 20; round++)
        expect(scrub(scanner, cutRandomly(text, random, 40)), form).toBe(expected);
    }
  });

  it('is replaced at the very start and end, and side by side', () => {
    const hit = `<${credential}>`;
    expect(scrub(scanner, [Buffer.from(value)])).toBe(hit);
    expect(scrub(scanner, [Buffer.from(value + value)])).toBe(hit + hit);
    expect(scrub(scanner, everyByte(Buffer.from(`${value}-${value}`)))).toBe(`${hit}-${hit}`);
  });

  it('leaves what is almost it', () => {
    for (const near of [value.slice(1), value.slice(0, -1), `${value.slice(0, -1)}!`]) {
      expect(scrub(scanner, [Buffer.from(near)])).toBe(near);
      expect(scrub(scanner, everyByte(Buffer.from(near)))).toBe(near);
    }
  });

  it('is replaced within the base64 of a pair', () => {
    const text = Buffer.from(`x-access-token:${value}`).toString('base64');
    const out = scrub(scanner, everyByte(Buffer.from(text)));
    expect(out).toContain(`<${credential}>`);
    expect(out.length).toBeLessThan(`<${credential}>`.length + 26);
  });
});

describe('values that overlap', () => {
  // 'ab' begins what 'long' goes on with; 'inner' lies within it.
  const scanner = scannerOf([
    ['a', '0123456789'],
    ['b', '0123456789abcdef'],
    ['c', '56789abc'],
    ['d', 'cdefghij'],
  ]);

  it.each([
    ['one that begins another', 'x0123456789-', 'x<a>-'],
    ['the longer of two that begin together', 'x0123456789abcdef-', 'x<b>-'],
    ['one whose end begins another', 'x56789abcdefghij-', 'x<c>-'],
    ['a chain of them', 'x0123456789abcdefghij-', 'x<b>-'],
    ['one and then no more than the beginning of another', 'x56789abcdefgh-', 'x<c>defgh-'],
    ['side by side', '56789abc56789abc', '<c><c>'],
  ])('%s', (_, text, expected) => {
    const bytes = Buffer.from(text);
    expect(scrub(scanner, [bytes])).toBe(expected);
    expect(scrub(scanner, everyByte(bytes))).toBe(expected);
    for (let at = 0; at < bytes.length; at++)
      expect(scrub(scanner, cutAt(bytes, at))).toBe(expected);
  });
});

describe('what is kept back', () => {
  const scanner = scannerOf([['gh', 'ghs_16C7e42F292c6912']]);
  const send = (text: string): string => {
    const scrubber = createScrubber(scanner);
    return Buffer.concat(scrubber.push(Buffer.from(text))).toString();
  };

  it('is only what may be beginning', () => {
    expect(send('data: {"a": 1}\n\n')).toBe('data: {"a": 1}\n\n');
    expect(send('data: ghs_16C7')).toBe('data: ');
    expect(send('data: ghs_16C8')).toBe('data: ghs_16C8');
  });

  it('goes out when nothing follows, if it is short, and what follows later is still replaced', () => {
    const scrubber = createScrubber(scanner);
    const text = (out: Buffer[]): string => Buffer.concat(out).toString();
    expect(text(scrubber.push(Buffer.from('a message: gh')))).toBe('a message: ');
    expect(text(scrubber.idle())).toBe('gh');
    expect(text(scrubber.idle())).toBe('');
    expect(text(scrubber.push(Buffer.from('s_16C7e')))).toBe('');
    expect(text(scrubber.idle())).toBe('');
    expect(text(scrubber.push(Buffer.from('42F292c6912.')))).toBe('<gh>.');
    expect(text(scrubber.push(Buffer.from('another: gh')))).toBe('another: ');
    expect(text(scrubber.idle())).toBe('gh');
    expect(text(scrubber.push(Buffer.from('ost')))).toBe('ost');
    expect(text(scrubber.end())).toBe('');
    expect(scrubber.hits()).toEqual([{ credential: 'gh', form: 'raw', count: 1 }]);
  });

  it('is looked at anew when a value was added', () => {
    const own = scannerOf([]);
    const scrubber = createScrubber(own);
    const out = [...scrubber.push(Buffer.from('first-secret '))];
    own.add({ credential: 'x', secret: new Secret('first-secret'), replacement: '<x>' });
    out.push(...scrubber.push(Buffer.from('first-')), ...scrubber.push(Buffer.from('secret')));
    out.push(...scrubber.end());
    expect(Buffer.concat(out).toString()).toBe('first-secret <x>');
  });
});

it('counts what it found by credential and form', () => {
  const scanner = scannerOf(VALUES);
  const scrubber = createScrubber(scanner);
  const [, gh] = VALUES[0] ?? ['', ''];
  const hex = Buffer.from(gh).toString('hex');
  for (const chunk of everyByte(Buffer.from(`${gh} ${hex} ${gh}`))) scrubber.push(chunk);
  scrubber.end();
  expect(scrubber.hits()).toEqual([
    { credential: 'gh', form: 'raw', count: 2 },
    { credential: 'gh', form: 'hex', count: 1 },
  ]);
});

it('a header value keeps its other bytes, those above ASCII too', () => {
  const scanner = scannerOf(VALUES);
  const [, gh] = VALUES[0] ?? ['', ''];
  expect(scrubText(scanner, `sid=${encodeURIComponent(gh)}; \xe4\xff`)).toEqual({
    text: 'sid=<gh>; \xe4\xff',
    hits: [{ credential: 'gh', form: 'raw', count: 1 }],
  });
  expect(scrubText(scanner, '\xe4 OK')).toEqual({ text: '\xe4 OK', hits: [] });
});

it('placeholders are never taken for values', () => {
  const random = seededRandom(3);
  const placeholders = createPlaceholders((length) => random.bytes(length));
  const scanner = scannerOf(VALUES);
  for (const shape of SHAPES) {
    const text = placeholders.issue('gh', shape);
    expect(scrubText(scanner, text).hits).toEqual([]);
  }
});

it('finds nothing in 50 MB of noise', () => {
  const scanner = createScanner();
  const random = seededRandom(11);
  for (let index = 0; index < 20; index++)
    scanner.add({
      credential: `c${index}`,
      secret: new Secret(random.bytes(6).toString('base64')),
      replacement: 'x',
    });
  const scrubber = createScrubber(scanner);
  const noise = random.bytes(1_000_000);
  const forms = [noise, Buffer.from(noise.toString('base64')), Buffer.from(noise.toString('hex'))];
  let [sent, got] = [0, 0];
  for (let round = 0; sent < 50e6; round++) {
    const bytes = forms[round % 3] ?? noise;
    // Another byte in front each time: other neighbours at the seams.
    const chunk = Buffer.concat([Buffer.from([round]), bytes]);
    sent += chunk.length;
    for (const out of scrubber.push(chunk)) got += out.length;
  }
  for (const out of scrubber.end()) got += out.length;
  expect(scrubber.hits()).toEqual([]);
  expect(got).toBe(sent);
});
