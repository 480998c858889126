// What a name in a directory is, host and private copy laid over each other.

import { readdirSync, type BigIntStats } from 'node:fs';
import { Errno, Refusal } from './errno.ts';
import { toText } from './file-name.ts';
import { joinText, type FoundName, type Node } from './node.ts';
import {
  createPrivateDirectory,
  hasHostSide,
  type PrivateContent,
  type PrivateDirectory,
  type PrivateEntry,
} from './private-entry.ts';
import { Format, MAX_NAME } from './protocol.ts';
import type { FilesystemState } from './state.ts';

/** Longest path judged, in characters: deeper trees than that serve only to exhaust this process. */
const MAX_PATH = 8192;

/** The judged path of a name in a directory. */
export function pathOf(state: FilesystemState, parent: Node, name: string): string {
  if (name.length > MAX_NAME) throw new Refusal(Errno.ENAMETOOLONG);
  const path = joinText(state.table.textOf(parent), toText(name));
  if (path.length > MAX_PATH) throw new Refusal(Errno.ENAMETOOLONG);
  return path;
}

/** The private copy's side of a directory, if it has one. */
export function privateSide(directory: Node): PrivateDirectory | undefined {
  return directory.copy?.kind === 'directory' ? directory.copy : undefined;
}

/** The private copy's side of a directory, made if need be. */
export function ensurePrivateSide(directory: Node): PrivateDirectory {
  if (directory.copy?.kind === 'directory') return directory.copy;
  if (!directory.parent || directory.isDetached) throw new Refusal(Errno.ENOENT);
  const side = createPrivateDirectory(undefined);
  ensurePrivateSide(directory.parent).entries.set(directory.name, side);
  directory.copy = side;
  return side;
}

export function findName(
  state: FilesystemState,
  parent: Node,
  name: string,
): FoundName | undefined {
  const side = privateSide(parent);
  const entry = side?.entries.get(name);
  if (entry) return findPrivate(state, parent, name, entry);
  if (side && !hasHostSide(side)) return undefined;
  const stat = state.descriptors.statName(parent, name);
  if (!stat) return undefined;
  state.times.correct(stat);
  return state.withhold(state, { parent, name, stat, copy: undefined });
}

function findPrivate(
  state: FilesystemState,
  parent: Node,
  name: string,
  entry: PrivateEntry,
): FoundName | undefined {
  if (entry.kind === 'gap') return undefined;
  if (entry.kind === 'content' || entry.id !== undefined)
    return { parent, name, stat: statCopy(state, entry), copy: entry };
  const stat = state.descriptors.statName(parent, name);
  // The host took the directory away, and with it what stood over it.
  if (!stat || (Number(stat.mode) & Format.MASK) !== Format.DIRECTORY) return undefined;
  return { parent, name, stat: overlaid(stat, entry), copy: entry };
}

/** Attributes of what lies in the private copy. */
export function statCopy(
  state: FilesystemState,
  copy: PrivateContent | PrivateDirectory,
): BigIntStats {
  const stat = state.privates.stat(copy.id ?? 0);
  state.times.correct(stat);
  stat.uid = BigInt(state.ownership.hostUid);
  stat.gid = BigInt(state.ownership.hostGid);
  if (copy.kind === 'directory') return overlaid(stat, copy);
  stat.mode = BigInt(copy.format | copy.mode);
  stat.nlink = BigInt(copy.links);
  return stat;
}

/** Attributes of a directory with what the private copy knows better. */
export function overlaid(stat: BigIntStats, side: PrivateDirectory): BigIntStats {
  if (side.mode !== undefined) stat.mode = (stat.mode & BigInt(Format.MASK)) | BigInt(side.mode);
  if (side.mtimeNs === undefined) return stat;
  stat.mtimeNs = side.mtimeNs;
  if (side.mtimeNs > stat.ctimeNs) stat.ctimeNs = side.mtimeNs;
  return stat;
}

export function statNode(state: FilesystemState, node: Node): BigIntStats {
  const { copy } = node;
  if (copy?.kind === 'content') return statContent(state, node, copy);
  if (copy?.id !== undefined) return statCopy(state, copy);
  const stat = state.descriptors.stat(node);
  state.times.correct(stat);
  return copy ? overlaid(stat, copy) : stat;
}

function statContent(state: FilesystemState, node: Node, copy: PrivateContent): BigIntStats {
  if (copy.links > 0) return statCopy(state, copy);
  const stat = state.descriptors.stat(node);
  stat.uid = BigInt(state.ownership.hostUid);
  stat.gid = BigInt(state.ownership.hostGid);
  stat.mode = BigInt(copy.format | copy.mode);
  stat.nlink = 0n;
  return stat;
}

/** All names of a directory, hidden ones included. */
export function listNames(state: FilesystemState, directory: Node): string[] {
  const side = privateSide(directory);
  if (!side) return listHost(state, directory);
  const names = hasHostSide(side)
    ? listHost(state, directory).filter((name) => !side.entries.has(name))
    : [];
  for (const [name, entry] of side.entries)
    if (entry.kind !== 'gap' && findPrivate(state, directory, name, entry)) names.push(name);
  return names;
}

function listHost(state: FilesystemState, directory: Node): string[] {
  return readdirSync(state.descriptors.inodePath(directory), { encoding: 'latin1' });
}
