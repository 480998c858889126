import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MessageFault } from '../../../src/enforce/filesystem/incoming.ts';
import { createOutgoing, type Outgoing } from '../../../src/enforce/filesystem/outgoing.ts';
import { createWindow, isFrame, type Window } from '../../../src/enforce/filesystem/window.ts';
import * as numbers from '../../../src/enforce/filesystem/window-protocol.ts';
import * as engine from '../../../src/engine/window.ts';
import { createRandom } from '../../support/random.ts';

const {
  WINDOW_COUNTS,
  WINDOW_LEAST,
  WINDOW_OPEN,
  WINDOW_SIZE,
  WINDOW_SLOT,
  WINDOW_SLOTS,
  WINDOW_UP,
} = numbers;

let folder: string;
let descriptor: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'window-'));
  descriptor = openSync(join(folder, 'window'), 'wx+');
  ftruncateSync(descriptor, WINDOW_SIZE);
});
afterEach(() => {
  closeSync(descriptor);
  rmSync(folder, { recursive: true });
});

function frame(slot: number, length: number): Buffer {
  const bytes = Buffer.alloc(12);
  for (const [index, value] of [12, slot, length].entries()) bytes.writeUInt32LE(value, 4 * index);
  return bytes;
}

function opened(): Window {
  const window = createWindow(() => descriptor);
  expect(window.take(frame(WINDOW_OPEN, WINDOW_SIZE), 0)).toBeUndefined();
  return window;
}

const placeOf = (slot: number): number => WINDOW_COUNTS + slot * WINDOW_SLOT;

/** What a guest writes: a message that begins with its own length. */
function put(slot: number, length: number, fill = 7, said = length): Buffer {
  const message = Buffer.alloc(length, fill);
  message.writeUInt32LE(said, 0);
  writeSync(descriptor, message, 0, length, placeOf(slot));
  return message;
}

function countOf(slot: number): number {
  const count = Buffer.alloc(4);
  readSync(descriptor, count, 0, 4, 4 * slot);
  return count.readUInt32LE(0);
}

function setCount(slot: number, value: number): void {
  const count = Buffer.alloc(4);
  count.writeUInt32LE(value, 0);
  writeSync(descriptor, count, 0, 4, 4 * slot);
}

/** Replies of `length` bytes after some that were there before. */
function replies(length: number, fill: number): { out: Outgoing; from: number } {
  const out = createOutgoing(3 << 20);
  out.buffer.fill(fill, 0, 100 + length);
  out.length = 100 + length;
  return { out, from: 100 };
}

it('both ends have the same numbers, and the engine makes a window of that size', () => {
  const header = readFileSync(new URL('../../../guest/window.h', import.meta.url), 'utf8');
  const defines: Record<string, number> = Object.fromEntries(
    [...header.matchAll(/^#define (WINDOW_[A-Z]+) (\w+)$/gm)].map(([, name, value]) => [
      name ?? '',
      Number(value),
    ]),
  );
  expect(defines).toEqual({ ...numbers });
  expect(engine.WINDOW_SIZE).toBe(WINDOW_SIZE);
  expect(placeOf(WINDOW_SLOTS)).toBeLessThanOrEqual(WINDOW_SIZE);
});

describe('messages of the guest', () => {
  it('are copied out, and their slot is counted as emptied', () => {
    const window = opened();
    for (let round = 1; round <= 3; round += 1) {
      for (let slot = 0; slot < WINDOW_UP; slot += 1) {
        const sent = put(slot, 5000 + round, round);
        const taken = window.take(frame(slot, sent.length), 0);
        put(slot, sent.length, 99); // too late: what is judged is the copy
        expect(taken?.equals(sent)).toBe(true);
        expect(countOf(slot)).toBe(round);
      }
    }
  });

  it.each([
    ['a slot the host fills', WINDOW_UP, 100],
    ['a slot past the last', WINDOW_SLOTS, 100],
    ['a slot far outside', 0xffff_fffe, 100],
    ['no bytes', 0, 0],
    ['fewer bytes than a header', 0, 39],
    ['more bytes than a slot holds', 0, WINDOW_SLOT + 1],
    ['4 GiB', 0, 0xffff_ffff],
    ['a second opening', WINDOW_OPEN, WINDOW_SIZE],
  ])('are a fault with %s', (_name, slot, length) => {
    const window = opened();
    put(0, 100);
    expect(() => window.take(frame(slot, length), 0)).toThrow(MessageFault);
  });

  it('are a fault when they say another length than their frame, or the file was cut short', () => {
    const window = opened();
    put(0, 100, 7, 101);
    expect(() => window.take(frame(0, 100), 0)).toThrow(MessageFault);
    put(1, 5000);
    ftruncateSync(descriptor, placeOf(1) + 4999);
    expect(() => window.take(frame(1, 5000), 0)).toThrow(MessageFault);
  });

  it('are a fault before the window is open, and where the machine has none', () => {
    put(0, 100);
    expect(() => createWindow(() => descriptor).take(frame(0, 100), 0)).toThrow(MessageFault);
    const none = createWindow(() => undefined);
    expect(() => none.take(frame(WINDOW_OPEN, WINDOW_SIZE), 0)).toThrow(MessageFault);
    const other = createWindow(() => descriptor);
    expect(() => other.take(frame(WINDOW_OPEN, WINDOW_SIZE / 2), 0)).toThrow(MessageFault);
  });

  it('are told from FUSE messages by their length alone', () => {
    expect(isFrame(frame(0, 100), 0, 12)).toBe(true);
    expect(isFrame(frame(0, 100), 0, 3)).toBe(false);
    expect(isFrame(frame(0, 100), 1, 11)).toBe(false);
  });

  it('whatever they are, end in a copy that begins with its length or in a fault, and touch no other slot', () => {
    const random = createRandom('window frames');
    const seen = { copies: 0, faults: 0 };
    for (let round = 0; round < 2000; round += 1) {
      const window = opened();
      const slot = random.chance(0.8) ? random.below(WINDOW_UP) : random.below(2 ** 32);
      const length = random.chance(0.7) ? 40 + random.below(200) : random.below(2 ** 32);
      writeSync(descriptor, random.bytes(64), 0, 64, placeOf(random.below(WINDOW_UP)));
      if (random.chance(0.5)) put(random.below(WINDOW_UP), 40 + random.below(200), 1, length);
      setCount(random.below(WINDOW_SLOTS), random.below(2 ** 32));
      const before = Array.from({ length: WINDOW_SLOTS }, (_, index) => countOf(index));
      try {
        const message = window.take(frame(slot, length), 0);
        if (slot === WINDOW_OPEN) continue;
        expect(message).toHaveLength(length);
        expect(message?.readUInt32LE(0)).toBe(length);
        before[slot] = 1;
        seen.copies += 1;
      } catch (error) {
        if (!(error instanceof MessageFault)) throw error;
        seen.faults += 1;
      }
      expect(Array.from({ length: WINDOW_SLOTS }, (_, index) => countOf(index))).toEqual(before);
    }
    expect(seen.copies).toBeGreaterThan(50);
    expect(seen.faults).toBeGreaterThan(50);
  });
});

describe('replies', () => {
  it('that are long lie in a slot each, and stay on the port when none is free', () => {
    const window = opened();
    for (let slot = WINDOW_UP; slot < WINDOW_SLOTS; slot += 1) {
      const { out, from } = replies(300_000, slot);
      window.give(out, from);
      expect(out.buffer.subarray(from, out.length).equals(frame(slot, 300_000))).toBe(true);
      expect(out.buffer.subarray(0, from).every((byte) => byte === slot)).toBe(true);
      const lies = Buffer.alloc(300_000);
      readSync(descriptor, lies, 0, lies.length, placeOf(slot));
      expect(lies.every((byte) => byte === slot)).toBe(true);
    }
    const { out, from } = replies(300_000, 1);
    window.give(out, from);
    expect(out.length).toBe(100 + 300_000);
    setCount(WINDOW_UP + 1, 1);
    window.give(out, from);
    expect(out.buffer.subarray(from, out.length).equals(frame(WINDOW_UP + 1, 300_000))).toBe(true);
  });

  it('that are short, or too long for a slot, or of a guest without a window stay on the port', () => {
    const window = opened();
    for (const length of [0, 16, WINDOW_LEAST - 1, WINDOW_SLOT + 1]) {
      const { out, from } = replies(length, 3);
      window.give(out, from);
      expect(out.length).toBe(100 + length);
    }
    const { out, from } = replies(300_000, 3);
    createWindow(() => descriptor).give(out, from);
    expect(out.length).toBe(100 + 300_000);
  });

  it('stay within the slots of the host, whatever the guest writes into the window', () => {
    const random = createRandom('window counts');
    const window = opened();
    const guard = random.bytes(1000);
    writeSync(descriptor, guard, 0, guard.length, placeOf(0));
    for (let round = 0; round < 300; round += 1) {
      for (let slot = 0; slot < WINDOW_SLOTS; slot += 1)
        if (random.chance(0.5))
          setCount(slot, random.chance(0.7) ? random.below(1 + round) : random.below(2 ** 32));
      const { out, from } = replies(WINDOW_LEAST + random.below(2000), 5);
      const length = out.length - from;
      window.give(out, from);
      if (out.length === from + length) continue;
      expect(out.length).toBe(from + 12);
      expect(out.buffer.readUInt32LE(from + 4)).toBeGreaterThanOrEqual(WINDOW_UP);
      expect(out.buffer.readUInt32LE(from + 4)).toBeLessThan(WINDOW_SLOTS);
      expect(out.buffer.readUInt32LE(from + 8)).toBe(length);
    }
    const kept = Buffer.alloc(guard.length);
    readSync(descriptor, kept, 0, kept.length, placeOf(0));
    expect(kept.equals(guard)).toBe(true);
  });
});
