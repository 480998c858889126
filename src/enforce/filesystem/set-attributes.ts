// SETATTR: mode, owner, size and times.

import { chmodSync, ftruncateSync, lutimesSync, utimesSync, type BigIntStats } from 'node:fs';
import { shownMode } from './attributes.ts';
import { Errno } from './errno.ts';
import { expectArguments, u32, u64, type Incoming } from './incoming.ts';
import { replyAttributes, type Operation } from './lookup.ts';
import type { Node } from './node.ts';
import { Format, SetAttribute } from './protocol.ts';
import type { FilesystemState } from './state.ts';

const PERMISSIONS = 0o1777;
const SET_ID = 0o6000;
const TIMES =
  SetAttribute.ATIME | SetAttribute.MTIME | SetAttribute.ATIME_NOW | SetAttribute.MTIME_NOW;

export const setAttributes: Operation = (state, incoming, out, node) => {
  expectArguments(incoming, 88);
  const valid = u32(incoming, 0);
  if (state.verdicts.write(node) !== 'host') return Errno.EACCES;
  let stat = state.descriptors.stat(node);
  if (!isOwnerKept(state, incoming, node, stat, valid)) return Errno.EPERM;
  if ((valid & SetAttribute.SIZE) !== 0) {
    const size = u64(incoming, 16);
    if (!Number.isFinite(size)) return Errno.EFBIG;
    if (node.format !== Format.FILE) return Errno.EINVAL;
    ftruncateSync(state.descriptors.data(node, true), size);
  }
  const mode = Number(stat.mode);
  if ((valid & SetAttribute.MODE) !== 0) {
    if (node.format === Format.LINK) return Errno.EOPNOTSUPP;
    chmodSync(state.descriptors.inodePath(node), u32(incoming, 68) & PERMISSIONS);
  } else if ((valid & SetAttribute.KILL_SUIDGID) !== 0 && (mode & SET_ID) !== 0) {
    chmodSync(state.descriptors.inodePath(node), shownMode(mode, false) & PERMISSIONS);
  }
  if ((valid & TIMES) !== 0) setTimes(state, incoming, node, stat, valid);
  stat = state.descriptors.stat(node);
  return replyAttributes(state, incoming, out, node, stat);
};

/** Owners cannot be given away: asking for the owner a file already has is all that succeeds. */
function isOwnerKept(
  state: FilesystemState,
  incoming: Incoming,
  node: Node,
  stat: BigIntStats,
  valid: number,
): boolean {
  const { ownership } = state;
  const uid = ownership.toGuestUid(Number(stat.uid), node.isShared);
  const gid = ownership.toGuestGid(Number(stat.gid), node.isShared);
  if ((valid & SetAttribute.UID) !== 0 && u32(incoming, 76) !== uid) return false;
  return (valid & SetAttribute.GID) === 0 || u32(incoming, 80) === gid;
}

function setTimes(
  state: FilesystemState,
  incoming: Incoming,
  node: Node,
  stat: BigIntStats,
  valid: number,
): void {
  const now = Date.now() / 1000;
  const time = (given: number, isNow: number, at: number, old: bigint): number => {
    if ((valid & isNow) !== 0) return now;
    if ((valid & given) === 0) return Number(old) / 1e9;
    const nanoseconds = u32(incoming, at === 32 ? 56 : 60);
    return Number(incoming.buffer.readBigInt64LE(incoming.start + at)) + nanoseconds / 1e9;
  };
  const atime = time(SetAttribute.ATIME, SetAttribute.ATIME_NOW, 32, stat.atimeNs);
  const mtime = time(SetAttribute.MTIME, SetAttribute.MTIME_NOW, 40, stat.mtimeNs);
  if (node.format === Format.LINK) lutimesSync(state.descriptors.placeOf(node), atime, mtime);
  else utimesSync(state.descriptors.inodePath(node), atime, mtime);
}
