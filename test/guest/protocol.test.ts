import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as protocol from '../../src/guest/protocol.ts';

const header = readFileSync(new URL('../../guest/protocol.h', import.meta.url), 'utf8');
const defines = new Map(
  [...header.matchAll(/^#define ([A-Z_0-9]+) (0x[0-9a-f]+|\d+)/gm)].map(([, name, value]) => [
    name ?? '',
    Number(value),
  ]),
);
const camel = (name: string): string =>
  name.toLowerCase().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
const groups: Record<string, Record<string, number>> = {
  TYPE_: protocol.TYPE,
  EXIT_: protocol.EXIT,
  STAGE_: protocol.STAGE,
  START_: protocol.START,
  EXEC_: protocol.EXEC,
  USER_: protocol.USER,
};

it('both ends of the mux have the same numbers', () => {
  const seen = new Set<string>();
  for (const [name, value] of defines) {
    const prefix = Object.keys(groups).find((start) => name.startsWith(start));
    if (prefix === undefined) {
      expect(protocol, name).toHaveProperty(name, value);
    } else {
      const key = camel(name.slice(prefix.length));
      expect(groups[prefix]?.[key], name).toBe(value);
      seen.add(`${prefix}${key}`);
    }
  }
  const own = Object.entries(groups).flatMap(([prefix, group]) =>
    Object.keys(group).map((key) => `${prefix}${key}`),
  );
  expect([...seen].sort()).toEqual(own.sort());
  expect(defines.size).toBeGreaterThan(own.length);
});

it('a message longer than a frame is cut, and only its last frame says it is the last', () => {
  const message = Buffer.alloc(2 * protocol.FRAME_MAX + 5, 7);
  const frames = protocol.encodeMessage(8, protocol.TYPE.exec, message);
  expect(frames.map((frame) => frame[9])).toEqual([1, 1, 0]);
  const payloads = frames.map((frame) => frame.subarray(protocol.FRAME_HEADER));
  expect(Buffer.concat(payloads).equals(message)).toBe(true);
});
