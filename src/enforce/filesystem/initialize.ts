// INIT: what this server can do, within what the guest kernel offers.

import { Errno } from './errno.ts';
import { expectArguments, u32, type Incoming } from './incoming.ts';
import { bodyAt, finish, refuse, type Outgoing } from './outgoing.ts';
import { InitFlag, MAX_TRANSFER } from './protocol.ts';

const MAJOR = 7;
const MINOR = 31;
const OLDEST_MINOR = 31;
const PAGE = 4096;
const REPLY_BYTES = 64;

/**
 * No POSIX or flock locks: the guest kernel keeps them itself. No writeback cache: what the host changes must be seen, and
 * what the guest writes must be on the host.
 */
const WANTED =
  InitFlag.ASYNC_READ |
  InitFlag.BIG_WRITES |
  InitFlag.AUTO_INVAL_DATA |
  InitFlag.DO_READDIRPLUS |
  InitFlag.ASYNC_DIO |
  InitFlag.NO_OPEN_SUPPORT |
  InitFlag.PARALLEL_DIROPS |
  InitFlag.MAX_PAGES |
  InitFlag.CACHE_SYMLINKS |
  InitFlag.NO_OPENDIR_SUPPORT |
  InitFlag.HANDLE_KILLPRIV_V2;

export function initialize(incoming: Incoming, out: Outgoing): void {
  expectArguments(incoming, 16);
  const [major, minor, readAhead, offered] = [0, 4, 8, 12].map((at) => u32(incoming, at));
  if (major !== MAJOR || minor === undefined || minor < OLDEST_MINOR)
    return refuse(out, incoming, Errno.EINVAL);
  const at = bodyAt(out);
  const { buffer } = out;
  buffer.fill(0, at, at + REPLY_BYTES);
  buffer.writeUInt32LE(MAJOR, at);
  buffer.writeUInt32LE(MINOR, at + 4);
  buffer.writeUInt32LE(Math.min(readAhead ?? 0, MAX_TRANSFER), at + 8);
  buffer.writeUInt32LE(((offered ?? 0) & WANTED) >>> 0, at + 12);
  buffer.writeUInt16LE(64, at + 16); // requests in the background
  buffer.writeUInt16LE(48, at + 18); // of those, when to slow down
  buffer.writeUInt32LE(MAX_TRANSFER, at + 20);
  buffer.writeUInt32LE(1, at + 24); // time granularity, ns
  buffer.writeUInt16LE(MAX_TRANSFER / PAGE, at + 28);
  finish(out, incoming, REPLY_BYTES);
}
