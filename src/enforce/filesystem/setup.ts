// What a connection starts with: all the parts the operations work on, made from the policy and the limits.

import { lstatSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import type { EffectivePolicy } from '../../model/policy.ts';
import type { Decider } from '../../policy/decide.ts';
import type { Point } from '../point.ts';
import { createAttributeWriter } from './attributes.ts';
import { createDescriptors } from './descriptors.ts';
import { createDiskBudget } from './disk-budget.ts';
import { createJudge } from './judge.ts';
import { createKernelFiles } from './kernel-files.ts';
import { createListings } from './listing.ts';
import { createNodeTable } from './node-table.ts';
import { createNotifier } from './notification.ts';
import type { Outgoing } from './outgoing.ts';
import { createOwnership, type UidMap } from './ownership.ts';
import { createPrivateDirectory } from './private-entry.ts';
import { createPrivateStore } from './private-store.ts';
import { Format } from './protocol.ts';
import { createReach } from './reach.ts';
import { shareBases } from './share.ts';
import type { FilesystemState } from './state.ts';
import { createStaleListings, createUntold } from './stale-listing.ts';
import { createTimes } from './times.ts';
import { createVerdicts } from './verdict.ts';
import { withholdTokens } from './withheld-tokens.ts';
import { createUnwatched, createWatch } from './watch.ts';

export interface FilesystemOptions {
  policy: EffectivePolicy;
  decide: Decider;
  point: Point;
  uidMap: UidMap;
  /** who this process is */
  process: { uid: number; gid: number; umask: number };
  /** where notifications to the guest kernel go, if it can be told; without, it is made to ask again and again */
  notifications?: Notifications;
  /** for the private copy; it need not exist yet */
  privateDirectory: string;
  limits?: Partial<FilesystemLimits>;
}

export interface Notifications {
  /** where the next one is put; room is there */
  out(): Outgoing;
  /** sends what was put */
  send(): void;
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

/** what any system lets a process open */
const LEAST_OPEN = 256;

const DEFAULT_LIMITS: FilesystemLimits = {
  nodes: 1_000_000,
  directories: 1024,
  files: 512,
  pins: 4096,
  listed: 500_000,
};

/** Descriptors this process may have are shared with everything else it does. */
function descriptorLimits(): Partial<FilesystemLimits> {
  const open = openFileLimit();
  const share = (parts: number, most: number): number => Math.min(most, Math.floor(open / parts));
  return {
    directories: share(8, DEFAULT_LIMITS.directories),
    files: share(8, DEFAULT_LIMITS.files),
    pins: share(3, DEFAULT_LIMITS.pins),
  };
}

function openFileLimit(): number {
  try {
    const text = readFileSync('/proc/self/limits', 'latin1');
    return Number(/^Max open files\s+(\d+)/m.exec(text)?.[1] ?? LEAST_OPEN);
  } catch {
    return LEAST_OPEN; // no such file on this system
  }
}

export function createState(options: FilesystemOptions): FilesystemState {
  const { policy, decide, uidMap, process } = options;
  const limits = { ...DEFAULT_LIMITS, ...descriptorLimits(), ...options.limits };
  const rootStat = lstatSync('/', { bigint: true });
  const table = createNodeTable({
    root: { dev: rootStat.dev, ino: rootStat.ino, format: Format.DIRECTORY },
    capacity: limits.nodes,
    onForget: (node) => {
      watch.forget(node);
      descriptors.release(node);
      listings.drop(node);
      if (node.isGone) budget.release(node.ino);
    },
  });
  const privateRoot = createPrivateDirectory(undefined);
  table.root.copy = privateRoot;
  const privates = createPrivateStore(privateRoot, options.privateDirectory);
  const descriptors = createDescriptors(table.root, limits, (id) => privates.place(id));
  const listings = createListings(limits.listed);
  const budget = createDiskBudget(policy.limits.disk);
  const judge = createJudge({
    decide,
    point: options.point,
    mode: policy.mode,
    reach: createReach(policy),
    workspace: policy.workspace,
  });
  const { notifications } = options;
  const notifier = notifications && createNotifier(() => notifications.out());
  const onNotified = (): void => notifications?.send();
  const watch = notifier ? createWatch({ descriptors, notifier, onNotified }) : createUnwatched();
  const ownership = createOwnership(uidMap, process.uid, process.gid);
  const bases = shareBases(policy);
  table.root.isShared = bases.has('/');
  return {
    table,
    descriptors,
    judge,
    verdicts: createVerdicts(judge, table, uidMap.hostUid),
    attributes: createAttributeWriter(ownership, rootStat.dev),
    ownership,
    kernelFiles: createKernelFiles(rootStat.dev),
    listings,
    privates,
    budget,
    times: createTimes(join(tmpdir(), `agent-sandbox-clock-${randomUUID()}`)),
    watch,
    staleListings: notifier ? createStaleListings(notifier, onNotified) : createUntold(),
    isShare: (path) => bases.has(path),
    leadsToShare: (path) => [...bases].some((base) => base.startsWith(`${path}/`)),
    withhold: withholdTokens,
    mask: process.umask,
  };
}
