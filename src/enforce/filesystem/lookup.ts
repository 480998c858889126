// LOOKUP, FORGET, GETATTR, READLINK and STATFS: what the guest learns of a name.

import { statfsSync, type BigIntStats } from 'node:fs';
import { ATTRIBUTES_BYTES, ENTRY_BYTES, isExecutable, putValidity } from './attributes.ts';
import { Errno } from './errno.ts';
import { toText } from './file-name.ts';
import { findName, pathOf, statNode } from './found-name.ts';
import { expectArguments, MessageFault, readName, u32, u64, type Incoming } from './incoming.ts';
import { joinText, type Node, type FoundName } from './node.ts';
import { bodyAt, finish, putU64, type Outgoing } from './outgoing.ts';
import { Format, MAX_NAME } from './protocol.ts';
import type { FilesystemState } from './state.ts';

const PUBLIC_SEARCH = 0o001;

/** Answers with a positive error number, or 0 once the reply is written. */
export type Operation = (
  state: FilesystemState,
  incoming: Incoming,
  out: Outgoing,
  node: Node,
) => number;

export const lookup: Operation = (state, incoming, out, parent) => {
  const { name } = readName(incoming, incoming.start);
  if (parent.format !== Format.DIRECTORY) return Errno.ENOTDIR;
  if (parent.isClosed) return Errno.EACCES;
  const path = pathOf(state, parent, name);
  // Watched first, looked at then: nothing changes unseen in between.
  state.watch.names(parent);
  const found = findName(state, parent, name);
  if (!found) return replyAbsent(state, incoming, out, parent, name);
  if (isKernels(state, path, found)) {
    state.judge.recordKernels(path);
    return replyAbsent(state, incoming, out, parent, name);
  }
  if (state.judge.sight(path, isDirectory(found.stat)) === 'hidden') {
    state.judge.recordHidden(path);
    return replyAbsent(state, incoming, out, parent, name);
  }
  return replyEntry(state, incoming, out, found);
};

/** Whether a name is the host kernel's own. A link is on the disk of its directory, which was looked at before. */
export function isKernels(state: FilesystemState, path: string, found: FoundName): boolean {
  const { parent, name, stat, copy } = found;
  if (copy || (Number(stat.mode) & Format.MASK) === Format.LINK) return false;
  return state.kernelFiles.holds(path, stat.dev, () => state.descriptors.place(parent, name));
}

/** Replies with the node of a name that is there, one reference more. `tail`: bytes that follow the entry, already put. */
export function replyEntry(
  state: FilesystemState,
  incoming: Incoming,
  out: Outgoing,
  found: FoundName,
  tail = 0,
): number {
  const node = enterNode(state, found);
  if (!node) return Errno.ENFILE;
  putEntry(state, out.buffer, bodyAt(out), node, found.stat);
  finish(out, incoming, ENTRY_BYTES + tail);
  return 0;
}

export function enterNode(state: FilesystemState, found: FoundName): Node | undefined {
  const { parent, name, stat, copy } = found;
  const mode = Number(stat.mode);
  const identity = { dev: stat.dev, ino: stat.ino, format: mode & Format.MASK };
  const isLinked = identity.format === Format.FILE && stat.nlink > 1n;
  const node = isLinked
    ? state.table.enter(found, identity, (other) => isJudgedAlike(state, other, parent, name))
    : state.table.enter(found, identity);
  if (!node) return undefined;
  node.copy = copy;
  state.watch.present(parent, name);
  if (node.lookups > 1) return node;
  node.isShared = parent.isShared || state.isShare(state.table.textOf(node));
  node.isClosed =
    node.format === Format.DIRECTORY &&
    (mode & PUBLIC_SEARCH) === 0 &&
    isForeign(state, node, stat);
  return node;
}

/** Two names of one file are one node only where the policy gives both the same rights. */
function isJudgedAlike(state: FilesystemState, other: Node, parent: Node, name: string): boolean {
  const path = joinText(state.table.textOf(parent), toText(name));
  const known = state.table.textOf(other);
  return (
    state.judge.sight(path, false) === state.judge.sight(known, false) &&
    state.judge.writeGrant(path) === state.judge.writeGrant(known) &&
    state.judge.mayExecute(path) === state.judge.mayExecute(known)
  );
}

/** Whether only the builtin rules show a directory that is not the host user's: they show what everyone may see. */
function isForeign(state: FilesystemState, node: Node, stat: BigIntStats): boolean {
  const { hostUid } = state.ownership;
  const isOwn = hostUid !== 0 && Number(stat.uid) === hostUid;
  const path = state.table.textOf(node);
  return !isOwn && !state.leadsToShare(path) && state.judge.isPublicOnly(path);
}

export function putEntry(
  state: FilesystemState,
  buffer: Buffer,
  at: number,
  node: Node,
  stat: BigIntStats,
): void {
  putU64(buffer, node.id, at);
  putU64(buffer, 0, at + 8);
  putValidity(buffer, at + 16, {
    entry: node.parent ? state.watch.names(node.parent) : 0,
    attributes: state.watch.attributes(node, stat.nlink),
  });
  putAttributes(state, buffer, at + 40, node, stat, true);
}

export function putAttributes(
  state: FilesystemState,
  buffer: Buffer,
  at: number,
  node: Node,
  stat: BigIntStats,
  isLookup: boolean,
): void {
  const isExecutionWithheld =
    isExecutable(Number(stat.mode)) &&
    state.verdicts.isWithheld(state.table.textOf(node), node, isLookup);
  node.sentCtimeNs = stat.ctimeNs;
  state.attributes.put(buffer, at, stat, { isShared: node.isShared, isExecutionWithheld });
}

/** A name that is not there: the guest may remember that, too. */
function replyAbsent(
  state: FilesystemState,
  incoming: Incoming,
  out: Outgoing,
  parent: Node,
  name: string,
): number {
  const at = bodyAt(out);
  out.buffer.fill(0, at, at + ENTRY_BYTES);
  const entry = state.watch.absence(parent, name);
  putValidity(out.buffer, at + 16, { entry, attributes: 0 });
  finish(out, incoming, ENTRY_BYTES);
  return 0;
}

export const getAttributes: Operation = (state, incoming, out, node) =>
  replyAttributes(state, incoming, out, node, statNode(state, node));

export function replyAttributes(
  state: FilesystemState,
  incoming: Incoming,
  out: Outgoing,
  node: Node,
  stat: BigIntStats,
): number {
  const at = bodyAt(out);
  const attributes = state.watch.attributes(node, stat.nlink);
  putU64(out.buffer, Math.floor(attributes / 1000), at);
  out.buffer.writeUInt32LE((attributes % 1000) * 1_000_000, at + 8);
  out.buffer.writeUInt32LE(0, at + 12);
  putAttributes(state, out.buffer, at + 16, node, stat, false);
  finish(out, incoming, 16 + ATTRIBUTES_BYTES);
  return 0;
}

export const readLink: Operation = (state, incoming, out, node) => {
  if (node.format !== Format.LINK) return Errno.EINVAL;
  if (!state.verdicts.mayRead(node, () => statNode(state, node))) return Errno.EACCES;
  const target = state.descriptors.readLink(node);
  target.copy(out.buffer, bodyAt(out));
  finish(out, incoming, target.length);
  return 0;
};

export const statFilesystem: Operation = (state, incoming, out, node) => {
  const statfs = statfsSync(state.descriptors.inodePath(node));
  const at = bodyAt(out);
  out.buffer.fill(0, at, at + 80);
  putU64(out.buffer, statfs.blocks, at);
  const left = Math.floor(state.budget.left() / statfs.bsize);
  putU64(out.buffer, Math.min(statfs.bfree, left), at + 8);
  putU64(out.buffer, Math.min(statfs.bavail, left), at + 16);
  putU64(out.buffer, statfs.files, at + 24);
  putU64(out.buffer, statfs.ffree, at + 32);
  out.buffer.writeUInt32LE(statfs.bsize, at + 40);
  out.buffer.writeUInt32LE(MAX_NAME, at + 44);
  out.buffer.writeUInt32LE(statfs.bsize, at + 48);
  finish(out, incoming, 80);
  return 0;
};

export function forget(state: FilesystemState, incoming: Incoming): void {
  expectArguments(incoming, 8);
  forgetNode(state, incoming.node, u64(incoming, 0));
}

export function forgetMany(state: FilesystemState, incoming: Incoming): void {
  expectArguments(incoming, 8);
  const count = u32(incoming, 0);
  if (count * 16 > incoming.end - incoming.start - 8)
    throw new MessageFault('a list of nodes to forget cut short');
  for (let i = 0; i < count; i++)
    forgetNode(state, u64(incoming, 8 + i * 16), u64(incoming, 16 + i * 16));
}

function forgetNode(state: FilesystemState, id: number, references: number): void {
  const node = state.table.get(id);
  if (node) state.table.forget(node, references);
}

export function isDirectory(stat: BigIntStats): boolean {
  return (Number(stat.mode) & Format.MASK) === Format.DIRECTORY;
}
