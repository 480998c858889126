// Lets the guest remember what it was told for long, and tells it when the host changes something: each shared directory it
// looks into is watched. Invariant: what may be remembered for long is watched, and was looked at after the watch began.
// Where the host cannot watch, names and attributes are believed for less than a second.

import { statfsSync, watch, type BigIntStats, type FSWatcher } from 'node:fs';
import type { Descriptors } from './descriptors.ts';
import { isSame, type Node } from './node.ts';
import { Format } from './protocol.ts';

/** What the guest kernel is told to forget. It may have to wait for a lock that only a reply frees: see `notification.ts`. */
export interface Notifier {
  /** Attributes of a node; its content, too, if they turn out changed. */
  attributes(node: number): void;
  /** What a name leads to. */
  name(directory: number, name: string): void;
  /** The names of a directory. */
  listing(directory: number): void;
}

export interface Watch {
  /** How long names of a directory may be believed; begins to watch it. */
  names(directory: Node): number;
  /** How long a name that is not there may be believed. */
  absence(directory: Node, name: string): number;
  /** How long the attributes of a node with so many names may be believed. */
  attributes(node: Node, links: bigint): number;
  /** A name is there now, and the guest knows. */
  present(directory: Node, name: string): void;
  forget(node: Node): void;
  /** Directories watched now. */
  count(): number;
  close(): void;
}

/** ms */
const LONG = 3_600_000;
const SHORT = 750;
/** How long changes are gathered before they are looked at: a file that is written changes many times. */
const GATHER = 25;
const MAX_WATCHES = 32_768;
/** Absent names remembered, in all directories together. */
const MAX_ABSENT = 262_144;
/** Changes in one gathering from which on some may have been lost by the host kernel. */
const MAX_CHANGES = 8192;
/** Filesystems whose changes from elsewhere nobody reports: NFS, SMB, FUSE, 9P, Ceph, AFS. */
const UNWATCHABLE = new Set([
  0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x65735546, 0x01021997, 0x00c36400, 0x5346414f,
]);

export interface WatchOptions {
  descriptors: Descriptors;
  notifier: Notifier;
  /** called when notifications have been made */
  onNotified: () => void;
}

/** Nothing is watched: for guests that cannot be told. */
export function createUnwatched(): Watch {
  const age = (node: Node): number => (node.isShared ? SHORT : LONG);
  return {
    names: age,
    absence: age,
    attributes: age,
    present: () => undefined,
    forget: () => undefined,
    count: () => 0,
    close: () => undefined,
  };
}

export function createWatch(options: WatchOptions): Watch {
  const { descriptors, notifier } = options;
  const watchers = new Map<Node, FSWatcher>();
  const watchable = new Map<bigint, boolean>();
  const changed = new Map<Node, Set<string>>();
  let changes = 0;
  let timer: NodeJS.Timeout | undefined;
  let isExhausted = false;
  let absences = 0;

  function isWatched(directory: Node): boolean {
    if (directory.copy?.kind === 'directory' && directory.copy.id !== undefined) return true;
    return watchers.has(directory) || begin(directory);
  }

  function begin(directory: Node): boolean {
    if (isExhausted || watchers.size >= MAX_WATCHES || directory.isDetached) return false;
    if (directory.format !== Format.DIRECTORY) return false;
    try {
      const path = descriptors.inodePath(directory);
      if (!isWatchable(directory.dev, path)) return false;
      const watcher = watch(path, { persistent: false, encoding: 'buffer' }, (_event, name) => {
        note(directory, name ? name.toString('latin1') : '');
      });
      watcher.on('error', () => forget(directory));
      watchers.set(directory, watcher);
      return true;
    } catch {
      // The host has no more watches to give: what is not watched is not believed for long.
      isExhausted = true;
      return false;
    }
  }

  function isWatchable(device: bigint, path: string): boolean {
    let known = watchable.get(device);
    if (known === undefined) {
      known = process.platform === 'linux' && !UNWATCHABLE.has(statfsSync(path).type);
      watchable.set(device, known);
    }
    return known;
  }

  function note(directory: Node, name: string): void {
    const names = changed.get(directory);
    if (names) names.add(name);
    else changed.set(directory, new Set([name]));
    changes += 1;
    timer ??= setTimeout(lookAtChanges, GATHER);
  }

  function lookAtChanges(): void {
    timer = undefined;
    const isDoubtful = changes > MAX_CHANGES;
    changes = 0;
    const seen = [...changed];
    changed.clear();
    if (isDoubtful) lookAtAll();
    else
      for (const [directory, names] of seen) {
        for (const name of names) if (name !== '') lookAtName(directory, name);
        lookAtNode(directory);
      }
    options.onNotified();
  }

  function lookAtAll(): void {
    for (const directory of watchers.keys()) {
      for (const name of directory.children?.keys() ?? []) lookAtName(directory, name);
      for (const name of directory.absent ?? []) lookAtName(directory, name);
      lookAtNode(directory);
    }
  }

  function lookAtName(directory: Node, name: string): void {
    if (directory.isDetached || isPrivate(directory, name)) return;
    const node = directory.children?.get(name);
    const wasAbsent = directory.absent?.has(name) === true;
    if (!node && !wasAbsent) return;
    const stat = attempt(() => descriptors.statName(directory, name));
    if (!node) {
      if (!stat) return;
      present(directory, name);
      notifier.name(directory.id, name);
    } else if (!stat || !isSame(node, identityOf(stat))) {
      // Whoever stands in it does not go with it to where it is now: there other rules may hold.
      if (node.format === Format.DIRECTORY) descriptors.releaseTree(node);
      notifier.name(directory.id, name);
    } else if (node.sentCtimeNs !== 0n && node.sentCtimeNs !== stat.ctimeNs) tell(node);
  }

  function lookAtNode(node: Node): void {
    if (node.sentCtimeNs === 0n || node.isDetached) return;
    const stat = attempt(() => descriptors.stat(node));
    if (stat?.ctimeNs !== node.sentCtimeNs) tell(node);
  }

  function present(directory: Node, name: string): void {
    if (directory.absent?.delete(name) === true) absences -= 1;
  }

  function tell(node: Node): void {
    node.sentCtimeNs = 0n;
    notifier.attributes(node.id);
  }

  function forget(node: Node): void {
    absences -= node.absent?.size ?? 0;
    node.absent = undefined;
    watchers.get(node)?.close();
    watchers.delete(node);
    changed.delete(node);
  }

  const names = (directory: Node): number =>
    !directory.isShared || isWatched(directory) ? LONG : SHORT;

  return {
    names,
    absence: (directory, name) => {
      const validity = names(directory);
      if (validity !== LONG || !directory.isShared) return validity;
      const absent = (directory.absent ??= new Set());
      if (absent.has(name)) return LONG;
      if (absences >= MAX_ABSENT) return SHORT;
      absences += 1;
      absent.add(name);
      return LONG;
    },
    attributes: (node, links) => {
      if (!node.isShared) return LONG;
      // A directory's own attributes change with what is in it; a file's are reported where the name lies that was used,
      // so that one with several names is not believed for long.
      if (node.format === Format.DIRECTORY) return watchers.has(node) ? LONG : SHORT;
      return links <= 1n && node.parent && watchers.has(node.parent) ? LONG : SHORT;
    },
    present,
    forget,
    count: () => watchers.size,
    close: () => {
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
    },
  };
}

/** The private copy has the name: what the host does under it is not seen. */
function isPrivate({ copy }: Node, name: string): boolean {
  return copy?.kind === 'directory' && copy.entries.has(name);
}

function identityOf(stat: BigIntStats): { dev: bigint; ino: bigint; format: number } {
  return { dev: stat.dev, ino: stat.ino, format: Number(stat.mode) & Format.MASK };
}

/** What cannot be looked at any more has changed. */
function attempt<T>(look: () => T | undefined): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
