import { describe, expect, it } from 'vitest';

import {
  encodeAddress,
  encodeDnsAnswer,
  encodeName,
  parseDnsQuery,
  RecordType,
  ResponseCode,
} from '../../../src/enforce/egress/dns-message.ts';
import type { DnsQuestion } from '../../../src/enforce/egress/dns-message.ts';
import { dnsQuery, EDNS, readDnsAnswer } from '../../support/dns.ts';

function question(message: Buffer): DnsQuestion {
  const query = parseDnsQuery(message);
  if (!query.ok) throw new Error(`refused with ${query.code}`);
  return query.question;
}

function codeOf(message: Buffer): number | undefined {
  const query = parseDnsQuery(message);
  return query.ok ? undefined : query.code;
}

describe('reading a question', () => {
  it('gives the name in lower case and keeps the letter case for the answer', () => {
    const read = question(dnsQuery('AlLoWeD.Test', RecordType.A, { id: 0x1234 }));
    expect(read).toMatchObject({
      id: 0x1234,
      name: 'allowed.test',
      type: RecordType.A,
      edns: false,
      recursionDesired: true,
    });
    expect(readDnsAnswer(encodeDnsAnswer(read, ResponseCode.NXDOMAIN)).name).toBe('AlLoWeD.Test');
  });

  it('tolerates EDNS and answers with it', () => {
    const read = question(dnsQuery('a.test', RecordType.AAAA, { additional: EDNS }));
    expect(read.edns).toBe(true);
    expect(readDnsAnswer(encodeDnsAnswer(read, ResponseCode.NOERROR)).additionals).toBe(1);
  });

  it('shows bytes that no host name has by their numbers', () => {
    expect(question(dnsQuery([Buffer.from('a.b\0'), Buffer.from('é')], RecordType.A)).name).toBe(
      'a\\046b\\000.\\195\\169',
    );
    expect(question(dnsQuery([], RecordType.A)).name).toBe('.');
  });

  it('takes labels of 63 and names of 253, and no more', () => {
    const longest = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`;
    expect(question(dnsQuery(longest, RecordType.A)).name).toBe(longest);
    expect(codeOf(dnsQuery(`${longest}d`, RecordType.A))).toBe(ResponseCode.FORMERR);
    expect(codeOf(dnsQuery('a'.repeat(64), RecordType.A))).toBe(ResponseCode.FORMERR);
  });

  it.each([
    ['an empty message', Buffer.alloc(0)],
    ['half a header', Buffer.alloc(11)],
    ['a response', dnsQuery('a.test', 1, { flags: 0x8100 })],
    ['two questions', dnsQuery('a.test', 1, { counts: [2, 0, 0, 0] })],
    ['no question', dnsQuery('a.test', 1, { counts: [0, 0, 0, 0] })],
    ['an answer section', dnsQuery('a.test', 1, { counts: [1, 1, 0, 0] })],
    ['an authority section (dynamic update)', dnsQuery('a.test', 1, { counts: [1, 0, 1, 0] })],
    [
      'two additional records',
      dnsQuery('a.test', 1, { counts: [1, 0, 0, 2], additional: Buffer.concat([EDNS, EDNS]) }),
    ],
    [
      'an additional record that is not OPT (a signature)',
      dnsQuery('a.test', 1, {
        additional: Buffer.concat([Buffer.from([0, 0, 250]), Buffer.alloc(8)]),
      }),
    ],
    ['an OPT record that is cut off', dnsQuery('a.test', 1, { additional: EDNS.subarray(0, 8) })],
    [
      'a compression pointer',
      Buffer.concat([dnsQuery('', 1).subarray(0, 12), Buffer.from([0xc0, 12, 0, 1, 0, 1])]),
    ],
    ['a name without an end', dnsQuery('a.test', 1).subarray(0, 15)],
    ['bytes behind the question', Buffer.concat([dnsQuery('a.test', 1), Buffer.from('more')])],
    ['more than 4 KiB', Buffer.concat([dnsQuery('a.test', 1), Buffer.alloc(4096)])],
  ])('refuses %s', (_what, message) => {
    expect(codeOf(message)).toBe(ResponseCode.FORMERR);
  });

  it('refuses other operations and other classes', () => {
    expect(codeOf(dnsQuery('a.test', 1, { flags: 0x2800 }))).toBe(ResponseCode.NOTIMP);
    expect(codeOf(dnsQuery('version.bind', 16, { class: 3 }))).toBe(ResponseCode.REFUSED);
    expect(codeOf(dnsQuery('a.test', 1, { class: 255 }))).toBe(ResponseCode.REFUSED);
  });
});

describe('writing an answer', () => {
  it('can be read back', () => {
    const asked = question(dnsQuery('a.test', RecordType.A));
    const read = readDnsAnswer(
      encodeDnsAnswer(asked, ResponseCode.NOERROR, [
        { type: 1, ttl: 60, value: encodeAddress('198.18.0.9') },
      ]),
    );
    expect(read).toMatchObject({
      code: 0,
      isResponse: true,
      recursionAvailable: true,
      addresses: ['198.18.0.9'],
    });
  });

  it('writes names label by label', () => {
    expect(encodeName('ab.c')).toEqual(Buffer.from([2, 97, 98, 1, 99, 0]));
  });
});
