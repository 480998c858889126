// How much a session may put on the disk (`limits.disk`), over the shares and its private copy. What it removes again it may
// use again; what it only cuts off by unlinking an open file counts until the file is closed.

import { Errno, Refusal } from './errno.ts';

/** What a name costs by itself: files without content fill a disk, too. */
export const NAME_COST = 4096;
/** Files whose share of the sum is remembered. */
const MAX_KNOWN = 262_144;

export interface DiskBudget {
  /** A new file or directory that will be `bytes` large. Throws ENOSPC. */
  chargeNew(bytes: number): void;
  /** A file grows by `bytes`. Throws ENOSPC. */
  charge(ino: bigint, bytes: number): void;
  /** A file shrinks by `bytes`. */
  refund(ino: bigint, bytes: number): void;
  /** What a file that is gone cost; it no longer counts. */
  release(ino: bigint): void;
  /** A new file's inode is known now: its name's cost goes with it. */
  attribute(ino: bigint, bytes: number): void;
  /** grows whenever a file got shorter: what a writer knew of any file's end may be wrong from then on */
  readonly refunds: number;
  used(): number;
  /** Infinity without a limit. */
  left(): number;
}

export function createDiskBudget(limit: number | undefined): DiskBudget {
  const known = new Map<bigint, number>();
  let used = 0;
  let refunds = 0;

  function spend(bytes: number): void {
    if (limit !== undefined && used + bytes > limit) throw new Refusal(Errno.ENOSPC);
    used += bytes;
  }

  function attribute(ino: bigint, bytes: number): void {
    const before = known.get(ino);
    if (before === undefined && known.size >= MAX_KNOWN) return;
    known.set(ino, (before ?? 0) + bytes);
  }

  return {
    chargeNew: (bytes) => spend(bytes + NAME_COST),
    charge: (ino, bytes) => {
      if (bytes <= 0) return;
      spend(bytes);
      attribute(ino, bytes);
    },
    refund: (ino, bytes) => {
      refunds += 1;
      const spent = known.get(ino) ?? 0;
      const back = Math.min(spent, bytes);
      if (back <= 0) return;
      used -= back;
      known.set(ino, spent - back);
    },
    release: (ino) => {
      used -= known.get(ino) ?? 0;
      known.delete(ino);
    },
    attribute,
    get refunds() {
      return refunds;
    },
    used: () => used,
    left: () => (limit === undefined ? Infinity : Math.max(0, limit - used)),
  };
}
