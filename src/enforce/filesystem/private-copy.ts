// Writing into the private copy. Invariant: nothing here changes a file of the host, except that a host file which the guest
// may write and moves into the copy is gone from its old place.

import { closeSync, type BigIntStats } from 'node:fs';
import { descriptorPath } from './descriptors.ts';
import { Errno, Refusal } from './errno.ts';
import { NAME_COST } from './disk-budget.ts';
import { ensurePrivateSide, privateSide } from './found-name.ts';
import type { Node } from './node.ts';
import { GAP, hasHostSide, type PrivateContent, type PrivateEntry } from './private-entry.ts';
import { Format } from './protocol.ts';
import type { FilesystemState } from './state.ts';

/** Makes a node's content the session's own; a host file is copied once, at the first write. */
export function ownContent(state: FilesystemState, node: Node, isEmptied: boolean): PrivateContent {
  if (node.copy?.kind === 'content') return node.copy;
  const stat = state.descriptors.stat(node);
  if (!state.verdicts.mayRead(node, () => stat)) throw new Refusal(Errno.EACCES);
  const content = isEmptied
    ? createEmpty(state, Number(stat.mode))
    : copyContent(state, node, stat);
  if (node.isDetached) content.links = 0;
  else {
    setEntry(state, requireParent(node), node.name, content);
    for (const { parent, name } of node.aliases ?? []) {
      setEntry(state, parent, name, content);
      content.links += 1;
    }
  }
  settle(state, node, content);
  return content;
}

function createEmpty(state: FilesystemState, mode: number): PrivateContent {
  const { content, fd } = state.privates.createFile(mode);
  closeSync(fd);
  return content;
}

/** A copy of a host file or link in the store. */
export function copyContent(state: FilesystemState, node: Node, stat: BigIntStats): PrivateContent {
  if (node.format === Format.FILE) {
    state.budget.chargeNew(Number(stat.size));
    return state.privates.copyFile(descriptorPath(state.descriptors.data(node, false)), stat);
  }
  if (node.format !== Format.LINK) throw new Refusal(Errno.EPERM);
  return state.privates.createLink(state.descriptors.readLink(node));
}

/** Lets a node lie in the private copy from now on, whatever it was before. */
export function settle(state: FilesystemState, node: Node, content: PrivateContent): void {
  const { dev, ino } = state.privates.stat(content.id);
  state.descriptors.release(node);
  node.copy = content;
  state.table.identify(node, { dev, ino });
  state.budget.attribute(ino, NAME_COST);
  if (content.links === 0) {
    // Nothing but this descriptor leads to it any more.
    state.descriptors.pin(node);
    content.links = 1;
    state.privates.drop(content);
  }
}

/** Puts an entry under a name; what the copy had there before is dropped. */
export function setEntry(
  state: FilesystemState,
  parent: Node,
  name: string,
  entry: PrivateEntry,
): void {
  const side = ensurePrivateSide(parent);
  const before = side.entries.get(name);
  if (before === entry) return;
  side.entries.set(name, entry);
  noteChange(state, parent);
  discard(state, before);
}

/** Removes a name from the guest's view; the host's file of that name, if any, is no longer seen. */
export function removeEntry(state: FilesystemState, parent: Node, name: string): void {
  const side = ensurePrivateSide(parent);
  const before = side.entries.get(name);
  const isOnHost = hasHostSide(side) && state.descriptors.statName(parent, name) !== undefined;
  if (isOnHost) side.entries.set(name, GAP);
  else side.entries.delete(name);
  noteChange(state, parent);
  discard(state, before);
}

/** Takes an entry out without dropping what it holds: it goes elsewhere. */
export function takeEntry(
  state: FilesystemState,
  parent: Node,
  name: string,
): PrivateEntry | undefined {
  const entry = privateSide(parent)?.entries.get(name);
  if (!entry) return undefined;
  privateSide(parent)?.entries.delete(name);
  removeEntry(state, parent, name);
  return entry;
}

function discard(state: FilesystemState, entry: PrivateEntry | undefined): void {
  if (entry?.kind === 'content') state.privates.drop(entry);
  if (entry?.kind === 'directory' && entry.id !== undefined) state.privates.dropDirectory(entry.id);
}

function noteChange(state: FilesystemState, directory: Node): void {
  const side = privateSide(directory);
  if (side) side.mtimeNs = state.times.now();
  state.privates.touch();
}

export function requireParent(node: Node): Node {
  if (!node.parent || node.isDetached) throw new Refusal(Errno.ENOENT);
  return node.parent;
}
