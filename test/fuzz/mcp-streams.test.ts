// What a tool server writes, cut anywhere: by events over HTTP and by lines over stdio.

import { describe, expect, it } from 'vitest';

import { createEventStreamReader } from '../../src/enforce/mcp/remote/event-stream.ts';
import { createLines } from '../../src/enforce/mcp/stdio/lines.ts';
import type { UpstreamEvent } from '../../src/enforce/mcp/upstream.ts';
import { createRandom, type Random } from '../support/random.ts';

const ROUNDS = 500;
const LIMIT = 4096;
const PARTS = [
  'data: {"jsonrpc":"2.0"}',
  'data:x',
  'data',
  'event: message',
  'event: other',
  'id: 7',
  'id: \u0000',
  'retry: 100',
  'retry: x',
  ': comment',
  '\ufeff',
  '\n',
  '\r',
  '\r\n',
  '\n\n',
  '\u2028',
] as const;

function text(random: Random): Buffer {
  const parts: Buffer[] = [];
  for (let left = random.below(60); left > 0; left -= 1)
    parts.push(
      random.chance(0.1) ? random.bytes(random.below(8)) : Buffer.from(random.pick(PARTS)),
    );
  return Buffer.concat(parts);
}

function cut(random: Random, bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + random.below(random.chance(0.5) ? 2 : 40);
    parts.push(bytes.subarray(at, end));
    at = end;
  }
  return parts;
}

describe('what a tool server writes', () => {
  it('is the same events however it is cut', () => {
    const random = createRandom('mcp-streams');
    const read = (parts: readonly Buffer[]): UpstreamEvent[] => {
      const reader = createEventStreamReader(LIMIT);
      return parts.flatMap((part) =>
        reader.push(part).map((event) => ({ ...event, data: Buffer.from(event.data) })),
      );
    };
    for (let round = 0; round < ROUNDS; round += 1) {
      const bytes = text(random);
      const whole = read([bytes]);
      expect(read(cut(random, bytes))).toEqual(whole);
      for (const { data, id = '' } of whole) {
        expect(data.includes(0x0d)).toBe(false);
        expect(id).toMatch(/^[\x20-\x7e]*$/);
      }
    }
  });

  it('is the same lines however it is cut, and as split gives them', () => {
    const random = createRandom('mcp-lines');
    for (let round = 0; round < ROUNDS; round += 1) {
      const bytes = text(random);
      const lines: string[] = [];
      const reader = createLines(LIMIT, (line) => lines.push(line.toString('latin1')));
      for (const part of cut(random, bytes)) expect(reader.push(part)).toBe(true);
      const expected = bytes.toString('latin1').split('\n').slice(0, -1);
      expect(lines).toEqual(expected.filter((line) => line !== ''));
    }
  });

  it('costs no more than its bytes when it comes one by one, and ends at its limit', () => {
    const one = Buffer.from('a');
    const reader = createEventStreamReader(LIMIT);
    for (let at = 0; at < LIMIT; at += 1) expect(reader.push(one)).toEqual([]);
    expect(() => reader.push(one)).toThrow(RangeError);
    const lines = createLines(LIMIT, () => undefined);
    for (let at = 0; at < LIMIT; at += 1) expect(lines.push(one)).toBe(true);
    expect(lines.push(one)).toBe(false);
  });
});
