import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { readAuthorization } from '../../../../src/enforce/credential/sigv4/authorization.ts';
import { FAULTS, verify } from '../../../../src/enforce/credential/sigv4/verify.ts';
import type { Fault, Verdict } from '../../../../src/enforce/credential/sigv4/verify.ts';
import { EMPTY_HASH } from '../../../../src/provider/sigv4/canonical.ts';
import type { WireRequest } from '../../../../src/provider/sigv4/canonical.ts';
import { amzDate, sign } from '../../../../src/provider/sigv4/sign.ts';
import { createRandom } from '../../../support/random.ts';

const NOW = Date.UTC(2026, 10, 21, 10, 11, 12);
const placeholder = {
  accessKeyId: 'ASIAPLACEHOLDER',
  secretAccessKey: 'placeholder-secret',
  sessionToken: 'placeholder-token',
};
const real = {
  accessKeyId: 'ASIAREAL',
  secretAccessKey: 'real-secret',
  sessionToken: 'real-token',
};
const scope = { service: 's3', region: 'eu-central-1' };
const expected = { ...scope, now: NOW };

function request(change: Partial<WireRequest> = {}): WireRequest {
  return {
    method: 'GET',
    host: 'bucket.s3.example.com',
    path: '/key%20a',
    query: 'x-id=GetObject',
    headers: [
      ['Host', 'bucket.s3.example.com'],
      ['X-Amz-Date', amzDate(NOW)],
      ['X-Amz-Content-Sha256', EMPTY_HASH],
      ['Accept', '*/*'],
    ],
    ...change,
  };
}

function signed(change: Partial<WireRequest> = {}, options = {}): WireRequest {
  const plain = request(change);
  const headers = sign(plain, placeholder, { ...scope, signed: [], ...options });
  if (headers === undefined) throw new Error('not signed');
  return { ...plain, headers };
}

function without(from: WireRequest, name: string): WireRequest {
  return { ...from, headers: from.headers.filter(([other]) => other.toLowerCase() !== name) };
}

function plus(from: WireRequest, name: string, value: string): WireRequest {
  return { ...from, headers: [...from.headers, [name, value]] };
}

function replaced(from: WireRequest, name: string, by: (value: string) => string): WireRequest {
  return {
    ...from,
    headers: from.headers.map(([other, value]) => [
      other,
      other.toLowerCase() === name ? by(value) : value,
    ]),
  };
}

function faultOf(verdict: Verdict): string {
  return verdict.outcome === 'refused' ? verdict.fault : verdict.outcome;
}

describe('a request signed with the placeholder', () => {
  it('is valid, and says what its body must hash to', () => {
    expect(verify(signed(), placeholder, expected)).toEqual({
      outcome: 'valid',
      signed: ['host', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-security-token'],
      payload: EMPTY_HASH,
      expectedHash: EMPTY_HASH,
    });
  });

  it('needs its body where no header says what it hashes to', () => {
    const bodyHash = createHash('sha256').update('Action=X').digest('hex');
    const bare = signed(without(request({ method: 'POST' }), 'x-amz-content-sha256'), {
      payload: bodyHash,
    });
    expect(verify(bare, placeholder, expected)).toEqual({ outcome: 'body-needed' });
    expect(verify(bare, placeholder, expected, bodyHash)).toMatchObject({
      outcome: 'valid',
      payload: bodyHash,
    });
    expect(faultOf(verify(bare, placeholder, expected, EMPTY_HASH))).toBe('mismatch');
  });

  it('may leave its body to TLS, in the two ways that are known', () => {
    for (const literal of ['UNSIGNED-PAYLOAD', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER']) {
      const open = signed(replaced(request(), 'x-amz-content-sha256', () => literal));
      expect(verify(open, placeholder, expected)).toEqual({
        outcome: 'valid',
        signed: ['host', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-security-token'],
        payload: literal,
      });
    }
  });

  it('is signed anew with the real keys, its date kept and nothing of the placeholder left', () => {
    const verdict = verify(signed(), placeholder, expected);
    if (verdict.outcome !== 'valid') throw new Error(faultOf(verdict));
    const headers = sign(signed(), real, { ...scope, ...verdict }) ?? [];
    expect(headers.filter(([name]) => /^x-amz-date$/i.test(name))).toEqual([
      ['X-Amz-Date', amzDate(NOW)],
    ]);
    expect(headers).toContainEqual(['x-amz-security-token', 'real-token']);
    expect(JSON.stringify(headers).toLowerCase()).not.toContain('placeholder');
    expect(faultOf(verify({ ...request(), headers }, real, expected))).toBe('valid');
  });

  it('loses its session token where the real keys have none', () => {
    const { accessKeyId, secretAccessKey } = real;
    const headers = sign(signed(), { accessKeyId, secretAccessKey }, scope) ?? [];
    expect(headers.some(([name]) => name === 'x-amz-security-token')).toBe(false);
    const verdict = verify({ ...request(), headers }, { accessKeyId, secretAccessKey }, expected);
    expect(verdict.outcome).toBe('valid');
  });
});

const auth = (by: (value: string) => string): WireRequest =>
  replaced(signed(), 'authorization', by);

const REFUSED: [name: string, make: () => WireRequest, fault: Fault][] = [
  ['no signature', () => request(), 'unsigned'],
  ['a bearer token', () => auth(() => 'Bearer x'), 'unsigned'],
  ['SigV4A', () => auth((v) => v.replace('AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256')), 'unsigned'],
  ['SigV2', () => auth(() => 'AWS AKID:signature'), 'unsigned'],
  ['two signatures', () => plus(signed(), 'authorization', 'AWS4-HMAC-SHA256 x'), 'malformed'],
  ['a signature in upper case', () => auth((v) => v.replace(/[0-9a-f]{64}/, 'A'.repeat(64))), 'malformed'],
  ['unsorted names', () => auth((v) => v.replace('host;x-amz-content-sha256', 'x-amz-content-sha256;host')), 'malformed'],
  ['a name twice', () => auth((v) => v.replace('host;', 'host;host;')), 'malformed'],
  ['parts in another order', () => auth((v) => v.replace(/(Credential=\S+), (SignedHeaders=\S+),/, '$2, $1,')), 'malformed'],
  ['something behind it', () => auth((v) => `${v}, Extra=1`), 'malformed'],
  ['another key', () => auth((v) => v.replace('ASIAPLACEHOLDER', 'ASIAREAL')), 'unknown-key'],
  ['another token', () => replaced(signed(), 'x-amz-security-token', () => 'real-token'), 'token'],
  ['no token', () => without(signed(), 'x-amz-security-token'), 'token'],
  ['two tokens', () => plus(signed(), 'x-amz-security-token', 'placeholder-token'), 'token'],
  ['a signature in the URL', () => signed({ query: 'X-Amz-Signature=abc' }), 'presigned'],
  ['a signature in the URL, disguised', () => signed({ query: 'x-%61mz-credential=abc' }), 'presigned'],
  ['version 2 in the URL', () => signed({ query: 'AWSAccessKeyId=a&Signature=b' }), 'presigned'],
  ['another host header', () => replaced(signed(), 'host', () => 'other.example.com'), 'headers'],
  ['two host headers', () => plus(signed(), 'Host', 'bucket.s3.example.com'), 'headers'],
  ['an x-amz header that is not signed', () => plus(signed(), 'X-Amz-Acl', 'public-read'), 'headers'],
  ['a signed header that is not there', () => auth((v) => v.replace('host;', 'accept-x;host;')), 'headers'],
  ['no date', () => without(signed(), 'x-amz-date'), 'headers'],
  ['two dates', () => plus(signed(), 'x-amz-date', amzDate(NOW)), 'headers'],
  ['two hashes', () => plus(signed(), 'x-amz-content-sha256', EMPTY_HASH), 'headers'],
  ['a date in another form', () => replaced(signed(), 'x-amz-date', () => '2026-11-21T10:11:12Z'), 'date'],
  ['a day that is none', () => replaced(signed(), 'x-amz-date', () => '20261321T101112Z'), 'date'],
  ['another day in its scope', () => auth((v) => v.replace('/20261121/', '/20261120/')), 'date'],
  ['signed chunks', () => signed(replaced(request(), 'x-amz-content-sha256', () => 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD')), 'chunked'],
  ['signed chunks with trailer', () => signed(replaced(request(), 'x-amz-content-sha256', () => 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER')), 'chunked'],
  ['a hash that is none', () => signed(replaced(request(), 'x-amz-content-sha256', () => 'none')), 'payload'],
  ['a `+` in the query', () => ({ ...signed(), query: 'a=b+c' }), 'malformed'],
  ['an escape that is none', () => ({ ...signed(), path: '/a%2' }), 'malformed'],
  ['bytes outside ASCII', () => ({ ...signed(), path: '/\u00e9' }), 'malformed'],
  ['another signature', () => auth((v) => v.replace(/[0-9a-f]{64}$/, 'a'.repeat(64))), 'mismatch'],
  ['another method', () => ({ ...signed(), method: 'DELETE' }), 'mismatch'],
  ['another path', () => ({ ...signed(), path: '/key%20b' }), 'mismatch'],
  ['another escape of the same path', () => ({ ...signed(), path: '/%6bey%20a' }), 'mismatch'],
  ['a query put behind', () => ({ ...signed(), query: 'x-id=GetObject&acl' }), 'mismatch'],
]; // prettier-ignore

describe('a request is refused with', () => {
  it.each(REFUSED)('%s', (_, make, fault) => {
    expect(faultOf(verify(make(), placeholder, expected))).toBe(fault);
  });

  it('every kind of fault that is named', () => {
    const covered = new Set<string>([...REFUSED.map(([, , fault]) => fault), 'scope']);
    expect([...covered].sort()).toEqual(Object.keys(FAULTS).sort());
  });

  it('a scope that is not the one of the bind (PX-32)', () => {
    const of = (change: object): string =>
      faultOf(verify(signed({}, change), placeholder, expected));
    expect(of({ region: 'us-east-1' })).toBe('scope');
    expect(of({ service: 'sts' })).toBe('scope');
    expect(faultOf(verify(signed(), placeholder, { ...expected, region: 'us-east-1' }))).toBe(
      'scope',
    );
    const other = auth((value) => value.replace('aws4_request', 'aws5_request'));
    expect(faultOf(verify(other, placeholder, expected))).toBe('malformed');
  });

  it('a date more than five minutes off', () => {
    const at = (now: number): string =>
      faultOf(verify(signed(), placeholder, { ...expected, now }));
    expect(at(NOW + 300_000)).toBe('valid');
    expect(at(NOW - 300_000)).toBe('valid');
    expect(at(NOW + 301_000)).toBe('date');
    expect(at(NOW - 301_000)).toBe('date');
  });

  it('a body that is not the one of its hash', () => {
    const hash = createHash('sha256').update('other').digest('hex');
    expect(faultOf(verify(signed(), placeholder, expected, hash))).toBe('payload');
  });
});

describe('signing', () => {
  it('refuses what has more than one reading', () => {
    expect(sign(request({ query: 'a=b+c' }), real, scope)).toBeUndefined();
    expect(sign(without(request(), 'x-amz-date'), real, scope)).toBeUndefined();
    expect(sign(without(request(), 'x-amz-content-sha256'), real, scope)).toBeUndefined();
    expect(sign(plus(request(), 'x-amz-date', 'x'), real, scope)).toBeUndefined();
  });

  it('tells a slash from an escaped one, and reads every escape once', () => {
    for (const service of ['s3', 'sts']) {
      const of = (path: string): string =>
        (sign(request({ path }), real, { ...scope, service }) ?? []).at(-1)?.[1] ?? '';
      const all = ['/a/b', '/a%2Fb', '/a%252Fb', '/a%2fb'].map(of);
      expect(new Set(all).size).toBe(4);
    }
  });
});

it('takes hostile headers without a fault', () => {
  const random = createRandom('sigv4-headers');
  const good = signed().headers.find(([name]) => name === 'authorization')?.[1] ?? '';
  for (let round = 0; round < 20_000; round++) {
    const at = random.below(good.length + 1);
    const junk = random.bytes(random.below(6)).toString('latin1');
    const bent = good.slice(0, at) + junk + good.slice(at + random.below(4));
    const read = readAuthorization(bent);
    if (read !== undefined) expect(read.signed).toEqual([...new Set(read.signed)].sort());
    const verdict = verify(
      replaced(signed(), 'authorization', () => bent),
      placeholder,
      expected,
    );
    if (verdict.outcome === 'valid')
      expect(bent.replace(/[ \t]/g, '')).toBe(good.replace(/ /g, ''));
  }
  expect(readAuthorization(`${good}${' '.repeat(9000)}`)).toBeUndefined();
});
