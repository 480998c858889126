// The filesystem server as a function: one request of the guest kernel in, at most one reply out. No socket, no thread.
// Invariant: nothing but a message that no kernel would send leaves here as an exception.

import { create, makeDirectory, makeLink, makeNode } from './create.ts';
import { readDirectory, readDirectoryPlus } from './directory.ts';
import { Errno, errnoFor } from './errno.ts';
import { createIncoming, MessageFault, readHeader, type Incoming } from './incoming.ts';
import { makeHardLink } from './hard-link.ts';
import {
  forget,
  forgetMany,
  getAttributes,
  lookup,
  readLink,
  statFilesystem,
  type Operation,
} from './lookup.ts';
import { finish, refuse, type Outgoing } from './outgoing.ts';
import { Opcode } from './protocol.ts';
import { read, sync, write } from './read-write.ts';
import { removeDirectory, unlink } from './remove.ts';
import { rename, renameWithFlags } from './rename.ts';
import { setAttributes } from './set-attributes.ts';
import { createState, type FilesystemOptions } from './setup.ts';
import type { FilesystemState } from './state.ts';

export interface Filesystem {
  /** Handles the message at `offset`; throws `MessageFault` when it is none. */
  handle(buffer: Buffer, offset: number, length: number, out: Outgoing): void;
  counts(): FilesystemCounts;
  /** Writes down what the private copy holds, if that has changed. */
  save(): void;
  close(): void;
}

export interface FilesystemCounts {
  /** messages so far, by opcode */
  requests: Record<number, number>;
  nodes: number;
  descriptors: number;
  /** directories of the host watched for changes */
  watches: number;
  /** bytes of `limits.disk` in use */
  disk: number;
}

const OPERATIONS = new Map<number, Operation>([
  [Opcode.LOOKUP, lookup],
  [Opcode.GETATTR, getAttributes],
  [Opcode.SETATTR, setAttributes],
  [Opcode.READLINK, readLink],
  [Opcode.SYMLINK, makeLink],
  [Opcode.MKNOD, makeNode],
  [Opcode.MKDIR, makeDirectory],
  [Opcode.UNLINK, unlink],
  [Opcode.RMDIR, removeDirectory],
  [Opcode.RENAME, rename],
  [Opcode.RENAME2, renameWithFlags],
  [Opcode.LINK, makeHardLink],
  [Opcode.READ, read],
  [Opcode.WRITE, write],
  [Opcode.STATFS, statFilesystem],
  [Opcode.FSYNC, sync],
  [Opcode.FSYNCDIR, sync],
  [Opcode.READDIR, readDirectory],
  [Opcode.READDIRPLUS, readDirectoryPlus],
  [Opcode.CREATE, create],
]);

export function createFilesystem(options: FilesystemOptions): Filesystem {
  const state = createState(options);
  const operations: (Operation | undefined)[] = [];
  for (const [opcode, operation] of OPERATIONS) operations[opcode] = operation;
  const incoming = createIncoming();
  const asked = new Map<number, number>();

  function handle(buffer: Buffer, offset: number, length: number, out: Outgoing): void {
    readHeader(incoming, buffer, offset, length);
    asked.set(incoming.opcode, (asked.get(incoming.opcode) ?? 0) + 1);
    const operation = operations[incoming.opcode];
    const node = operation && state.table.get(incoming.node);
    if (!operation) return answerOther(state, incoming, out);
    const before = out.length;
    let code: number;
    try {
      code = node ? operation(state, incoming, out, node) : Errno.ESTALE;
    } catch (error) {
      if (error instanceof MessageFault) throw error;
      out.length = before;
      code = errnoFor(error);
    }
    if (code !== 0) refuse(out, incoming, code);
  }

  return {
    handle,
    counts: () => ({
      requests: Object.fromEntries(asked),
      nodes: state.table.size,
      watches: state.watch.count(),
      disk: state.budget.used(),
      descriptors: Object.values(state.descriptors.counts()).reduce((sum, count) => sum + count, 0),
    }),
    save: () => state.privates.save(),
    close: () => {
      state.watch.close();
      state.staleListings.close();
      state.privates.save();
      state.descriptors.close();
      state.times.close();
    },
  };
}

/** What has no node, no reply, or no meaning here. */
function answerOther(state: FilesystemState, incoming: Incoming, out: Outgoing): void {
  switch (incoming.opcode) {
    case Opcode.FORGET:
      return forget(state, incoming);
    case Opcode.BATCH_FORGET:
      return forgetMany(state, incoming);
    case Opcode.INTERRUPT:
    case Opcode.NOTIFY_REPLY:
      return;
    case Opcode.DESTROY:
    case Opcode.RELEASE:
    case Opcode.RELEASEDIR:
      return finish(out, incoming, 0);
    default:
      // The guest kernel remembers that and does not ask again.
      return refuse(out, incoming, Errno.ENOSYS);
  }
}
