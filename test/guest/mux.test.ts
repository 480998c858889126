import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Mux } from '../../src/guest/mux.ts';
import {
  FLAG_MORE,
  FRAME_MAX,
  STREAM_MAX,
  STREAM_WINDOW,
  TYPE,
  encodeFrame,
  encodeNumbers,
} from '../../src/guest/protocol.ts';
import type { GuestStream } from '../../src/guest/stream.ts';
import { createGuestPeer, openTcp, settle } from '../support/guest-peer.ts';
import type { GuestPeer } from '../support/guest-peer.ts';

interface Rig {
  peer: GuestPeer;
  mux: Mux;
  opened: GuestStream[];
  faults: string[];
}

function createRig(): Rig {
  const peer = createGuestPeer();
  const opened: GuestStream[] = [];
  const faults: string[] = [];
  const mux = new Mux(peer.socket, {
    onFrame: (frame) => (frame.stream === 0 ? undefined : 'a frame about no process'),
    onOpen: (_type, _payload, stream) => {
      opened.push(stream);
      return undefined;
    },
    onFault: (reason) => void faults.push(reason),
  });
  return { peer, mux, opened, faults };
}

/** A rig with one stream (id 1) that the guest opened. */
async function openOne(): Promise<Rig & { stream: GuestStream }> {
  const rig = createRig();
  rig.peer.send(1, TYPE.openTcp, openTcp([10, 0, 0, 1], 80));
  await settle();
  const stream = rig.opened[0];
  if (!stream) throw new Error('the stream did not open');
  return { ...rig, stream };
}

const credit = (bytes: number): Buffer => encodeNumbers(bytes);

async function readAll(stream: Duplex): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}

describe('a stream', () => {
  it('carries bytes both ways and ends when both sides ended', async () => {
    const { peer, stream, faults } = await openOne();
    stream.end('answer');
    peer.send(1, TYPE.data, Buffer.from('ques'));
    peer.send(1, TYPE.data, Buffer.from('tion'));
    peer.send(1, TYPE.end);
    expect((await readAll(stream)).toString()).toBe('question');
    await settle();
    expect(peer.bytes(1).toString()).toBe('answer');
    expect(peer.of(TYPE.end, 1)).toHaveLength(1);
    expect(peer.of(TYPE.reset)).toHaveLength(0);
    expect(stream.destroyed).toBe(true);
    expect(faults).toEqual([]);
  });

  it('goes on sending after the other side ended', async () => {
    const { peer, stream } = await openOne();
    const ended = new Promise((resolve) => stream.resume().once('end', resolve));
    peer.send(1, TYPE.end);
    await ended;
    stream.write('late');
    await settle();
    expect(peer.bytes(1).toString()).toBe('late');
    stream.end();
    await settle();
    expect(stream.destroyed).toBe(true);
  });

  it('sends no more than the guest gave credit for', async () => {
    const { peer, stream } = await openOne();
    const sent = Buffer.alloc(STREAM_WINDOW + 100_000, 'x');
    stream.write(sent);
    await settle();
    expect(peer.bytes(1).length).toBe(STREAM_WINDOW);
    peer.send(1, TYPE.credit, credit(1));
    await settle();
    expect(peer.bytes(1).length).toBe(STREAM_WINDOW + 1);
    peer.send(1, TYPE.credit, credit(STREAM_WINDOW));
    await settle();
    expect(peer.bytes(1).equals(sent)).toBe(true);
    expect(peer.of(TYPE.data).every((frame) => frame.payload.length <= FRAME_MAX)).toBe(true);
  });

  it('gives credit back only for what was read', async () => {
    const { peer, stream, faults } = await openOne();
    for (let sent = 0; sent < STREAM_WINDOW; sent += FRAME_MAX)
      peer.send(1, TYPE.data, Buffer.alloc(FRAME_MAX));
    await settle();
    const granted = (): number =>
      peer.of(TYPE.credit, 1).reduce((sum, frame) => sum + frame.payload.readUInt32LE(), 0);
    expect(granted()).toBeLessThanOrEqual(FRAME_MAX);
    stream.resume();
    await settle();
    expect(granted()).toBe(STREAM_WINDOW);
    expect(faults).toEqual([]);
  });

  it('is reset in the guest when the host destroys it, and frames still under way are dropped', async () => {
    const { peer, stream, faults, mux } = await openOne();
    stream.destroy();
    await settle();
    expect(peer.of(TYPE.reset, 1)).toHaveLength(1);
    peer.send(1, TYPE.data, Buffer.from('late'));
    peer.send(1, TYPE.credit, credit(5));
    peer.send(1, TYPE.end);
    peer.send(1, TYPE.reset);
    await settle();
    expect(faults).toEqual([]);
    expect(mux.isOver).toBe(false);
  });

  it('fails with ECONNRESET when the guest resets it, also when nobody listens', async () => {
    const { peer, stream } = await openOne();
    const error = new Promise((resolve) => stream.once('error', resolve));
    peer.send(1, TYPE.reset);
    await expect(error).resolves.toMatchObject({ code: 'ECONNRESET' });
    const quiet = await openOne();
    quiet.peer.send(1, TYPE.reset);
    await settle();
    expect(quiet.stream.destroyed).toBe(true);
    expect(quiet.peer.of(TYPE.reset)).toHaveLength(0);
  });

  it('reports a write that a reset cut off', async () => {
    const { peer, stream } = await openOne();
    const written = new Promise((resolve) =>
      stream.write(Buffer.alloc(2 * STREAM_WINDOW), resolve),
    );
    await settle();
    peer.send(1, TYPE.reset);
    await expect(written).resolves.toMatchObject({ code: 'ECONNRESET' });
  });

  it('does not keep others waiting when its reader stalls', async () => {
    const { peer, stream, opened } = await openOne();
    peer.send(3, TYPE.openTcp, openTcp([10, 0, 0, 2], 80));
    stream.pause();
    for (let sent = 0; sent < STREAM_WINDOW; sent += FRAME_MAX)
      peer.send(1, TYPE.data, Buffer.alloc(FRAME_MAX));
    peer.send(3, TYPE.data, Buffer.from('swift'));
    peer.send(3, TYPE.end);
    await settle();
    const second = opened[1];
    if (!second) throw new Error('the second stream did not open');
    expect((await readAll(second)).toString()).toBe('swift');
  });
});

describe('a guest that does not read its port', () => {
  it('holds up data without growing the host', async () => {
    const { peer, mux, opened, faults } = createRig();
    peer.stall();
    for (let n = 0; n < 40; n++) peer.send(1 + 2 * n, TYPE.openTcp, openTcp([10, 0, 0, 1], 80));
    await settle();
    for (const stream of opened) stream.write(Buffer.alloc(STREAM_WINDOW));
    await settle();
    expect(opened).toHaveLength(40);
    expect(peer.socket.writableLength).toBeLessThan(STREAM_WINDOW + 2 * FRAME_MAX);
    peer.resume();
    await settle();
    for (const stream of opened) expect(peer.bytes(stream.id).length).toBe(STREAM_WINDOW);
    expect(faults).toEqual([]);
    expect(mux.isOver).toBe(false);
  });

  it('is given up when it makes the host say more and more', async () => {
    const { peer, mux, faults } = createRig();
    peer.stall();
    let id = 1;
    while (!mux.isOver && id < 4_000_000) {
      const opens = Array.from({ length: 200 }, () => {
        const open = encodeFrame(id, TYPE.openTcp, openTcp([10, 0, 0, 1], 80));
        id += 2;
        return open;
      });
      peer.sendBytes(Buffer.concat(opens));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(faults).toEqual(['the guest does not read its port']);
  });
});

describe('a guest that floods', () => {
  it('gets its unread streams reset before the host holds too much', async () => {
    const { peer, opened, faults } = createRig();
    let id = 1;
    for (let n = 0; n < 300; n++, id += 2) {
      peer.send(id, TYPE.openTcp, openTcp([10, 0, 0, 1], 80));
      for (let sent = 0; sent < STREAM_WINDOW; sent += FRAME_MAX)
        peer.send(id, TYPE.data, Buffer.alloc(FRAME_MAX));
      await settle();
    }
    const live = opened.filter((stream) => !stream.destroyed);
    expect(live.length * STREAM_WINDOW).toBeLessThan(48 * 1024 * 1024);
    expect(live.length).toBeGreaterThan(100);
    expect(faults).toEqual([]);
  });

  it('pays for each chunk, so that single bytes are no way around the limit', async () => {
    const { peer, opened } = createRig();
    let id = 1;
    const single = (stream: number): Buffer => encodeFrame(stream, TYPE.data, Buffer.from('x'));
    for (let n = 0; n < 12; n++, id += 2) {
      peer.send(id, TYPE.openTcp, openTcp([10, 0, 0, 1], 80));
      peer.sendBytes(Buffer.concat(new Array<Buffer>(20_000).fill(single(id))));
      await settle();
    }
    expect(opened.filter((stream) => stream.destroyed).length).toBeGreaterThan(0);
  });

  it('gets streams above the limit reset at once', async () => {
    const { peer, opened, faults } = createRig();
    const opens: Buffer[] = [];
    for (let n = 0; n < STREAM_MAX + 3; n++)
      opens.push(encodeFrame(1 + 2 * n, TYPE.openTcp, openTcp([10, 0, 0, 1], 80)));
    peer.sendBytes(Buffer.concat(opens));
    await settle();
    expect(opened).toHaveLength(STREAM_MAX);
    expect(peer.of(TYPE.reset)).toHaveLength(3);
    expect(faults).toEqual([]);
  });
});

describe('a guest that breaks the protocol', () => {
  const cases: [name: string, misbehave: (peer: GuestPeer) => void][] = [
    ['sends a frame above the limit', (peer) => peer.sendBytes(Buffer.alloc(12, 0xff))],
    ['sets unknown flags', (peer) => peer.send(1, TYPE.data, Buffer.from('x'), 0x80)],
    [
      'cuts data into parts of a message',
      (peer) => peer.send(1, TYPE.data, Buffer.from('x'), FLAG_MORE),
    ],
    ['sends an unknown type', (peer) => peer.send(1, 99)],
    ['sends host types', (peer) => peer.send(1, TYPE.signal, encodeNumbers(9))],
    ['speaks on a stream never opened', (peer) => peer.send(7, TYPE.data, Buffer.from('x'))],
    ['speaks on a host stream never opened', (peer) => peer.send(2, TYPE.data, Buffer.from('x'))],
    ['opens a stream twice', (peer) => peer.send(1, TYPE.openTcp, openTcp([1, 1, 1, 1], 1))],
    ['opens out of turn', (peer) => peer.send(5, TYPE.openTcp, openTcp([1, 1, 1, 1], 1))],
    ['opens a host id', (peer) => peer.send(2, TYPE.openTcp, openTcp([1, 1, 1, 1], 1))],
    ['sends empty data', (peer) => peer.send(1, TYPE.data)],
    [
      'sends above its window',
      (peer) => {
        for (let n = 0; n < 8; n++) peer.send(1, TYPE.data, Buffer.alloc(FRAME_MAX));
      },
    ],
    [
      'sends after its end',
      (peer) => {
        peer.send(1, TYPE.end);
        peer.send(1, TYPE.data, Buffer.from('x'));
      },
    ],
    [
      'ends twice',
      (peer) => {
        peer.send(1, TYPE.end);
        peer.send(1, TYPE.end);
      },
    ],
    ['gives credit above the window', (peer) => peer.send(1, TYPE.credit, credit(1))],
    ['gives credit in a bad frame', (peer) => peer.send(1, TYPE.credit, Buffer.alloc(3))],
    ['speaks of no process', (peer) => peer.send(2, TYPE.exit, Buffer.alloc(12))],
  ];
  it.each(cases)('ends its session and nothing else when it %s', async (_name, misbehave) => {
    const { peer, mux, stream, faults } = await openOne();
    misbehave(peer);
    await settle();
    expect(faults).toHaveLength(1);
    expect(mux.isOver).toBe(true);
    expect(stream.destroyed).toBe(true);
    expect(peer.socket.destroyed).toBe(true);
    peer.sendBytes(Buffer.from('more'));
    await settle();
    expect(faults).toHaveLength(1);
  });

  it('and one that hangs up is a fault too', async () => {
    const { peer, faults } = await openOne();
    peer.socket.destroy();
    await settle();
    expect(faults).toEqual(['the guest closed its connection']);
  });
});
