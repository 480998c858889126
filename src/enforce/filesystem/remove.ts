// UNLINK and RMDIR. A file that goes while the guest has it open lives on: it is held by a descriptor until it is forgotten.

import { rmdirSync, unlinkSync } from 'node:fs';
import { Errno } from './errno.ts';
import { findName, listNames, pathOf, privateSide } from './found-name.ts';
import { readName, type Incoming } from './incoming.ts';
import { isDirectory, type Operation } from './lookup.ts';
import { finish, type Outgoing } from './outgoing.ts';
import { removeEntry } from './private-copy.ts';
import type { FilesystemState } from './state.ts';
import type { FoundName, Node } from './node.ts';

export const unlink: Operation = (state, incoming, out, parent) => {
  const { name } = readName(incoming, incoming.start);
  const path = pathOf(state, parent, name);
  const found = findName(state, parent, name);
  if (!found) return Errno.ENOENT;
  if (isDirectory(found.stat)) return Errno.EISDIR;
  const grant = state.judge.write(path);
  if (grant === 'no') return Errno.EACCES;
  const node = parent.children?.get(name);
  if (node && !node.aliases) state.descriptors.pin(node);
  if (grant === 'private' || found.copy) removeEntry(state, parent, name);
  else unlinkSync(state.descriptors.place(parent, name));
  leave(state, node, found);
  return replyDone(incoming, out);
};

export const removeDirectory: Operation = (state, incoming, out, parent) => {
  const { name } = readName(incoming, incoming.start);
  const path = pathOf(state, parent, name);
  const found = findName(state, parent, name);
  if (!found) return Errno.ENOENT;
  if (!isDirectory(found.stat)) return Errno.ENOTDIR;
  const grant = state.judge.write(path, true);
  if (grant === 'no') return Errno.EACCES;
  const node = parent.children?.get(name);
  if (!node) return Errno.ESTALE;
  if (listNames(state, node).length > 0) return Errno.ENOTEMPTY;
  if (node.parent === undefined) return Errno.EBUSY;
  state.descriptors.pin(node);
  if (grant === 'private' || found.copy?.id !== undefined) removeEntry(state, parent, name);
  else removeHostDirectory(state, parent, name, node);
  leave(state, node, found);
  return replyDone(incoming, out);
};

function removeHostDirectory(state: FilesystemState, parent: Node, name: string, node: Node): void {
  // What the guest removed of the private copy is still on the host: then this fails, as it must.
  rmdirSync(state.descriptors.place(parent, name));
  if (privateSide(node)) privateSide(parent)?.entries.delete(name);
}

/** A name is gone; what its file took is free again once the guest has closed it. */
export function leave(state: FilesystemState, node: Node | undefined, found: FoundName): void {
  found.parent.sentCtimeNs = 0n;
  if (node) node.sentCtimeNs = 0n;
  const isLast = isDirectory(found.stat) || found.stat.nlink <= 1n;
  if (!node) {
    if (isLast) state.budget.release(found.stat.ino);
    return;
  }
  state.table.detach(node, found);
  node.isGone = isLast && node.isDetached;
}

export function replyDone(incoming: Incoming, out: Outgoing): number {
  finish(out, incoming, 0);
  return 0;
}
