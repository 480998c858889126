// READDIR and READDIRPLUS: the names of a directory that the policy shows, with their attributes sent along.
//
//   entry: [128 bytes of entry, READDIRPLUS only] 0 inode u64 | 8 next place u64 | 16 name length u32 | 20 kind u32 | 24 name, padded to 8

import { ENTRY_BYTES, isExecutable } from './attributes.ts';
import { Errno } from './errno.ts';
import { toText } from './file-name.ts';
import { findName, listNames, statNode } from './found-name.ts';
import { expectArguments, u32, u64, type Incoming } from './incoming.ts';
import { enterNode, isDirectory, isKernels, putEntry, type Operation } from './lookup.ts';
import { joinText, type Node, type FoundName } from './node.ts';
import { bodyAt, finish, putU64, type Outgoing } from './outgoing.ts';
import { Format, MAX_TRANSFER } from './protocol.ts';
import type { FilesystemState } from './state.ts';

const HEADER = 24;

interface Page {
  out: Outgoing;
  at: number;
  end: number;
  isPlus: boolean;
}

export const readDirectory: Operation = (state, incoming, out, node) =>
  readPage(state, incoming, out, node, false);

export const readDirectoryPlus: Operation = (state, incoming, out, node) =>
  readPage(state, incoming, out, node, true);

function readPage(
  state: FilesystemState,
  incoming: Incoming,
  out: Outgoing,
  node: Node,
  isPlus: boolean,
): number {
  expectArguments(incoming, 40);
  if (node.format !== Format.DIRECTORY) return Errno.ENOTDIR;
  if (node.isClosed) return Errno.EACCES;
  if (!state.verdicts.mayRead(node, () => statNode(state, node))) return Errno.EACCES;
  const offset = u64(incoming, 8);
  const start = bodyAt(out);
  const page: Page = {
    out,
    at: start,
    end: start + Math.min(u32(incoming, 16), MAX_TRANSFER),
    isPlus,
  };
  state.watch.names(node);
  const listing = state.listings.open(node, offset, () => ['.', '..', ...listNames(state, node)]);
  const { names } = listing;
  const path = state.table.textOf(node);
  for (let place = offset; place < names.length; place++) {
    const name = names[place];
    if (name === undefined) continue;
    if (page.at + recordBytes(isPlus, name) > page.end) break;
    putName(state, page, node, { name, path: joinText(path, toText(name)), next: place + 1 });
  }
  finish(out, incoming, page.at - start);
  if (isPlus) state.staleListings.listed(node);
  return 0;
}

function recordBytes(isPlus: boolean, name: string): number {
  return (isPlus ? ENTRY_BYTES : 0) + ((HEADER + name.length + 7) & ~7);
}

function putName(
  state: FilesystemState,
  page: Page,
  directory: Node,
  item: { name: string; path: string; next: number },
): void {
  const { name, path, next } = item;
  const isDots = name === '.' || name === '..';
  const found = isDots ? undefined : findName(state, directory, name);
  const stat = isDots
    ? statNode(state, name === '.' ? directory : (directory.parent ?? directory))
    : found?.stat;
  if (!stat) return;
  if (found && isKernels(state, path, found)) return;
  if (!isDots && state.judge.sight(path, isDirectory(stat)) === 'hidden') return;
  const { buffer } = page.out;
  let at = page.at;
  if (page.isPlus) {
    const node = found && enterShown(state, path, found);
    if (node) putEntry(state, buffer, at, node, stat);
    else buffer.fill(0, at, at + ENTRY_BYTES);
    at += ENTRY_BYTES;
  }
  buffer.writeBigUInt64LE(state.attributes.numberOf(stat), at);
  putU64(buffer, next, at + 8);
  buffer.writeUInt32LE(name.length, at + 16);
  buffer.writeUInt32LE((Number(stat.mode) & Format.MASK) >> 12, at + 20);
  buffer.write(name, at + HEADER, 'latin1');
  const end = page.at + recordBytes(page.isPlus, name);
  buffer.fill(0, at + HEADER + name.length, end);
  page.at = end;
}

// A file whose execute bits are withheld gets no node here: the LOOKUP that then comes is what is recorded.
function enterShown(state: FilesystemState, path: string, found: FoundName): Node | undefined {
  const isExecuted = isExecutable(Number(found.stat.mode));
  if (isExecuted && state.verdicts.isWithheld(path, undefined, false)) return undefined;
  return enterNode(state, found);
}
