// RENAME: both names are judged, and for a directory what is in it. Between the host and the private copy a file's content
// moves; a directory does not.

import { linkSync, mkdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { Errno } from './errno.ts';
import { findName, pathOf, privateSide } from './found-name.ts';
import { copyOut } from './host-file.ts';
import { expectArguments, readName, u32, u64, type Incoming } from './incoming.ts';
import type { WriteGrant } from './judge.ts';
import { isDirectory, type Operation } from './lookup.ts';
import type { FoundName, Node } from './node.ts';
import type { Outgoing } from './outgoing.ts';
import {
  copyContent,
  ownContent,
  removeEntry,
  setEntry,
  settle,
  takeEntry,
} from './private-copy.ts';
import { RENAME_NOREPLACE } from './protocol.ts';
import { leave, replyDone } from './remove.ts';
import type { FilesystemState } from './state.ts';
import { isPrivateThroughout, judgeSubtree } from './subtree.ts';

export const rename: Operation = (state, incoming, out, parent) => {
  expectArguments(incoming, 8);
  return move(state, incoming, out, parent, { flags: 0, names: 8 });
};

export const renameWithFlags: Operation = (state, incoming, out, parent) => {
  expectArguments(incoming, 16);
  const flags = u32(incoming, 8);
  if ((flags & ~RENAME_NOREPLACE) !== 0) return Errno.EINVAL;
  return move(state, incoming, out, parent, { flags, names: 16 });
};

/** A rename whose two names exist and are judged. */
interface Move {
  from: Node;
  source: string;
  found: FoundName;
  node: Node;
  to: Node;
  target: string;
  replaced: FoundName | undefined;
  isReplacing: boolean;
}

function move(
  state: FilesystemState,
  incoming: Incoming,
  out: Outgoing,
  from: Node,
  { flags, names }: { flags: number; names: number },
): number {
  const to = state.table.get(u64(incoming, 0));
  const { name: source, next } = readName(incoming, incoming.start + names);
  const { name: target } = readName(incoming, next);
  if (!to || to.isDetached || from.isDetached) return Errno.ESTALE;
  const sourcePath = pathOf(state, from, source);
  const targetPath = pathOf(state, to, target);
  const found = findName(state, from, source);
  if (!found) return Errno.ENOENT;
  const node = from.children?.get(source);
  if (!node) return Errno.ESTALE;
  const isDirectoryMoved = isDirectory(found.stat);
  const sourceGrant = state.judge.write(sourcePath, isDirectoryMoved);
  if (sourceGrant === 'no') return Errno.EACCES;
  const targetGrant = state.judge.write(targetPath, isDirectoryMoved);
  if (targetGrant === 'no') return Errno.EACCES;
  // The content comes under another name, with another name's rights.
  const directory = isDirectoryMoved ? sourcePath : state.table.textOf(from);
  if (state.judge.read(sourcePath, directory) === 'no') return Errno.EACCES;
  const replaced = findName(state, to, target);
  if (replaced && (flags & RENAME_NOREPLACE) !== 0) return Errno.EEXIST;
  const code = checkReplacing(found, replaced);
  if (code !== 0) return code;
  if (replaced && replaced.stat.ino === found.stat.ino && replaced.stat.dev === found.stat.dev)
    return replyDone(incoming, out); // two names of one file: POSIX does nothing
  const isReplacing = (flags & RENAME_NOREPLACE) === 0;
  const step: Move = { from, source, found, node, to, target, replaced, isReplacing };
  const failed = isDirectoryMoved
    ? moveDirectory(state, step, { sourceGrant, targetGrant, sourcePath, targetPath })
    : moveFile(state, step, sourceGrant, targetGrant);
  return failed === 0 ? replyDone(incoming, out) : failed;
}

function checkReplacing(found: FoundName, replaced: FoundName | undefined): number {
  if (!replaced) return 0;
  if (isDirectory(replaced.stat) === isDirectory(found.stat)) return 0;
  return isDirectory(replaced.stat) ? Errno.EISDIR : Errno.ENOTDIR;
}

interface Judged {
  sourceGrant: WriteGrant;
  targetGrant: WriteGrant;
  sourcePath: string;
  targetPath: string;
}

function moveDirectory(state: FilesystemState, step: Move, judged: Judged): number {
  const { node, from, source, to, target, replaced } = step;
  const { sourceGrant, targetGrant, sourcePath, targetPath } = judged;
  if (sourceGrant !== targetGrant) return Errno.EXDEV;
  const over = to.children?.get(target);
  if (replaced && !over) return Errno.ESTALE;
  if (sourceGrant === 'private') {
    // Only what the session made itself moves as a whole: the rest is the host's, and is judged by the host's paths.
    if (node.copy?.kind !== 'directory' || !isPrivateThroughout(state, node.copy, targetPath))
      return Errno.EXDEV;
    if (replaced && over && privateSide(over)?.id === undefined) return Errno.EXDEV;
    const side = over && privateSide(over);
    if (side && side.entries.size > 0) return Errno.ENOTEMPTY;
    begin(state, over);
    const entry = takeEntry(state, from, source);
    if (entry) setEntry(state, to, target, entry);
    return complete(state, step, over);
  }
  if (over && privateSide(over)) return Errno.EXDEV;
  const code = judgeSubtree(state, node, sourcePath, targetPath);
  if (code !== 0) return code;
  begin(state, over);
  renameOnHost(state, step, true);
  if (node.copy) {
    privateSide(from)?.entries.delete(source);
    node.copy = undefined;
  }
  return complete(state, step, over);
}

function moveFile(
  state: FilesystemState,
  step: Move,
  sourceGrant: WriteGrant,
  targetGrant: WriteGrant,
): number {
  const { node, from, source, to, target, found } = step;
  const over = to.children?.get(target);
  const isSpecial = node.copy?.kind === 'content' && sourceGrant === 'host';
  if (sourceGrant === 'host' && targetGrant === 'host' && !isSpecial && !step.replaced?.copy) {
    begin(state, over);
    renameOnHost(state, step, false);
    return complete(state, step, over);
  }
  if (targetGrant === 'private' || isSpecial) {
    begin(state, over);
    moveIntoCopy(state, step, sourceGrant === 'private' || isSpecial);
    return complete(state, step, over);
  }
  // Out of the private copy, or over a name that only the session has.
  begin(state, over);
  const temporary = copyOut(state, node, to);
  renameSync(state.descriptors.place(to, temporary), state.descriptors.place(to, target));
  if (step.replaced?.copy) privateSide(to)?.entries.delete(target);
  if (sourceGrant === 'private' || found.copy) removeEntry(state, from, source);
  else unlinkSync(state.descriptors.place(from, source));
  const stat = state.descriptors.statName(to, target);
  state.descriptors.release(node);
  node.copy = undefined;
  if (stat) state.table.identify(node, stat);
  return complete(state, step, over);
}

/** The source becomes an entry of the private copy; a host file that the guest may write is gone from its old place. */
function moveIntoCopy(state: FilesystemState, step: Move, isPrivateSource: boolean): void {
  const { node, from, source, to, target, found } = step;
  if (isPrivateSource) {
    const content = ownContent(state, node, false);
    takeEntry(state, from, source);
    setEntry(state, to, target, content);
    return;
  }
  const place = state.descriptors.place(from, source);
  const content = state.privates.takeOver(place, found.stat);
  if (content) settle(state, node, content);
  else {
    const copy = copyContent(state, node, found.stat);
    unlinkSync(place);
    settle(state, node, copy);
  }
  const moved = node.copy;
  if (moved) setEntry(state, to, target, moved);
}

/** Holds what is about to be replaced, for as long as the guest has it open. */
function begin(state: FilesystemState, over: Node | undefined): void {
  if (over && !over.aliases) state.descriptors.pin(over);
}

function complete(state: FilesystemState, step: Move, over: Node | undefined): number {
  if (step.replaced) leave(state, over, step.replaced);
  step.from.sentCtimeNs = step.to.sentCtimeNs = step.node.sentCtimeNs = 0n;
  const { node, from, source, to, target } = step;
  state.table.move(node, { parent: from, name: source }, { parent: to, name: target });
  return 0;
}

// Node knows no RENAME_NOREPLACE; `link` and `mkdir` fail by themselves when somebody was faster.
function renameOnHost(state: FilesystemState, step: Move, isDirectoryMoved: boolean): void {
  const source = state.descriptors.place(step.from, step.source);
  const target = state.descriptors.place(step.to, step.target);
  if (step.isReplacing) return renameSync(source, target);
  if (!isDirectoryMoved) {
    linkSync(source, target);
    unlinkSync(source);
    return;
  }
  mkdirSync(target);
  try {
    renameSync(source, target);
  } catch (error) {
    rmdirSync(target);
    throw error;
  }
}
