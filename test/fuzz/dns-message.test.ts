import { expect, it } from 'vitest';

import {
  encodeDnsAnswer,
  parseDnsQuery,
  ResponseCode,
} from '../../src/enforce/egress/dns-message.ts';
import { dnsQuery, EDNS, readDnsAnswer } from '../support/dns.ts';
import { createRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';

const ROUNDS = 60_000;

/** A second, naive reader of one plain question: what it would not read, the parser must not accept. */
function readNaively(message: Buffer): { name: string; type: number } | undefined {
  const header = [2, 4, 6, 8, 10].map((at) => message.readUInt16BE(at));
  if (
    ((header[0] ?? 0) & 0xf800) !== 0 ||
    header[1] !== 1 ||
    header[2] !== 0 ||
    header[3] !== 0 ||
    (header[4] ?? 2) > 1
  )
    return undefined;
  let rest = message.subarray(12);
  const labels: string[] = [];
  for (;;) {
    const length = rest.readUInt8(0);
    rest = rest.subarray(1);
    if (length === 0) break;
    if (length > 63 || length > rest.length) return undefined;
    labels.push(rest.toString('latin1', 0, length));
    rest = rest.subarray(length);
  }
  if (labels.reduce((sum, label) => sum + label.length + 1, 1) > 255) return undefined;
  if (rest.readUInt16BE(2) !== 1) return undefined;
  const type = rest.readUInt16BE(0);
  rest = rest.subarray(4);
  if (header[4] === 1) {
    if (rest.readUInt8(0) !== 0 || rest.readUInt16BE(1) !== 41) return undefined;
    rest = rest.subarray(11 + rest.readUInt16BE(9));
  }
  if (rest.length > 0) return undefined;
  return { name: labels.join('.'), type };
}

function tryNaively(message: Buffer): { name: string; type: number } | undefined {
  try {
    return readNaively(message);
  } catch {
    return undefined; // ran out of bytes
  }
}

function mutate(message: Buffer, random: Random): Buffer {
  let bytes: Buffer = Buffer.from(message);
  for (let count = random.below(4); count > 0; count--) {
    const at = random.below(bytes.length + 1);
    const kind = random.below(5);
    if (kind === 0) bytes = bytes.subarray(0, at);
    else if (kind === 1)
      bytes = Buffer.concat([
        bytes.subarray(0, at),
        random.bytes(random.below(9)),
        bytes.subarray(at),
      ]);
    else if (kind === 2 && at < bytes.length)
      bytes[at] = random.pick([0, 1, 12, 41, 63, 64, 0xc0, 0xff]);
    else if (at < bytes.length) bytes[at] = random.below(256);
  }
  return bytes;
}

it('never throws, accepts only what a naive reader accepts, and reads the same name', () => {
  const random = createRandom('dns-message');
  let accepted = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const labels = Array.from({ length: random.below(5) }, () =>
      random.bytes(1 + random.below(random.chance(0.1) ? 63 : 8)),
    );
    const seed = random.chance(0.05)
      ? random.bytes(random.below(64))
      : dnsQuery(
          random.chance(0.5) ? labels : 'Some.Name.test',
          random.pick([1, 28, 65, 12, 255]),
          random.chance(0.4) ? { additional: EDNS } : {},
        );
    const message = mutate(seed, random);
    const parsed = parseDnsQuery(message);
    if (!parsed.ok) continue;
    accepted += 1;
    const naive = tryNaively(message);
    expect(naive, message.toString('hex')).toBeDefined();
    const shown = [...(naive?.name ?? '')]
      .map((c) =>
        /[A-Za-z0-9_.-]/.test(c)
          ? c.toLowerCase()
          : `\\${String(c.charCodeAt(0)).padStart(3, '0')}`,
      )
      .join('');
    // A dot inside a label is escaped by the parser and not by the naive reader: compare without it.
    expect(parsed.question.name.replaceAll('\\046', '.') || '.').toBe(shown === '' ? '.' : shown);
    expect(parsed.question.type).toBe(naive?.type);
    expect(readDnsAnswer(encodeDnsAnswer(parsed.question, ResponseCode.NXDOMAIN)).id).toBe(
      message.readUInt16BE(0),
    );
  }
  expect(accepted).toBeGreaterThan(ROUNDS / 20);
});
