// RENAME. Both names are judged, and what they hold: a directory with a protected path in it stays where it is.

import { linkSync, mkdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { Errno } from './errno.ts';
import { toText } from './file-name.ts';
import { expectArguments, readName, u32, u64, type Incoming } from './incoming.ts';
import { isDirectory, type Operation } from './lookup.ts';
import { joinText, type Node } from './node.ts';
import { finish, type Outgoing } from './outgoing.ts';
import { Format, MAX_NAME, RENAME_NOREPLACE } from './protocol.ts';
import type { FilesystemState } from './state.ts';

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

function move(
  state: FilesystemState,
  incoming: Incoming,
  out: Outgoing,
  from: Node,
  { flags, names }: { flags: number; names: number },
): number {
  const to = state.table.get(u64(incoming, 0));
  if (!to) return Errno.ESTALE;
  const { name: source, next } = readName(incoming, incoming.start + names);
  const { name: target } = readName(incoming, next);
  if (source.length > MAX_NAME || target.length > MAX_NAME) return Errno.ENAMETOOLONG;
  const code = judge(state, from, source, to, target);
  if (code !== 0) return code;
  const replaced = to.children?.get(target);
  const moved = from.children?.get(source);
  if (replaced && replaced !== moved) state.descriptors.pin(replaced);
  const places = {
    source: state.descriptors.place(from, source),
    target: state.descriptors.place(to, target),
  };
  if ((flags & RENAME_NOREPLACE) === 0) renameSync(places.source, places.target);
  else renameOntoNothing(places, moved?.format === Format.DIRECTORY);
  if (replaced && replaced !== moved) state.table.detach(replaced);
  if (moved) state.table.move(moved, to, target);
  finish(out, incoming, 0);
  return 0;
}

function judge(
  state: FilesystemState,
  from: Node,
  source: string,
  to: Node,
  target: string,
): number {
  const stat = state.descriptors.statName(from, source);
  if (!stat) return Errno.ENOENT;
  const sourcePath = joinText(state.table.textOf(from), toText(source));
  const targetPath = joinText(state.table.textOf(to), toText(target));
  if (state.judge.write(sourcePath) !== 'host') return Errno.EACCES;
  if (state.judge.write(targetPath) !== 'host') return Errno.EACCES;
  // The content comes under another name, with another name's rights.
  if (state.judge.read(sourcePath, state.table.textOf(from)) === 'no') return Errno.EACCES;
  if (isDirectory(stat) && state.judge.holdsProtected(sourcePath)) return Errno.EACCES;
  return 0;
}

// Node knows no RENAME_NOREPLACE; these two fail by themselves when the target is there.
function renameOntoNothing(
  { source, target }: { source: string | Buffer; target: string | Buffer },
  isDirectoryMoved: boolean,
): void {
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
