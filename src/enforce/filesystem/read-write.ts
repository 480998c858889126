// READ, WRITE and FSYNC, straight between the message and the file.

import { chmodSync, fdatasyncSync, fstatSync, fsyncSync, readSync, writeSync } from 'node:fs';
import { Errno } from './errno.ts';
import { statNode } from './found-name.ts';
import { expectArguments, MessageFault, u32, u64 } from './incoming.ts';
import type { Operation } from './lookup.ts';
import type { Node } from './node.ts';
import { ownContent } from './private-copy.ts';
import type { FilesystemState } from './state.ts';
import { bodyAt, finish } from './outgoing.ts';
import { Format, FSYNC_DATA_ONLY, MAX_TRANSFER, WRITE_KILL_SUIDGID } from './protocol.ts';

const WRITE_ARGUMENTS = 40;
const SET_ID = 0o6000;

export const read: Operation = (state, incoming, out, node) => {
  expectArguments(incoming, 24);
  const size = Math.min(u32(incoming, 16), MAX_TRANSFER);
  const offset = u64(incoming, 8);
  if (node.format !== Format.FILE)
    return node.format === Format.DIRECTORY ? Errno.EISDIR : Errno.EINVAL;
  if (!state.verdicts.mayRead(node, () => statNode(state, node))) return Errno.EACCES;
  if (!Number.isFinite(offset)) return Errno.EINVAL;
  const fd = state.descriptors.data(node, false);
  const start = bodyAt(out);
  let total = 0;
  while (total < size) {
    const count = readSync(fd, out.buffer, start + total, size - total, offset + total);
    if (count === 0) break;
    total += count;
  }
  finish(out, incoming, total);
  state.staleListings.read(node);
  return 0;
};

export const write: Operation = (state, incoming, out, node) => {
  expectArguments(incoming, WRITE_ARGUMENTS);
  const offset = u64(incoming, 8);
  const size = u32(incoming, 16);
  if (incoming.end - incoming.start - WRITE_ARGUMENTS < size)
    throw new MessageFault('a write with less data than it says');
  if (node.format !== Format.FILE)
    return node.format === Format.DIRECTORY ? Errno.EISDIR : Errno.EINVAL;
  const grant = state.verdicts.write(node);
  if (grant === 'no') return Errno.EACCES;
  if (!Number.isFinite(offset + size)) return Errno.EFBIG;
  if (grant === 'private') ownContent(state, node, false);
  const fd = state.descriptors.data(node, true);
  payForGrowth(state, node, fd, offset, size);
  if ((u32(incoming, 20) & WRITE_KILL_SUIDGID) !== 0)
    dropSetId(state.descriptors.inodePath(node), Number(state.descriptors.stat(node).mode));
  const from = incoming.start + WRITE_ARGUMENTS;
  let total = 0;
  while (total < size) {
    const count = writeSync(fd, incoming.buffer, from + total, size - total, offset + total);
    if (count === 0) break;
    total += count;
  }
  node.sentCtimeNs = 0n;
  const at = bodyAt(out);
  out.buffer.writeUInt32LE(total, at);
  out.buffer.writeUInt32LE(0, at + 4);
  finish(out, incoming, 8);
  return 0;
};

/** Pays for what a write adds to the file. A writer who goes on where he stopped costs no look at the file. */
function payForGrowth(
  state: FilesystemState,
  node: Node,
  fd: number,
  offset: number,
  size: number,
): void {
  const end = offset + size;
  const { refunds } = state.budget;
  // The file may have another node, by another name, through which it was cut.
  const known = node.knownEndAt === refunds ? node.knownEnd : -1;
  if (end <= known) return;
  const before = offset === known ? offset : Number(fstatSync(fd, { bigint: true }).size);
  state.budget.charge(node.ino, end - before);
  node.knownEnd = Math.max(end, before);
  node.knownEndAt = refunds;
}

function dropSetId(path: string, mode: number): void {
  if ((mode & SET_ID) !== 0) chmodSync(path, mode & 0o1777);
}

/** Replied to only once the host's disk has it: what the guest was told is safe stays safe when the VM is killed. */
export const sync: Operation = (state, incoming, out, node) => {
  expectArguments(incoming, 12);
  if (node.format === Format.FILE) {
    const fd = state.descriptors.data(node, false);
    if ((u32(incoming, 8) & FSYNC_DATA_ONLY) !== 0) fdatasyncSync(fd);
    else fsyncSync(fd);
  } else if (node.format === Format.DIRECTORY) {
    if (node.copy?.id === undefined) state.descriptors.syncDirectory(node);
    state.privates.save();
  }
  finish(out, incoming, 0);
  return 0;
};
