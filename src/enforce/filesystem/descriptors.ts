// Open descriptors by node, a bounded number of them. Node has no openat: a name is opened through its directory's
// descriptor (`/proc/self/fd/N/NAME`) and never followed, so no link that anyone plants on the host leads elsewhere.
// Invariant: what is opened again is the same device and inode as before, or ESTALE.

import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readlinkSync,
  type BigIntStats,
} from 'node:fs';
import { errnoOf } from '../../model/error.ts';
import { Errno, Refusal } from './errno.ts';
import { toPath } from './file-name.ts';
import type { Node } from './node.ts';
import { Format } from './protocol.ts';
import { createRecency } from './recency.ts';

const O_PATH = process.platform === 'linux' ? 0o10000000 : 0;
const OPEN_DIRECTORY = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const OPEN_DATA = constants.O_NOFOLLOW | constants.O_NONBLOCK;
const BIG = { bigint: true, throwIfNoEntry: false } as const;

export interface DescriptorLimits {
  directories: number;
  files: number;
  pins: number;
}

export interface Descriptors {
  /** Path of a name in a directory, good for one call right now. */
  place(directory: Node, name: string): string | Buffer;
  /** Path of a node itself; links in it are not to be followed. */
  placeOf(node: Node): string | Buffer;
  /** Path that leads to the very inode, following allowed: for `chmod` and the like. */
  inodePath(node: Node): string;
  stat(node: Node): BigIntStats;
  readLink(node: Node): Buffer;
  /** Attributes of a name in a directory; undefined when there is none. */
  statName(directory: Node, name: string): BigIntStats | undefined;
  /** A descriptor of a regular file's data. */
  data(node: Node, forWriting: boolean): number;
  /** Brings a directory's names to the disk. */
  syncDirectory(node: Node): void;
  /** Takes over a descriptor just opened for reading and writing. */
  adopt(node: Node, fd: number): void;
  /** Holds the file of a node whose name is about to go. */
  pin(node: Node): void;
  /** Closes all of a node's descriptors. */
  release(node: Node): void;
  /** Closes the descriptors of a directory and of all below it: they are opened by their path again, if they still have it. */
  releaseTree(node: Node): void;
  /** Closes the data descriptor, so that the next use opens the node's content where it lies then. */
  releaseData(node: Node): void;
  counts(): { directories: number; files: number; pins: number };
  close(): void;
}

export function createDescriptors(
  root: Node,
  limits: DescriptorLimits,
  privatePlace: (id: number) => string,
): Descriptors {
  const hasProc = process.platform === 'linux';
  root.directoryFd = openSync('/', OPEN_DIRECTORY);
  const directories = createRecency<Node>(limits.directories, closeDirectory);
  const files = createRecency<Node>(limits.files, closeData);
  const pins = createRecency<Node>(limits.pins, closePin);

  function directoryPlace(node: Node): string {
    if (!hasProc) return node === root ? '' : `${directoryPlace(parentOf(node))}/${node.name}`;
    return descriptorPath(openDirectory(node));
  }

  function openDirectory(node: Node): number {
    if (node.directoryFd >= 0) {
      if (node !== root) directories.touch(node);
      return node.directoryFd;
    }
    const fd = openVerified(node, OPEN_DIRECTORY);
    node.directoryFd = fd;
    directories.add(node);
    return fd;
  }

  function place(directory: Node, name: string): string | Buffer {
    if (directory.format !== Format.DIRECTORY) throw new Refusal(Errno.ENOTDIR);
    return toPath(`${directoryPlace(directory)}/${name}`);
  }

  function placeOf(node: Node): string | Buffer {
    if (node.pinFd >= 0) return descriptorPath(node.pinFd);
    return namePlace(node);
  }

  function namePlace(node: Node): string | Buffer {
    if (node === root) return '/';
    if (node.copy?.id !== undefined) return privatePlace(node.copy.id);
    return place(parentOf(node), node.name);
  }

  function inodePath(node: Node): string {
    if (node.pinFd >= 0) return descriptorPath(node.pinFd);
    if (node.format === Format.DIRECTORY) return directoryPlace(node) || '/';
    if (node.dataFd >= 0) return descriptorPath(node.dataFd);
    pin(node);
    return descriptorPath(node.pinFd);
  }

  function openVerified(node: Node, flags: number): number {
    const fd = openSync(placeOf(node), node.pinFd >= 0 ? flags & ~constants.O_NOFOLLOW : flags);
    const stat = fstatSync(fd, BIG);
    if (stat.ino === node.ino && stat.dev === node.dev) return fd;
    closeSync(fd);
    throw new Refusal(Errno.ESTALE);
  }

  function stat(node: Node): BigIntStats {
    if (node.pinFd >= 0) return fstatSync(node.pinFd, BIG);
    if (node.dataFd >= 0) return fstatSync(node.dataFd, BIG);
    if (node.directoryFd >= 0) return fstatSync(node.directoryFd, BIG);
    const found = lstatSync(placeOf(node), BIG);
    if (found?.ino === node.ino && found.dev === node.dev) return found;
    throw new Refusal(Errno.ESTALE);
  }

  function data(node: Node, forWriting: boolean): number {
    if (node.dataFd >= 0 && (!forWriting || node.isDataWritable)) {
      files.touch(node);
      return node.dataFd;
    }
    if (node.format === Format.DIRECTORY) throw new Refusal(Errno.EISDIR);
    if (node.format !== Format.FILE) throw new Refusal(Errno.EINVAL);
    const access = forWriting ? constants.O_RDWR : constants.O_RDONLY;
    const fd = openVerified(node, OPEN_DATA | access);
    if (node.dataFd >= 0) files.remove(node);
    setData(node, fd, forWriting);
    return fd;
  }

  function setData(node: Node, fd: number, isWritable: boolean): void {
    node.dataFd = fd;
    node.isDataWritable = isWritable;
    files.add(node);
  }

  function pin(node: Node): void {
    if (node.pinFd >= 0) return;
    const flags = node.format === Format.DIRECTORY ? OPEN_DIRECTORY : O_PATH | constants.O_NOFOLLOW;
    node.pinFd = openVerified(node, flags);
    pins.add(node);
  }

  return {
    place,
    placeOf,
    inodePath,
    stat,
    statName: (directory, name) => lstatSync(place(directory, name), BIG),
    data,
    // A link whose name is gone cannot be read: its descriptor's path names the link, not its target.
    readLink: (node) => readlinkSync(namePlace(node), 'buffer'),
    syncDirectory: (node) => {
      const fd = openSync(inodePath(node), constants.O_RDONLY | constants.O_DIRECTORY);
      try {
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    },
    adopt: (node, fd) => {
      if (node.dataFd >= 0) files.remove(node);
      setData(node, fd, true);
    },
    pin,
    release: (node) => {
      directories.remove(node);
      files.remove(node);
      pins.remove(node);
    },
    releaseTree: (node) => {
      const left = [node];
      for (let next = left.pop(); next; next = left.pop()) {
        directories.remove(next);
        for (const child of next.children?.values() ?? [])
          if (child.format === Format.DIRECTORY) left.push(child);
      }
    },
    releaseData: (node) => files.remove(node),
    counts: () => ({ directories: directories.size(), files: files.size(), pins: pins.size() }),
    close: () => {
      directories.clear();
      files.clear();
      pins.clear();
      closeQuietly(root.directoryFd);
      root.directoryFd = -1;
    },
  };
}

/** A path that leads to the open file itself, wherever its name is by now. */
export function descriptorPath(fd: number): string {
  return process.platform === 'linux' ? `/proc/self/fd/${fd}` : `/dev/fd/${fd}`;
}

function parentOf(node: Node): Node {
  if (!node.parent || node.isDetached) throw new Refusal(Errno.ESTALE);
  return node.parent;
}

function closeDirectory(node: Node): void {
  closeQuietly(node.directoryFd);
  node.directoryFd = -1;
}

function closeData(node: Node): void {
  closeQuietly(node.dataFd);
  node.dataFd = -1;
  node.isDataWritable = false;
}

function closePin(node: Node): void {
  closeQuietly(node.pinFd);
  node.pinFd = -1;
}

function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch (error) {
    // A write error reported only now was acknowledged to nobody's fsync; the descriptor is closed all the same.
    if (errnoOf(error) === 'EBADF') throw error;
  }
}
