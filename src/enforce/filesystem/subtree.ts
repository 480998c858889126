// Whether a directory may be moved with all that is in it: every path below is judged where it is and where it would be, since
// a rule that speaks of a path says nothing of the same file under another.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Errno } from './errno.ts';
import { toPath, toText } from './file-name.ts';
import { privateSide } from './found-name.ts';
import { joinText, type Node } from './node.ts';
import { hasHostSide, type PrivateDirectory } from './private-entry.ts';
import type { FilesystemState } from './state.ts';

/** Entries looked at before the move is left to the guest to do file by file. */
const MAX_ENTRIES = 50_000;
const MAX_DEPTH = 256;

interface Walk {
  state: FilesystemState;
  left: number;
}

/** 0, or the error to answer with: EACCES (recorded) or EXDEV, upon which programs copy, and each copy is judged. */
export function judgeSubtree(
  state: FilesystemState,
  node: Node,
  source: string,
  target: string,
): number {
  const walk = { state, left: MAX_ENTRIES };
  const place = state.descriptors.inodePath(node);
  const code = judgeBelow(walk, place, source, target, 0);
  if (code !== 0) return code;
  const side = privateSide(node);
  return side ? judgeCopied(state, side, source, target) : 0;
}

/** What the private copy holds below a host directory stays there; the rest of it could be copied one by one. */
function judgeCopied(
  state: FilesystemState,
  side: PrivateDirectory,
  source: string,
  target: string,
): number {
  for (const [name, entry] of side.entries) {
    if (entry.kind === 'gap') continue;
    const from = joinText(source, toText(name));
    const to = joinText(target, toText(name));
    const isDirectory = entry.kind === 'directory';
    const code = judgeEntry(state, from, to, isDirectory);
    if (code !== 0) return code;
    if (!isDirectory) return Errno.EXDEV;
    const below = judgeCopied(state, entry, from, to);
    if (below !== 0) return below;
  }
  return 0;
}

function judgeBelow(
  walk: Walk,
  place: string,
  source: string,
  target: string,
  depth: number,
): number {
  if (depth > MAX_DEPTH) return Errno.EXDEV;
  for (const entry of readdirSync(toPath(place), { encoding: 'latin1', withFileTypes: true })) {
    if (--walk.left < 0) return Errno.EXDEV;
    const name = toText(entry.name);
    const from = joinText(source, name);
    const to = joinText(target, name);
    const isDirectory = entry.isDirectory();
    const code = judgeEntry(walk.state, from, to, isDirectory);
    if (code !== 0) return code;
    if (!isDirectory) continue;
    const below = judgeBelow(walk, join(place, entry.name), from, to, depth + 1);
    if (below !== 0) return below;
  }
  return 0;
}

function judgeEntry(
  { judge }: FilesystemState,
  from: string,
  to: string,
  isDirectory: boolean,
): number {
  const isHeld =
    judge.writeGrant(from, isDirectory) !== 'host' || judge.sight(from, isDirectory) !== 'open';
  if (isHeld && !judge.mayMoveHolding(from, isDirectory)) return Errno.EACCES;
  const target = judge.writeGrant(to, isDirectory);
  if (target === 'private') return Errno.EXDEV;
  return target === 'no' && !judge.mayMoveHolding(to, isDirectory) ? Errno.EACCES : 0;
}

/** Whether a directory is the session's own with all below it, and would be private at its new place, too. */
export function isPrivateThroughout(
  state: FilesystemState,
  directory: PrivateDirectory,
  target: string,
): boolean {
  if (hasHostSide(directory)) return false;
  for (const [name, entry] of directory.entries) {
    const path = joinText(target, toText(name));
    const isDirectory = entry.kind === 'directory';
    if (state.judge.writeGrant(path, isDirectory) !== 'private') return false;
    if (isDirectory && !isPrivateThroughout(state, entry, path)) return false;
  }
  return true;
}
