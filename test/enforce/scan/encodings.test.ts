import { describe, expect, it } from 'vitest';

import { encodingsOf } from '../../../src/enforce/scan/encodings.ts';

const VALUES = [
  'ghs_16C7e42F292c6912E7710c838347Ae178B4a',
  'ghs_123_eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln-bmF0_dXJl',
  'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY=',
  'p\u00e4ss "w\\ord" <&\'> ~?>~?> 100%',
  'tab\tand `tick`',
];

function isFoundIn(text: string, value: string): boolean {
  const bytes = Buffer.from(text);
  return encodingsOf(value).some((encoded) => bytes.includes(encoded.bytes));
}

describe.each(VALUES)('forms of %j', (value) => {
  const bytes = Buffer.from(value);

  it.each(['base64', 'base64url'] as const)('are found in %s of any text around it', (encoding) => {
    for (const before of ['', 'u', 'us', 'user:', '\xff\xfe'])
      for (const after of ['', ':', ';;', '\xff', '\xff\xff'])
        expect(
          isFoundIn(
            Buffer.concat([Buffer.from(before), bytes, Buffer.from(after)]).toString(encoding),
            value,
          ),
        ).toBe(true);
  });

  it('are found in percent-encoding, whoever encodes', () => {
    const every = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
    const usual = encodeURIComponent(value);
    const strict = usual.replace(
      /[!'()*]/g,
      (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
    );
    const texts = [usual, strict, every, every.toUpperCase()];
    texts.push(usual.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()));
    texts.push(strict.replaceAll('%2F', '/'));
    texts.push(
      new URLSearchParams({ a: value }).toString(),
      new URL(`https://a.test/?${usual}`).search,
    );
    for (const text of texts) expect(isFoundIn(text, value), text).toBe(true);
  });

  it('are found in JSON, whoever writes it', () => {
    const plain = JSON.stringify({ a: [value] });
    const unit = (c: string): string => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
    const texts = [plain, plain.replaceAll('/', '\\/')];
    texts.push(plain.replace(/[<>&]/g, unit), plain.replace(/[^\x00-\x7f]/g, unit));
    texts.push(
      [...value].map(unit).join(''),
      [...value].map((c) => `\\u${unit(c).slice(2).toUpperCase()}`).join(''),
    );
    for (const text of texts) expect(isFoundIn(text, value), text).toBe(true);
  });

  it('are found in hexadecimal, as they are, and each once', () => {
    expect(isFoundIn(bytes.toString('hex'), value)).toBe(true);
    expect(isFoundIn(bytes.toString('hex').toUpperCase(), value)).toBe(true);
    expect(isFoundIn(`x${value}y`, value)).toBe(true);
    const all = encodingsOf(value).map((encoded) => encoded.bytes.toString('latin1'));
    expect(new Set(all).size).toBe(all.length);
    expect(encodingsOf(value)[0]).toEqual({ form: 'raw', bytes });
  });
});

it('a form of base64 holds nothing but the value: ten characters of the shortest one', () => {
  const forms = encodingsOf('12345678').filter(({ form }) => form === 'base64');
  expect(forms.map(({ bytes }) => bytes.toString())).toEqual([
    'MTIzNDU2Nz',
    'EyMzQ1Njc4',
    'xMjM0NTY3O',
  ]);
});
