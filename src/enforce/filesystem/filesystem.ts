// The filesystem server as a function: one request of the guest kernel in, at most one reply out. No socket, no thread.
// Invariant: nothing but a message that no kernel would send leaves here as an exception.

import { lstatSync } from 'node:fs';
import type { Decision } from '../../model/decision.ts';
import type { EffectivePolicy } from '../../model/policy.ts';
import type { Request } from '../../model/request.ts';
import type { Point } from '../point.ts';
import { createAttributeWriter } from './attributes.ts';
import { create, makeDirectory, makeHardLink, makeLink, makeNode } from './create.ts';
import { createDescriptors } from './descriptors.ts';
import { readDirectory, readDirectoryPlus } from './directory.ts';
import { Errno, errnoFor } from './errno.ts';
import { createIncoming, MessageFault, readHeader, type Incoming } from './incoming.ts';
import { initialize } from './initialize.ts';
import { createJudge } from './judge.ts';
import { createListings } from './listing.ts';
import {
  forget,
  forgetMany,
  getAttributes,
  lookup,
  readLink,
  statFilesystem,
  type Operation,
} from './lookup.ts';
import { createNodeTable } from './node.ts';
import { finish, refuse, type Outgoing } from './outgoing.ts';
import { createOwnership, type UidMap } from './ownership.ts';
import { Format, Opcode } from './protocol.ts';
import { createReach } from './reach.ts';
import { read, sync, write } from './read-write.ts';
import { removeDirectory, unlink } from './remove.ts';
import { rename, renameWithFlags } from './rename.ts';
import { setAttributes } from './set-attributes.ts';
import type { FilesystemState } from './state.ts';
import { createVerdicts } from './verdict.ts';

export interface FilesystemOptions {
  policy: EffectivePolicy;
  decide: (request: Request) => Decision;
  point: Point;
  uidMap: UidMap;
  /** who this process is */
  process: { uid: number; gid: number; umask: number };
  limits?: Partial<FilesystemLimits>;
}

export interface FilesystemLimits {
  /** names the guest may know at once */
  nodes: number;
  directories: number;
  files: number;
  /** files open in the guest whose names are gone */
  pins: number;
  /** names in all listings in progress */
  listed: number;
}

const DEFAULT_LIMITS: FilesystemLimits = {
  nodes: 1_000_000,
  directories: 1024,
  files: 512,
  pins: 4096,
  listed: 500_000,
};

export interface Filesystem {
  /** Handles the message at `offset`; throws `MessageFault` when it is none. */
  handle(buffer: Buffer, offset: number, length: number, out: Outgoing): void;
  counts(): FilesystemCounts;
  close(): void;
}

export interface FilesystemCounts {
  requests: number;
  nodes: number;
  descriptors: number;
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
  let requests = 0;

  function handle(buffer: Buffer, offset: number, length: number, out: Outgoing): void {
    requests += 1;
    readHeader(incoming, buffer, offset, length);
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
      requests,
      nodes: state.table.size,
      descriptors: Object.values(state.descriptors.counts()).reduce((sum, count) => sum + count, 0),
    }),
    close: () => state.descriptors.close(),
  };
}

/** What has no node, no reply, or no meaning here. */
function answerOther(state: FilesystemState, incoming: Incoming, out: Outgoing): void {
  switch (incoming.opcode) {
    case Opcode.INIT:
      return initialize(incoming, out);
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

function createState(options: FilesystemOptions): FilesystemState {
  const { policy, decide, point, uidMap, process } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const rootStat = lstatSync('/', { bigint: true });
  const table = createNodeTable({
    root: { dev: rootStat.dev, ino: rootStat.ino, format: Format.DIRECTORY },
    capacity: limits.nodes,
    onForget: (node) => {
      descriptors.release(node);
      listings.drop(node);
    },
  });
  const descriptors = createDescriptors(table.root, limits);
  const listings = createListings(limits.listed);
  const judge = createJudge({
    decide,
    point,
    mode: policy.mode,
    reach: createReach(policy),
    workspace: policy.workspace,
    holdsProtected: () => false,
  });
  const ownership = createOwnership(uidMap, process.uid, process.gid);
  const isShare = (path: string): boolean => path === policy.workspace;
  return {
    table,
    descriptors,
    judge,
    verdicts: createVerdicts(judge, table, uidMap.hostUid),
    attributes: createAttributeWriter(ownership, rootStat.dev),
    ownership,
    listings,
    validity: (node) =>
      node.isShared ? { entry: 750, attributes: 750 } : { entry: 3_600_000, attributes: 3_600_000 },
    isShare,
    mask: process.umask,
  };
}
