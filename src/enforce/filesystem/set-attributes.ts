// SETATTR: mode, owner, size and times. Invariant: no set-uid bit reaches the host, and nobody is given a file.

import { chmodSync, ftruncateSync, lutimesSync, utimesSync, type BigIntStats } from 'node:fs';
import { Errno } from './errno.ts';
import { ensurePrivateSide, statNode } from './found-name.ts';
import { expectArguments, u32, u64, type Incoming } from './incoming.ts';
import { replyAttributes, type Operation } from './lookup.ts';
import type { Node } from './node.ts';
import { ownContent } from './private-copy.ts';
import type { PrivateContent, PrivateDirectory } from './private-entry.ts';
import { Format, SetAttribute } from './protocol.ts';
import type { FilesystemState } from './state.ts';
import { toDouble } from './times.ts';

const PERMISSIONS = 0o1777;
const SET_ID = 0o6000;
const { MODE, UID, GID, SIZE, ATIME, MTIME, ATIME_NOW, MTIME_NOW, KILL_SUIDGID } = SetAttribute;
const TIMES = ATIME | MTIME | ATIME_NOW | MTIME_NOW;
const AT = { size: 16, atime: 32, mtime: 40, atimeNs: 56, mtimeNs: 60, mode: 68, uid: 76, gid: 80 };

export const setAttributes: Operation = (state, incoming, out, node) => {
  expectArguments(incoming, 88);
  const valid = u32(incoming, 0);
  const grant = state.verdicts.write(node);
  if (grant === 'no') return Errno.EACCES;
  const stat = statNode(state, node);
  if (!isOwnerKept(state, incoming, node, stat, valid)) return Errno.EPERM;
  if ((valid & (SIZE | MODE | KILL_SUIDGID | TIMES)) === 0)
    return replyAttributes(state, incoming, out, node, stat);
  const size = (valid & SIZE) === 0 ? undefined : u64(incoming, AT.size);
  const copy = grant === 'private' ? ownNode(state, node, size === 0) : node.copy;
  if (size !== undefined) {
    const code = truncate(state, node, stat, size);
    if (code !== 0) return code;
  }
  if ((valid & MODE) !== 0) {
    if (node.format === Format.LINK) return Errno.EOPNOTSUPP;
    setMode(state, node, copy, u32(incoming, AT.mode) & PERMISSIONS);
  } else if ((valid & KILL_SUIDGID) !== 0 && (Number(stat.mode) & SET_ID) !== 0) {
    setMode(state, node, copy, Number(stat.mode) & PERMISSIONS);
  }
  if ((valid & TIMES) !== 0) setTimes(state, incoming, node, copy, valid);
  return replyAttributes(state, incoming, out, node, statNode(state, node));
};

/** Owners cannot be given away: asking for the owner a file already has is all that succeeds. */
function isOwnerKept(
  { ownership }: FilesystemState,
  incoming: Incoming,
  node: Node,
  stat: BigIntStats,
  valid: number,
): boolean {
  const uid = ownership.toGuestUid(Number(stat.uid), node.isShared);
  const gid = ownership.toGuestGid(Number(stat.gid), node.isShared);
  if ((valid & UID) !== 0 && u32(incoming, AT.uid) !== uid) return false;
  return (valid & GID) === 0 || u32(incoming, AT.gid) === gid;
}

function ownNode(
  state: FilesystemState,
  node: Node,
  isEmptied: boolean,
): PrivateContent | PrivateDirectory {
  return node.format === Format.DIRECTORY
    ? ensurePrivateSide(node)
    : ownContent(state, node, isEmptied);
}

function truncate(state: FilesystemState, node: Node, stat: BigIntStats, size: number): number {
  if (!Number.isFinite(size)) return Errno.EFBIG;
  if (node.format !== Format.FILE) return Errno.EINVAL;
  const before = Number(stat.size);
  // A sparse file takes no room yet, but it is room promised.
  state.budget.charge(node.ino, size - before);
  ftruncateSync(state.descriptors.data(node, true), size);
  if (size < before) state.budget.refund(node.ino, before - size);
  node.knownEnd = size;
  node.knownEndAt = state.budget.refunds;
  return 0;
}

function setMode(
  state: FilesystemState,
  node: Node,
  copy: PrivateContent | PrivateDirectory | undefined,
  mode: number,
): void {
  if (copy === undefined || (copy.kind === 'directory' && state.verdicts.write(node) === 'host')) {
    chmodSync(state.descriptors.inodePath(node), mode);
    return;
  }
  copy.mode = mode;
  state.privates.touch();
}

function setTimes(
  state: FilesystemState,
  incoming: Incoming,
  node: Node,
  copy: PrivateContent | PrivateDirectory | undefined,
  valid: number,
): void {
  const stat = state.descriptors.stat(node);
  state.times.correct(stat);
  const atime = timeAsked(state, incoming, valid, {
    given: ATIME,
    now: ATIME_NOW,
    at: AT.atime,
    nsAt: AT.atimeNs,
  });
  const mtime = timeAsked(state, incoming, valid, {
    given: MTIME,
    now: MTIME_NOW,
    at: AT.mtime,
    nsAt: AT.mtimeNs,
  });
  if (copy?.kind === 'directory' && state.verdicts.write(node) === 'private') {
    if (mtime !== undefined) copy.mtimeNs = mtime;
    return;
  }
  const seconds: [number, number] = [
    toDouble(atime ?? stat.atimeNs),
    toDouble(mtime ?? stat.mtimeNs),
  ];
  if (node.format === Format.LINK) lutimesSync(state.descriptors.placeOf(node), ...seconds);
  else utimesSync(state.descriptors.inodePath(node), ...seconds);
  state.times.remember(state.descriptors.stat(node), mtime ?? stat.mtimeNs);
}

interface TimeField {
  given: number;
  now: number;
  at: number;
  nsAt: number;
}

function timeAsked(
  state: FilesystemState,
  incoming: Incoming,
  valid: number,
  field: TimeField,
): bigint | undefined {
  if ((valid & field.now) !== 0) return state.times.now();
  if ((valid & field.given) === 0) return undefined;
  const seconds = incoming.buffer.readBigInt64LE(incoming.start + field.at);
  return seconds * 1_000_000_000n + BigInt(u32(incoming, field.nsAt));
}
