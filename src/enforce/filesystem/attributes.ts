// Attributes as the guest gets them: the host's own, so that what programs remember of a file (git's index) stays true,
// but never a set-uid bit, never an owner who is not who he seems, never a way into a device.
//
//   entry: 0 node u64 | 8 generation u64 | 16 entry valid s u64 | 24 attributes valid s u64 | 32 ns u32 | 36 ns u32 | 40 attributes
//   attributes, 88 bytes: ino size blocks atime mtime ctime u64 | atime mtime ctime ns u32 | mode nlink uid gid rdev blksize flags u32

import type { BigIntStats } from 'node:fs';
import { putU64 } from './outgoing.ts';
import type { Ownership } from './ownership.ts';
import { Format } from './protocol.ts';

export const ATTRIBUTES_BYTES = 88;
export const ENTRY_BYTES = 40 + ATTRIBUTES_BYTES;

const SECOND = 1_000_000_000n;
const PERMISSIONS = 0o1777;
const EXECUTE = 0o111;

/** How long the guest may believe a name and its attributes, in ms. */
export interface Validity {
  entry: number;
  attributes: number;
}

export interface AttributeView {
  isShared: boolean;
  /** shown without execute bits */
  isExecutionWithheld: boolean;
}

export interface AttributeWriter {
  put(buffer: Buffer, at: number, stat: BigIntStats, view: AttributeView): void;
  /** Inode number as shown. */
  numberOf(stat: { dev: bigint; ino: bigint }): bigint;
}

export function createAttributeWriter(ownership: Ownership, rootDevice: bigint): AttributeWriter {
  const devices = new Map<bigint, bigint>([[rootDevice, 0n]]);

  // The guest sees one device: inode numbers of others get the device's place in the upper bits.
  function numberOf({ dev, ino }: { dev: bigint; ino: bigint }): bigint {
    let index = devices.get(dev);
    if (index === undefined) {
      index = BigInt(devices.size);
      devices.set(dev, index);
    }
    return index === 0n ? ino : BigInt.asUintN(64, ino ^ (index << 48n));
  }

  function put(buffer: Buffer, at: number, stat: BigIntStats, view: AttributeView): void {
    buffer.writeBigUInt64LE(numberOf(stat), at);
    putU64(buffer, Number(stat.size), at + 8);
    putU64(buffer, Number(stat.blocks), at + 16);
    putTime(buffer, stat.atimeNs, at + 24, at + 48);
    putTime(buffer, stat.mtimeNs, at + 32, at + 52);
    putTime(buffer, stat.ctimeNs, at + 40, at + 56);
    buffer.writeUInt32LE(shownMode(Number(stat.mode), view.isExecutionWithheld), at + 60);
    buffer.writeUInt32LE(Number(stat.nlink), at + 64);
    buffer.writeUInt32LE(ownership.toGuestUid(Number(stat.uid), view.isShared), at + 68);
    buffer.writeUInt32LE(ownership.toGuestGid(Number(stat.gid), view.isShared), at + 72);
    buffer.writeUInt32LE(0, at + 76);
    buffer.writeUInt32LE(4096, at + 80);
    buffer.writeUInt32LE(0, at + 84);
  }

  return { put, numberOf };
}

export function shownMode(mode: number, isExecutionWithheld: boolean): number {
  const format = mode & Format.MASK;
  if (format === Format.BLOCK || format === Format.CHARACTER) return format;
  const shown = format | (mode & PERMISSIONS);
  return isExecutionWithheld && format === Format.FILE ? shown & ~EXECUTE : shown;
}

export function isExecutable(mode: number): boolean {
  return (mode & Format.MASK) === Format.FILE && (mode & EXECUTE) !== 0;
}

function putTime(buffer: Buffer, time: bigint, secondsAt: number, nanosecondsAt: number): void {
  let seconds = time / SECOND;
  let rest = time % SECOND;
  if (rest < 0n) {
    seconds -= 1n;
    rest += SECOND;
  }
  buffer.writeBigInt64LE(seconds, secondsAt);
  buffer.writeUInt32LE(Number(rest), nanosecondsAt);
}

/** Writes `entry_valid`, `attr_valid` and their nanoseconds. */
export function putValidity(buffer: Buffer, at: number, validity: Validity): void {
  putU64(buffer, Math.floor(validity.entry / 1000), at);
  putU64(buffer, Math.floor(validity.attributes / 1000), at + 8);
  buffer.writeUInt32LE((validity.entry % 1000) * 1_000_000, at + 16);
  buffer.writeUInt32LE((validity.attributes % 1000) * 1_000_000, at + 20);
}
