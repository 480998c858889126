// UNLINK and RMDIR. A file that goes while the guest has it open lives on: it is held by a descriptor until it is forgotten.

import { rmdirSync, unlinkSync } from 'node:fs';
import { Errno } from './errno.ts';
import { toText } from './file-name.ts';
import { readName } from './incoming.ts';
import { isDirectory, type Operation } from './lookup.ts';
import { joinText } from './node.ts';
import { finish } from './outgoing.ts';

export const unlink: Operation = (state, incoming, out, parent) => {
  const { name } = readName(incoming, incoming.start);
  const path = joinText(state.table.textOf(parent), toText(name));
  const stat = state.descriptors.statName(parent, name);
  if (!stat) return Errno.ENOENT;
  if (isDirectory(stat)) return Errno.EISDIR;
  if (state.judge.write(path) !== 'host') return Errno.EACCES;
  const node = parent.children?.get(name);
  if (node) state.descriptors.pin(node);
  unlinkSync(state.descriptors.place(parent, name));
  if (node) state.table.detach(node);
  finish(out, incoming, 0);
  return 0;
};

export const removeDirectory: Operation = (state, incoming, out, parent) => {
  const { name } = readName(incoming, incoming.start);
  const path = joinText(state.table.textOf(parent), toText(name));
  const stat = state.descriptors.statName(parent, name);
  if (!stat) return Errno.ENOENT;
  if (!isDirectory(stat)) return Errno.ENOTDIR;
  if (state.judge.write(path) !== 'host') return Errno.EACCES;
  if (state.judge.holdsProtected(path)) return Errno.EACCES;
  const node = parent.children?.get(name);
  if (node) state.descriptors.pin(node);
  rmdirSync(state.descriptors.place(parent, name));
  if (node) state.table.detach(node);
  finish(out, incoming, 0);
  return 0;
};
