// Making things on the host. Invariant: what appears there is a file, a directory or a link, carries no set-uid bit, and
// belongs to the host user before anything is in it.

import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  mkdirSync,
  openSync,
  readSync,
  symlinkSync,
  writeSync,
  type BigIntStats,
} from 'node:fs';
import { Errno, Refusal } from './errno.ts';
import { statNode } from './found-name.ts';
import type { Node } from './node.ts';
import { Format } from './protocol.ts';
import type { FilesystemState } from './state.ts';
import { toDouble } from './times.ts';

const NEW_FILE = constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW | constants.O_RDWR;
const OPEN_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const PERMISSIONS = 0o1777;
const COPY_BYTES = 1 << 20;

type Place = string | Buffer;

/** A new empty file, open for reading and writing. */
export function createHostFile(state: FilesystemState, place: Place, mode: number): number {
  const permissions = mode & PERMISSIONS;
  const fd = openSync(place, NEW_FILE, permissions);
  const { ownership } = state;
  if (ownership.mustHandOver) fchownSync(fd, ownership.hostUid, ownership.hostGid);
  // The host process's own mask is not the guest's.
  if ((permissions & state.mask) !== 0) fchmodSync(fd, permissions);
  return fd;
}

export function createHostDirectory(state: FilesystemState, place: Place, mode: number): void {
  const permissions = mode & PERMISSIONS;
  mkdirSync(place, permissions);
  handOver(state, place);
  if ((permissions & state.mask) === 0) return;
  const fd = openSync(place, OPEN_DIRECTORY);
  fchmodSync(fd, permissions);
  closeSync(fd);
}

export function createHostLink(state: FilesystemState, place: Place, target: Buffer): void {
  symlinkSync(target, place);
  handOver(state, place);
}

function handOver({ ownership }: FilesystemState, place: Place): void {
  if (ownership.mustHandOver) lchownSync(place, ownership.hostUid, ownership.hostGid);
}

/** Copies a node, file or link, to a new host file in a directory, under a name nobody uses; returns that name. */
export function copyOut(state: FilesystemState, node: Node, parent: Node): string {
  const stat = statNode(state, node);
  const name = `.agent-sandbox-${process.pid}-${node.id}`;
  const place = state.descriptors.place(parent, name);
  if (node.format === Format.LINK) {
    createHostLink(state, place, state.descriptors.readLink(node));
    return name;
  }
  if (node.format !== Format.FILE) throw new Refusal(Errno.EXDEV);
  state.budget.chargeNew(Number(stat.size));
  const fd = createHostFile(state, place, 0o600);
  try {
    copyData(state.descriptors.data(node, false), fd);
    fchmodSync(fd, Number(stat.mode) & PERMISSIONS);
    setTimesLike(fd, stat);
  } finally {
    closeSync(fd);
  }
  return name;
}

function copyData(from: number, to: number): void {
  const buffer = Buffer.allocUnsafe(COPY_BYTES);
  for (let at = 0; ;) {
    const count = readSync(from, buffer, 0, buffer.length, at);
    if (count === 0) return;
    for (let done = 0; done < count;) done += writeSync(to, buffer, done, count - done, at + done);
    at += count;
  }
}

function setTimesLike(fd: number, stat: BigIntStats): void {
  futimesSync(fd, toDouble(stat.atimeNs), toDouble(stat.mtimeNs));
}
