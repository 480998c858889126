// A filesystem server that is asked by hand, as guest root can: messages that no kernel would send, in any order.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFilesystem } from '../../src/enforce/filesystem/filesystem.ts';
import { createOutgoing } from '../../src/enforce/filesystem/outgoing.ts';
import { MAX_MESSAGE, Opcode } from '../../src/enforce/filesystem/protocol.ts';
import { createPoint } from '../../src/enforce/point.ts';
import type { LogEvent } from '../../src/model/event.ts';
import { createDecider } from '../../src/policy/decide.ts';
import { loadEffectivePolicy } from '../../src/source/load.ts';

export interface Reply {
  errno: number;
  /** the node of an entry, 0 for none */
  node: number;
  body: Buffer;
}

export interface RawFilesystem {
  workspace: string;
  /** the workspace's node */
  root: number;
  events: LogEvent[];
  ask(opcode: number, node: number, ...parts: (Buffer | string)[]): Reply;
  lookup(parent: number, name: string): number;
  makeDirectory(parent: number, name: string): number;
  create(parent: number, name: string): Reply;
  read(node: number): Reply;
  write(node: number, bytes: Buffer, offset: number): Reply;
  truncate(node: number, size: number): Reply;
  rename(from: number, source: string, to: number, target: string): Reply;
  link(node: number, parent: number, name: string): number;
  /** all references at once, whatever else hangs on the node */
  forget(node: number): void;
  close(): void;
}

/** Little-endian fields of 4 bytes (numbers) and 8 bytes (big integers). */
export function fields(...values: (number | bigint)[]): Buffer {
  return Buffer.concat(
    values.map((value) => {
      const bytes = Buffer.alloc(typeof value === 'bigint' ? 8 : 4);
      if (typeof value === 'bigint') bytes.writeBigUInt64LE(value);
      else bytes.writeUInt32LE(value);
      return bytes;
    }),
  );
}

export function openRawFilesystem(options: { policy: string; disk?: number }): RawFilesystem {
  const base = mkdtempSync(join(tmpdir(), 'raw-fs-'));
  const [workspace, home] = [join(base, 'workspace'), join(base, 'home')];
  const file = join(base, 'policy.yml');
  mkdirSync(workspace);
  mkdirSync(home);
  writeFileSync(file, options.policy);
  const { policy, diagnostics } = loadEffectivePolicy({
    workspace,
    home,
    environment: { PATH: '/usr/bin' },
    packageRoot: home,
    directory: base,
    policy: file,
  });
  if (!policy) throw new Error(`the test's policy is at fault: ${JSON.stringify(diagnostics)}`);
  const events: LogEvent[] = [];
  const filesystem = createFilesystem({
    policy: {
      ...policy,
      limits: { ...policy.limits, ...(options.disk !== undefined && { disk: options.disk }) },
    },
    decide: createDecider(policy),
    point: createPoint({
      decide: createDecider(policy),
      log: { append: (event) => ({ seq: events.push(event), id: '' }) },
      mode: policy.mode,
    }),
    privateDirectory: join(base, 'private'),
    uidMap: { hostUid: 0, hostGid: 0, guestUid: 1000, guestGid: 1000 },
    process: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, umask: 0o022 },
  });
  const out = createOutgoing(2 * MAX_MESSAGE);

  function ask(opcode: number, node: number, ...parts: (Buffer | string)[]): Reply {
    const body = Buffer.concat(
      parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`, 'latin1') : part)),
    );
    const head = fields(40 + body.length, opcode, 7n, BigInt(node), 0, 0, 0, 0);
    const message = Buffer.concat([head, body]);
    out.length = 0;
    filesystem.handle(message, 0, message.length, out);
    const reply = Buffer.from(out.buffer.subarray(0, out.length));
    const errno = reply.length === 0 ? 0 : Math.abs(reply.readInt32LE(4));
    const isEntry = errno === 0 && reply.length >= 16 + 128;
    return { errno, node: isEntry ? reply.readUInt32LE(16) : 0, body: reply.subarray(16) };
  }

  const lookup = (parent: number, name: string): number => ask(Opcode.LOOKUP, parent, name).node;
  return {
    workspace,
    root: workspace.split('/').filter(Boolean).reduce(lookup, 1),
    events,
    ask,
    lookup,
    makeDirectory: (parent, name) => ask(Opcode.MKDIR, parent, fields(0o755, 0), name).node,
    create: (parent, name) => ask(Opcode.CREATE, parent, fields(0, 0o644, 0, 0), name),
    read: (node) => ask(Opcode.READ, node, fields(0n, 0n, 4096, 0, 0n, 0, 0)),
    write: (node, bytes, offset) =>
      ask(Opcode.WRITE, node, fields(0n, BigInt(offset), bytes.length, 0, 0n, 0, 0), bytes),
    truncate: (node, size) => {
      const body = Buffer.alloc(88);
      fields(1 << 3, 0, 0n, BigInt(size)).copy(body);
      return ask(Opcode.SETATTR, node, body);
    },
    rename: (from, source, to, target) =>
      ask(Opcode.RENAME, from, fields(BigInt(to)), source, target),
    link: (node, parent, name) => ask(Opcode.LINK, parent, fields(BigInt(node)), name).node,
    forget: (node) => void ask(Opcode.FORGET, node, fields(1_000_000n)),
    close: () => {
      filesystem.close();
      rmSync(base, { recursive: true, force: true });
    },
  };
}
