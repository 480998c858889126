// CREATE, MKNOD, MKDIR, SYMLINK and LINK: new names. Invariant: what appears on the host belongs to the host user, carries no
// set-uid bit, and is a file, a directory or a link; nothing else.

import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
} from 'node:fs';
import { ENTRY_BYTES } from './attributes.ts';
import { Errno, Refusal } from './errno.ts';
import { toText } from './file-name.ts';
import {
  expectArguments,
  MessageFault,
  readName,
  readTarget,
  u32,
  u64,
  type Incoming,
} from './incoming.ts';
import { replyEntry, type Operation } from './lookup.ts';
import { joinText, type Node } from './node.ts';
import { bodyAt, type Outgoing } from './outgoing.ts';
import { Format, MAX_LINK, MAX_NAME } from './protocol.ts';
import type { FilesystemState } from './state.ts';

const NEW_FILE = constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW | constants.O_RDWR;
const PERMISSIONS = 0o1777;

export const create: Operation = (state, incoming, out, parent) => {
  expectArguments(incoming, 16);
  const { name } = readName(incoming, incoming.start + 16);
  const flags = u32(incoming, 0);
  const found = judgeNewName(state, parent, name);
  let fd: number;
  try {
    fd = createFile(state, parent, name, u32(incoming, 4));
  } catch (error) {
    // Someone on the host was faster: without O_EXCL the guest gets that file.
    if ((flags & constants.O_EXCL) !== 0 || !isExisting(state, found)) throw error;
    return replyCreated(state, incoming, out, found);
  }
  const code = replyCreated(state, incoming, out, found);
  const node = parent.children?.get(name);
  const stat = fstatSync(fd, { bigint: true });
  if (code === 0 && node?.ino === stat.ino && node.dev === stat.dev)
    state.descriptors.adopt(node, fd);
  else closeSync(fd);
  return code;
};

export const makeNode: Operation = (state, incoming, out, parent) => {
  expectArguments(incoming, 16);
  const mode = u32(incoming, 0);
  const { name } = readName(incoming, incoming.start + 16);
  const found = judgeNewName(state, parent, name);
  if ((mode & Format.MASK) !== Format.FILE) return Errno.EPERM;
  closeSync(createFile(state, parent, name, mode));
  return replyNew(state, incoming, out, found);
};

export const makeDirectory: Operation = (state, incoming, out, parent) => {
  expectArguments(incoming, 8);
  const mode = u32(incoming, 0) & PERMISSIONS;
  const { name } = readName(incoming, incoming.start + 8);
  const found = judgeNewName(state, parent, name);
  const place = state.descriptors.place(parent, name);
  mkdirSync(place, mode);
  handOver(state, parent, name);
  if ((mode & state.mask) !== 0) {
    const fd = openSync(place, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    fchmodSync(fd, mode);
    closeSync(fd);
  }
  return replyNew(state, incoming, out, found);
};

export const makeLink: Operation = (state, incoming, out, parent) => {
  const { name, next } = readName(incoming, incoming.start);
  const { target } = readTarget(incoming, next);
  if (target.length === 0) throw new MessageFault('a link to nothing');
  if (target.length > MAX_LINK) return Errno.ENAMETOOLONG;
  const found = judgeNewName(state, parent, name);
  symlinkSync(target, state.descriptors.place(parent, name));
  handOver(state, parent, name);
  return replyNew(state, incoming, out, found);
};

/** A second name for a file: whoever may not write the file may not give it a name of other rights either. */
export const makeHardLink: Operation = (state, incoming, out, parent) => {
  expectArguments(incoming, 8);
  const source = state.table.get(u64(incoming, 0));
  const { name } = readName(incoming, incoming.start + 8);
  if (!source) return Errno.ESTALE;
  if (source.format === Format.DIRECTORY) return Errno.EPERM;
  const found = judgeNewName(state, parent, name);
  if (state.verdicts.write(source) !== 'host') return Errno.EACCES;
  if (!state.verdicts.mayRead(source, () => state.descriptors.stat(source))) return Errno.EACCES;
  state.descriptors.stat(source);
  linkSync(state.descriptors.placeOf(source), state.descriptors.place(parent, name));
  return replyNew(state, incoming, out, found);
};

interface NewName {
  parent: Node;
  name: string;
}

function judgeNewName(state: FilesystemState, parent: Node, name: string): NewName {
  if (name.length > MAX_NAME) throw new Refusal(Errno.ENAMETOOLONG);
  const path = joinText(state.table.textOf(parent), toText(name));
  if (state.judge.write(path) !== 'host') throw new Refusal(Errno.EACCES);
  return { parent, name };
}

function createFile(state: FilesystemState, parent: Node, name: string, mode: number): number {
  const permissions = mode & PERMISSIONS;
  const fd = openSync(state.descriptors.place(parent, name), NEW_FILE, permissions);
  const { ownership } = state;
  if (ownership.mustHandOver) fchownSync(fd, ownership.hostUid, ownership.hostGid);
  if ((permissions & state.mask) !== 0) fchmodSync(fd, permissions);
  return fd;
}

function handOver(state: FilesystemState, parent: Node, name: string): void {
  const { ownership } = state;
  if (!ownership.mustHandOver) return;
  lchownSync(state.descriptors.place(parent, name), ownership.hostUid, ownership.hostGid);
}

function isExisting(state: FilesystemState, { parent, name }: NewName): boolean {
  return state.descriptors.statName(parent, name) !== undefined;
}

function replyNew(
  state: FilesystemState,
  incoming: Incoming,
  out: Outgoing,
  { parent, name }: NewName,
  tail = 0,
): number {
  const stat = state.descriptors.statName(parent, name);
  if (!stat) return Errno.ENOENT;
  return replyEntry(state, incoming, out, { parent, name, stat }, tail);
}

/** Entry plus an open file that needs no closing: descriptors are ours to keep. */
function replyCreated(
  state: FilesystemState,
  incoming: Incoming,
  out: Outgoing,
  found: NewName,
): number {
  const at = bodyAt(out) + ENTRY_BYTES;
  const FOPEN_KEEP_CACHE = 1 << 1;
  out.buffer.fill(0, at, at + 16);
  out.buffer.writeUInt32LE(FOPEN_KEEP_CACHE, at + 8);
  return replyNew(state, incoming, out, found, 16);
}
