import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { FrameParser } from '../../src/guest/frame-parser.ts';
import { connectGuest } from '../../src/guest/link.ts';
import { Mux } from '../../src/guest/mux.ts';
import {
  FRAME_HEADER,
  FRAME_MAX,
  STREAM_WINDOW,
  TYPE,
  encodeFrame,
  encodeNumbers,
} from '../../src/guest/protocol.ts';
import type { GuestStream } from '../../src/guest/stream.ts';
import { createGuestPeer, greeting, openTcp } from '../support/guest-peer.ts';
import { createRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';

const TYPES = Object.values(TYPE) as [number, ...number[]];

/** Bytes of one frame, often as a real guest would send it, often not. */
function someFrame(random: Random, lastOpened: { id: number }): Buffer {
  const stream = random.pick([0, 1, 2, 3, 4, 5, 6, 7, lastOpened.id, random.below(2 ** 32)]);
  const kind = random.below(100);
  if (kind < 25) {
    lastOpened.id += random.chance(0.99) ? 2 : random.below(9);
    const open = random.chance(0.8) ? TYPE.openTcp : TYPE.openSession;
    const payload = open === TYPE.openTcp ? openTcp([10, 0, 0, 1], 80) : encodeNumbers(1, 2);
    return encodeFrame(lastOpened.id, open, payload);
  }
  if (kind < 70) return encodeFrame(lastOpened.id, TYPE.data, random.bytes(1 + random.below(3000)));
  if (kind < 72) return encodeFrame(lastOpened.id, TYPE.credit, encodeNumbers(random.below(99)));
  if (kind < 75) return encodeFrame(lastOpened.id, random.pick([TYPE.end, TYPE.reset]));
  if (kind < 98) {
    const question = Buffer.concat([
      encodeNumbers(random.below(99)),
      random.bytes(1 + random.below(40)),
    ]);
    return encodeFrame(0, TYPE.dnsQuery, question);
  }
  const bytes = encodeFrame(stream, TYPE.data, random.bytes(random.below(30)));
  bytes[8] = random.chance(0.9) ? random.pick(TYPES) : random.below(256);
  return bytes;
}

function damage(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  const kind = random.below(4);
  if (kind === 0 && copy.length > 0) copy[random.below(copy.length)] = random.below(256);
  if (kind === 1) return copy.subarray(0, random.below(copy.length + 1));
  if (kind === 2) return Buffer.concat([copy, random.bytes(random.below(20))]);
  if (kind === 3 && copy.length >= 4) copy.writeUInt32LE(random.below(2 ** 32), 0);
  return copy;
}

it('frames cut in any way come out the same', () => {
  const random = createRandom('mux chunks');
  for (let round = 0; round < 300; round++) {
    const payloads = Array.from({ length: 1 + random.below(12) }, () =>
      random.chance(0.1) ? Buffer.alloc(FRAME_MAX, round) : random.bytes(random.below(200)),
    );
    const all = Buffer.concat(payloads.map((payload, n) => encodeFrame(n, TYPE.data, payload)));
    const parser = new FrameParser();
    const seen: Buffer[] = [];
    for (let at = 0; at < all.length;) {
      const size = 1 + random.below(random.pick([3, FRAME_HEADER + 1, 5000, 100_000]));
      const fault = parser.feed(all.subarray(at, at + size), (frame) => {
        expect(frame.stream).toBe(seen.length);
        seen.push(Buffer.from(frame.payload));
        return undefined;
      });
      expect(fault).toBeUndefined();
      at += size;
    }
    expect(Buffer.concat(seen).equals(Buffer.concat(payloads))).toBe(true);
    expect(seen).toHaveLength(payloads.length);
  }
});

it('whatever a guest sends ends at worst its own link, and only once', async () => {
  const random = createRandom('mux frames');
  let faulted = 0;
  for (let round = 0; round < 400; round++) {
    const peer = createGuestPeer();
    const faults: string[] = [];
    const link = connectGuest(peer.socket, {
      onConnect: (_to, stream) => {
        const fate = random.below(4);
        if (fate === 0) stream.destroy();
        else if (fate === 1) stream.pipe(stream);
        else if (fate === 2) stream.resume().end('bye');
      },
      onDatagrams: (_to, stream) => stream.destroy(),
      onDns: (query) =>
        random.chance(0.5) ? Promise.resolve(query) : Promise.reject(new Error('no')),
      onSession: (stream) => stream.resume(),
      onFault: (reason) => void faults.push(reason),
    });
    const started = link
      .start({
        entropy: Buffer.alloc(64),
        time: 0n,
        hostname: 'h',
        user: { name: 'u', uid: 1, gid: 1, home: '/h' },
        rootAllowed: false,
        processes: 9,
        shares: [],
      })
      .catch(() => undefined);
    const isReady = random.chance(0.95);
    if (isReady) peer.send(0, TYPE.ready, greeting());
    const children = [0, 1].map(() =>
      link
        .exec({ argv: ['x'], env: [], cwd: '/', user: 'agent' })
        .then((child) => child.exited)
        .catch(() => undefined),
    );
    const lastOpened = { id: 1 };
    if (isReady) peer.send(1, TYPE.openTcp, openTcp([10, 0, 0, 1], 80));
    for (let step = 0; step < 40 && !peer.socket.destroyed; step++) {
      const frame = someFrame(random, lastOpened);
      peer.sendBytes(random.chance(0.02) ? damage(frame, random) : frame);
      if (random.chance(0.1)) await turn();
      if (random.chance(0.05)) peer.stall();
      if (random.chance(0.2)) peer.resume();
    }
    await turn();
    expect(faults.length).toBeLessThanOrEqual(1);
    expect(faults.length === 1).toBe(peer.socket.destroyed);
    faulted += faults.length;
    link.close();
    await Promise.all([started, ...children]);
  }
  // Both ends of the range are worth testing: rounds that survive and rounds that do not.
  expect(faulted).toBeGreaterThan(50);
  expect(faulted).toBeLessThan(400);
});

it('an honest peer loses no byte, however both sides interleave', async () => {
  const random = createRandom('mux echo');
  for (let round = 0; round < 15; round++) {
    const peer = createGuestPeer();
    const opened: GuestStream[] = [];
    const mux = new Mux(peer.socket, {
      onFrame: () => undefined,
      onOpen: (_type, _payload, stream) => {
        opened.push(stream);
        return undefined;
      },
      onFault: (reason) => expect.unreachable(reason),
    });
    const count = 1 + random.below(5);
    for (let n = 0; n < count; n++) peer.send(1 + 2 * n, TYPE.openTcp, openTcp([10, 0, 0, 1], n));
    await turn();
    const sent = opened.map(() => random.bytes(random.below(6000)));
    const big = opened.map((_, n) => Buffer.alloc(random.below(3 * STREAM_WINDOW), n));
    const echoed = opened.map((stream) => stream.pipe(stream));
    const progress = opened.map(() => ({ at: 0, window: STREAM_WINDOW, taken: 0 }));
    const whole = sent.map((small, n) => Buffer.concat([small, big[n] ?? Buffer.alloc(0)]));
    const seen = { credit: 0, data: 0 };
    for (let idle = 0; idle < 50; idle++) {
      for (const [n, state] of progress.entries()) {
        const bytes = whole[n] ?? Buffer.alloc(0);
        const size = Math.min(1 + random.below(FRAME_MAX), state.window, bytes.length - state.at);
        if (size <= 0) continue;
        peer.send(1 + 2 * n, TYPE.data, bytes.subarray(state.at, state.at + size));
        state.at += size;
        state.window -= size;
        idle = 0;
      }
      await turn();
      for (const frame of peer.frames.splice(0)) {
        const state = progress[(frame.stream - 1) / 2];
        if (!state) continue;
        if (frame.type === TYPE.credit) state.window += frame.payload.readUInt32LE();
        if (frame.type !== TYPE.data) continue;
        const expected = whole[(frame.stream - 1) / 2]?.subarray(
          state.taken,
          state.taken + frame.payload.length,
        );
        expect(frame.payload.equals(expected ?? Buffer.alloc(0))).toBe(true);
        state.taken += frame.payload.length;
        peer.send(frame.stream, TYPE.credit, encodeNumbers(frame.payload.length));
        seen.data++;
        idle = 0;
      }
    }
    expect(progress.map((state) => state.taken)).toEqual(whole.map((bytes) => bytes.length));
    expect(echoed).toHaveLength(count);
    expect(seen.data).toBeGreaterThan(0);
    mux.close();
  }
});
