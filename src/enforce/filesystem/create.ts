// CREATE, MKNOD, MKDIR and SYMLINK: new names, on the host or in the private copy, as the policy says of the path.

import { closeSync, constants } from 'node:fs';
import { ENTRY_BYTES } from './attributes.ts';
import { NAME_COST } from './disk-budget.ts';
import { Errno, Refusal } from './errno.ts';
import { findName, pathOf } from './found-name.ts';
import { createHostDirectory, createHostFile, createHostLink } from './host-file.ts';
import {
  expectArguments,
  MessageFault,
  readName,
  readTarget,
  u32,
  type Incoming,
} from './incoming.ts';
import type { WriteGrant } from './judge.ts';
import { isKernels, replyEntry, type Operation } from './lookup.ts';
import type { Node } from './node.ts';
import { bodyAt, type Outgoing } from './outgoing.ts';
import { setEntry } from './private-copy.ts';
import { createPrivateDirectory } from './private-entry.ts';
import { FOPEN_KEEP_CACHE, Format, MAX_LINK } from './protocol.ts';
import type { FilesystemState } from './state.ts';

const PERMISSIONS = 0o1777;

interface NewName {
  parent: Node;
  name: string;
  grant: WriteGrant;
}

/** Judges a name that is to be made and pays for it. */
export function claimName(
  state: FilesystemState,
  parent: Node,
  name: string,
  isDirectory: boolean,
): NewName {
  if (parent.format !== Format.DIRECTORY) throw new Refusal(Errno.ENOTDIR);
  if (parent.isDetached) throw new Refusal(Errno.ENOENT);
  const grant = state.judge.write(pathOf(state, parent, name), isDirectory);
  if (grant === 'no') throw new Refusal(Errno.EACCES);
  if (grant === 'private' && findName(state, parent, name)) throw new Refusal(Errno.EEXIST);
  state.budget.chargeNew(0);
  parent.sentCtimeNs = 0n;
  return { parent, name, grant };
}

export const create: Operation = (state, incoming, out, parent) => {
  expectArguments(incoming, 16);
  const { name } = readName(incoming, incoming.start + 16);
  const isExclusive = (u32(incoming, 0) & constants.O_EXCL) !== 0;
  const at = bodyAt(out) + ENTRY_BYTES;
  out.buffer.fill(0, at, at + 16);
  out.buffer.writeUInt32LE(FOPEN_KEEP_CACHE, at + 8);
  // Someone on the host was faster: without O_EXCL the guest gets that file.
  const found = isExclusive ? undefined : findName(state, parent, name);
  if (found) {
    const path = pathOf(state, parent, name);
    // A kernel comes here with names only that a look-up did not find; what that hides is hidden here, too.
    if (isKernels(state, path, found)) {
      state.judge.recordKernels(path);
      return Errno.EACCES;
    }
    const grant = state.judge.write(path);
    return grant === 'no' ? Errno.EACCES : replyNew(state, incoming, out, { parent, name }, 16);
  }
  const claimed = claimName(state, parent, name, false);
  const fd = createFile(state, claimed, u32(incoming, 4));
  const code = replyNew(state, incoming, out, claimed, 16);
  const node = parent.children?.get(name);
  if (code === 0 && node) state.descriptors.adopt(node, fd);
  else closeSync(fd);
  return code;
};

export const makeNode: Operation = (state, incoming, out, parent) => {
  expectArguments(incoming, 16);
  const mode = u32(incoming, 0);
  const { name } = readName(incoming, incoming.start + 16);
  const format = mode & Format.MASK;
  if (format === Format.FILE) {
    const claimed = claimName(state, parent, name, false);
    closeSync(createFile(state, claimed, mode));
    return replyNew(state, incoming, out, claimed);
  }
  // The guest kernel is all there is to a fifo or a socket: it needs a name for the session, the host needs none.
  if (format !== Format.FIFO && format !== Format.SOCKET) return Errno.EPERM;
  const claimed = claimName(state, parent, name, false);
  if (findName(state, parent, name)) return Errno.EEXIST;
  setEntry(state, parent, name, state.privates.createSpecial(format, mode));
  return replyNew(state, incoming, out, claimed);
};

export const makeDirectory: Operation = (state, incoming, out, parent) => {
  expectArguments(incoming, 8);
  const mode = u32(incoming, 0) & PERMISSIONS;
  const { name } = readName(incoming, incoming.start + 8);
  const claimed = claimName(state, parent, name, true);
  if (claimed.grant === 'private') {
    const directory = createPrivateDirectory(state.privates.createDirectory());
    directory.mode = mode;
    setEntry(state, parent, name, directory);
  } else {
    if (findName(state, parent, name)) return Errno.EEXIST;
    createHostDirectory(state, state.descriptors.place(parent, name), mode);
  }
  return replyNew(state, incoming, out, claimed);
};

export const makeLink: Operation = (state, incoming, out, parent) => {
  const { name, next } = readName(incoming, incoming.start);
  const { target } = readTarget(incoming, next);
  if (target.length === 0) throw new MessageFault('a link to nothing');
  if (target.length > MAX_LINK) return Errno.ENAMETOOLONG;
  const claimed = claimName(state, parent, name, false);
  if (claimed.grant === 'private') {
    setEntry(state, parent, name, state.privates.createLink(target));
  } else {
    if (findName(state, parent, name)) return Errno.EEXIST;
    createHostLink(state, state.descriptors.place(parent, name), target);
  }
  return replyNew(state, incoming, out, claimed);
};

function createFile(
  state: FilesystemState,
  { parent, name, grant }: NewName,
  mode: number,
): number {
  if (grant === 'host') return createHostFile(state, state.descriptors.place(parent, name), mode);
  const { content, fd } = state.privates.createFile(mode);
  setEntry(state, parent, name, content);
  return fd;
}

/** Replies with the entry of a name just made. `tail`: bytes already put behind the entry. */
export function replyNew(
  state: FilesystemState,
  incoming: Incoming,
  out: Outgoing,
  { parent, name }: Pick<NewName, 'parent' | 'name'>,
  tail = 0,
): number {
  const found = findName(state, parent, name);
  if (!found) return Errno.ENOENT;
  state.budget.attribute(found.stat.ino, NAME_COST);
  return replyEntry(state, incoming, out, found, tail);
}
