// Bytes from a guest that is no kernel: every message is answered, refused, or a fault; nothing else ever happens.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../../src/enforce/filesystem/connection.ts';
import { createFilesystem, type Filesystem } from '../../src/enforce/filesystem/filesystem.ts';
import { MessageFault, messageLength } from '../../src/enforce/filesystem/incoming.ts';
import { createOutgoing } from '../../src/enforce/filesystem/outgoing.ts';
import { MAX_MESSAGE, Opcode } from '../../src/enforce/filesystem/protocol.ts';
import { createPoint } from '../../src/enforce/point.ts';
import { createDecider } from '../../src/policy/decide.ts';
import { loadEffectivePolicy } from '../../src/source/load.ts';
import { createRandom, type Random } from '../support/random.ts';

const OPCODES = [...Object.values(Opcode), 0, 14, 22, 27, 33, 46, 51, 4096, 0xffffffff];
const NAMES = [
  'a',
  'b',
  'd',
  'f',
  'l',
  '..',
  '.',
  '',
  'a/b',
  'x'.repeat(256),
  '\xff\xfe',
  '.git',
  'config',
  'new',
];
const MAKING = new Set<number>([
  Opcode.LOOKUP,
  Opcode.CREATE,
  Opcode.MKNOD,
  Opcode.MKDIR,
  Opcode.SYMLINK,
  Opcode.LINK,
]);
let base: string;
let workspace: string;
let outside: string;
let filesystem: Filesystem;

function open(): Filesystem {
  const { policy } = loadEffectivePolicy({
    workspace,
    home: join(base, 'home'),
    environment: { PATH: '/usr/bin' },
    packageRoot: join(base, 'home'),
    directory: base,
  });
  if (!policy) throw new Error('the test policy is at fault');
  const events: unknown[] = [];
  return createFilesystem({
    policy: { ...policy, limits: { ...policy.limits, disk: 64 << 20 } },
    decide: createDecider(policy),
    point: createPoint({
      decide: createDecider(policy),
      log: { append: (event) => ({ seq: events.push(event), id: '' }) },
      mode: policy.mode,
    }),
    privateDirectory: join(base, 'private'),
    uidMap: { hostUid: 0, hostGid: 0, guestUid: 1000, guestGid: 1000 },
    process: { uid: 0, gid: 0, umask: 0o022 },
    limits: { nodes: 500, directories: 8, files: 8, pins: 8, listed: 200 },
  });
}

function message(opcode: number, node: number, body: Buffer): Buffer {
  const header = Buffer.alloc(40);
  header.writeUInt32LE(40 + body.length, 0);
  header.writeUInt32LE(opcode >>> 0, 4);
  header.writeBigUInt64LE(0x1122334455667788n, 8);
  header.writeBigUInt64LE(BigInt(node), 16);
  return Buffer.concat([header, body]);
}

function name(random: Random): Buffer {
  return Buffer.from(`${random.pick(NAMES as [string, ...string[]])}\0`, 'latin1');
}

/** Bytes before the names, and how many names follow; `node` where a node stands in the first eight bytes. */
const FORMS: Record<number, { fixed: number; names: number; node?: true }> = {
  [Opcode.LOOKUP]: { fixed: 0, names: 1 },
  [Opcode.FORGET]: { fixed: 8, names: 0 },
  [Opcode.SETATTR]: { fixed: 88, names: 0 },
  [Opcode.SYMLINK]: { fixed: 0, names: 2 },
  [Opcode.MKNOD]: { fixed: 16, names: 1 },
  [Opcode.MKDIR]: { fixed: 8, names: 1 },
  [Opcode.UNLINK]: { fixed: 0, names: 1 },
  [Opcode.RMDIR]: { fixed: 0, names: 1 },
  [Opcode.RENAME]: { fixed: 8, names: 2, node: true },
  [Opcode.RENAME2]: { fixed: 16, names: 2, node: true },
  [Opcode.LINK]: { fixed: 8, names: 1, node: true },
  [Opcode.READ]: { fixed: 40, names: 0 },
  [Opcode.WRITE]: { fixed: 40, names: 0 },
  [Opcode.FSYNC]: { fixed: 16, names: 0 },
  [Opcode.READDIR]: { fixed: 40, names: 0 },
  [Opcode.READDIRPLUS]: { fixed: 40, names: 0 },
  [Opcode.CREATE]: { fixed: 16, names: 1 },
};
const FORMED = Object.keys(FORMS)
  .map(Number)
  .filter((opcode) => opcode !== Opcode.FORGET);

/** Arguments that are mostly right in form: small numbers, known nodes, names that exist. */
function body(random: Random, opcode: number, nodes: number[]): Buffer {
  if (random.chance(0.02)) return random.bytes(random.below(200));
  const form = FORMS[opcode] ?? { fixed: 16, names: 0 };
  const fixed = Buffer.alloc(random.chance(0.99) ? form.fixed : random.below(40));
  for (let at = 0; at + 4 <= fixed.length; at += 4)
    if (random.chance(0.4))
      fixed.writeUInt32LE(random.below(random.chance(0.95) ? 64 : 2 ** 32), at);
  if (form.node && fixed.length >= 8) fixed.writeBigUInt64LE(BigInt(anyNode(random, nodes)), 0);
  if (opcode === Opcode.SETATTR && fixed.length === 88) fixed.writeUInt32LE(random.below(2048), 0);
  if (opcode === Opcode.MKNOD && fixed.length === 16)
    fixed.writeUInt32LE(random.pick([0o100644, 0o010644, 0o140755, 0o020644]), 0);
  if ((opcode === Opcode.READ || opcode === Opcode.READDIRPLUS) && fixed.length === 40)
    fixed.writeUInt32LE(4096, 16);
  const names = Array.from({ length: form.names }, () => name(random));
  const tail = opcode === Opcode.WRITE ? [random.bytes(64)] : [];
  return Buffer.concat([fixed, ...names, ...tail]);
}

function anyNode(random: Random, nodes: number[]): number {
  if (random.chance(0.03)) return random.below(2 ** 40);
  return nodes[random.below(nodes.length)] ?? 1;
}

function anyMessage(random: Random, nodes: number[]): Buffer {
  const opcode = OPCODES[random.below(OPCODES.length)] ?? 0;
  return message(opcode, anyNode(random, nodes), body(random, opcode, nodes));
}

/** Walks to the workspace; returns the numbers of nodes there. */
function enterWorkspace(target: Filesystem): number[] {
  const nodes: number[] = [];
  const out = createOutgoing(2 * MAX_MESSAGE);
  let node = 1;
  for (const part of [...workspace.split('/').filter(Boolean), 'd']) {
    const bytes = message(Opcode.LOOKUP, node, Buffer.from(`${part}\0`));
    out.length = 0;
    target.handle(bytes, 0, bytes.length, out);
    node = out.buffer.readUInt32LE(16);
    nodes.push(node);
  }
  return nodes.slice(-2);
}

// Each has a workspace of its own: what the fuzz makes of its names must not decide what the next one finds.
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'fuse-fuzz-'));
  workspace = join(base, 'workspace');
  outside = join(base, 'outside');
  mkdirSync(join(workspace, 'd'), { recursive: true });
  mkdirSync(outside);
  mkdirSync(join(base, 'home'));
  writeFileSync(join(outside, 'f'), 'outside');
  for (const file of ['a', 'f', 'd/f']) writeFileSync(join(workspace, file), file);
  symlinkSync('../outside', join(workspace, 'l'));
  execFileSync('git', ['init', '-q', join(workspace)]);
});

afterEach(() => {
  rmSync(base, { recursive: true, force: true });
});

describe('messages of a hostile guest', () => {
  it('are answered or refused in form, or are a fault, and touch nothing but the workspace', () => {
    const random = createRandom('fuse messages');
    filesystem = open();
    let nodes = enterWorkspace(filesystem);
    const succeeded = new Set<number>();
    const out = createOutgoing(2 * MAX_MESSAGE);
    let faults = 0;
    for (let i = 0; i < 12_000; i++) {
      if (i % 50 === 0) nodes = [...enterWorkspace(filesystem), ...nodes.slice(-10)];
      const bytes = anyMessage(random, nodes);
      const opcode = bytes.readUInt32LE(4);
      out.length = 0;
      try {
        expect(messageLength(bytes, 0, bytes.length)).toBe(bytes.length);
        filesystem.handle(bytes, 0, bytes.length, out);
      } catch (error) {
        if (!(error instanceof MessageFault)) throw error;
        faults += 1;
        continue;
      }
      if (out.length === 0) continue;
      expect(out.buffer.readUInt32LE(0)).toBe(out.length);
      expect(out.buffer.readInt32LE(4)).toBeLessThanOrEqual(0);
      expect(out.buffer.readBigUInt64LE(8)).toBe(0x1122334455667788n);
      expect(out.buffer.readInt32LE(4)).not.toBe(-5); // EIO: something nobody foresaw
      if (out.buffer.readInt32LE(4) !== 0) continue;
      succeeded.add(opcode);
      if (MAKING.has(opcode) && nodes.length < 40) nodes.push(out.buffer.readUInt32LE(16));
    }
    // Chance decides how far a run gets; one that never gets past the first refusal tests nothing.
    expect(FORMED.filter((opcode) => succeeded.has(opcode)).length).toBeGreaterThan(9);
    const counts = filesystem.counts();
    expect(counts.nodes).toBeLessThanOrEqual(500);
    expect(counts.descriptors).toBeLessThanOrEqual(8 * 3);
    expect(faults).toBeGreaterThan(50);
    filesystem.close();
    expect(readFileSync(join(outside, 'f'), 'utf8')).toBe('outside');
    expect(execFileSync('ls', ['-A', outside], { encoding: 'utf8' })).toBe('f\n');
  });

  it('give the same replies however the stream is cut', () => {
    const random = createRandom('fuse stream');
    const lookups = Array.from({ length: 300 }, () =>
      message(
        random.pick([Opcode.LOOKUP, Opcode.GETATTR, 9999]),
        1,
        Buffer.from('usr\0'.padEnd(16, '\0')),
      ),
    );
    const stream = Buffer.concat([
      ...lookups,
      message(Opcode.WRITE, 1, Buffer.alloc(40 + (1 << 20))),
    ]);
    const whole = replies(stream, [stream.length]);
    for (let round = 0; round < 5; round++) {
      const cuts: number[] = [];
      for (let left = stream.length; left > 0;) {
        const cut = 1 + random.below(round === 0 ? 64 : 100_000);
        cuts.push(cut);
        left -= cut;
      }
      expect(replies(stream, round === 0 ? [...cuts.slice(0, 400), stream.length] : cuts)).toBe(
        whole,
      );
    }
  });

  it('are not handled further while their replies are not read, and all are once they are', () => {
    const target = open();
    const [, directory = 0] = enterWorkspace(target);
    writeFileSync(join(workspace, 'd/f'), Buffer.alloc(1 << 20, 1));
    const out = createOutgoing(2 * MAX_MESSAGE);
    const look = message(Opcode.LOOKUP, directory, Buffer.from('f\0'));
    target.handle(look, 0, look.length, out);
    const body = Buffer.alloc(40);
    body.writeUInt32LE(1 << 20, 16);
    const read = message(Opcode.READ, out.buffer.readUInt32LE(16), body);
    const socket = new FakeSocket();
    socket.isRead = false;
    connect(socket as unknown as Socket, target, (reason) => expect.fail(reason));
    // One read of a stream holds 64 KiB at most, and the requests for 32 MiB fit into it many times.
    const requests = Buffer.concat(new Array<Buffer>(32).fill(read));
    socket.emit('data', requests.subarray(0, -7));
    expect(socket.isPaused).toBe(true);
    expect(socket.writableLength).toBeLessThan(8 << 20);
    for (let i = 0; i < 40 && socket.isPaused; i++) socket.drain();
    expect(socket.isPaused).toBe(false);
    socket.emit('data', requests.subarray(-7));
    const sent = socket.written.reduce((sum, bytes) => sum + bytes.length, 0);
    expect(sent).toBe(32 * (16 + (1 << 20)));
    target.close();
  });

  it('end the connection when a length is impossible, whatever came before', () => {
    const random = createRandom('fuse lengths');
    for (let i = 0; i < 40; i++) {
      const bad = random.bytes(64);
      bad.writeUInt32LE(
        random.chance(0.5) ? random.below(40) : MAX_MESSAGE + 1 + random.below(2 ** 31),
        0,
      );
      const socket = new FakeSocket();
      const faults: string[] = [];
      const target = open();
      connect(socket as unknown as Socket, target, (reason) => faults.push(reason));
      socket.emit('data', Buffer.concat([message(Opcode.STATFS, 1, Buffer.alloc(0)), bad]));
      expect(faults).toHaveLength(1);
      expect(socket.isDestroyed).toBe(true);
      target.close();
    }
  });
});

class FakeSocket extends EventEmitter {
  readonly written: Buffer[] = [];
  writableLength = 0;
  isDestroyed = false;
  isRead = true;
  isPaused = false;
  write(bytes: Buffer, done: () => void): boolean {
    this.written.push(Buffer.from(bytes));
    if (this.isRead) done();
    else this.writableLength += bytes.length;
    return true;
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  drain(): void {
    this.writableLength = 0;
    this.emit('drain');
  }
  destroy(): void {
    this.isDestroyed = true;
  }
}

function replies(stream: Buffer, cuts: number[]): string {
  const socket = new FakeSocket();
  const target = open();
  const faults: string[] = [];
  connect(socket as unknown as Socket, target, (reason) => faults.push(reason));
  let at = 0;
  for (const cut of cuts) {
    socket.emit('data', stream.subarray(at, at + cut));
    at += cut;
  }
  target.close();
  expect(faults).toEqual([]);
  return Buffer.concat(socket.written).toString('base64');
}
