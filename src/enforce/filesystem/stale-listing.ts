// Spares the guest a question for each file it has read. After a READ its kernel believes the file's access time no more
// (Linux fs/fuse, fuse_invalidate_atime; no mount option of a writable filesystem turns that off), and asks for the
// attributes when a program next looks at them. A listing brings the attributes of a directory's files in a few replies;
// but the kernel keeps listings, and would not ask for another. So it is told to forget that of a directory in which it reads.

import type { Node } from './node.ts';
import type { Notifier } from './watch.ts';

export interface StaleListings {
  /** The guest was sent names of the directory with their attributes. */
  listed(directory: Node): void;
  /** The guest was sent content of the file. */
  read(file: Node): void;
  close(): void;
}

/** ms; what is read of a directory is mostly read together */
const GATHER = 25;

/** For guests that cannot be told. */
export function createUntold(): StaleListings {
  return { listed: () => undefined, read: () => undefined, close: () => undefined };
}

/** `onNotified` is called when notifications have been made. */
export function createStaleListings(notifier: Notifier, onNotified: () => void): StaleListings {
  const stale = new Set<number>();
  let timer: NodeJS.Timeout | undefined;

  function tell(): void {
    timer = undefined;
    for (const directory of stale) notifier.listing(directory);
    stale.clear();
    onNotified();
  }

  return {
    listed: (directory) => {
      directory.isListed = true;
    },
    read: ({ parent }) => {
      if (parent?.isListed !== true) return;
      parent.isListed = false;
      stale.add(parent.id);
      timer ??= setTimeout(tell, GATHER);
    },
    close: () => clearTimeout(timer),
  };
}
