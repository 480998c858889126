// How many decisions the points of a session have made, over all threads.

export interface Counters {
  /** requests let through by a rule, folded ones included */
  allowed: number;
  /** requests refused */
  denied: number;
  /** denials that audit mode let through */
  audited: number;
}

export interface Tally {
  add(kind: keyof Counters): void;
  read(): Counters;
}

const PLACES = { allowed: 0, denied: 1, audited: 2 } as const;

/** Room for the counters of one session: hand the same buffer to the point of every thread. */
export function createCounters(): SharedArrayBuffer {
  return new SharedArrayBuffer(3 * BigInt64Array.BYTES_PER_ELEMENT);
}

export function createTally(buffer: SharedArrayBuffer = createCounters()): Tally {
  const cells = new BigInt64Array(buffer);
  const read = (place: number): number => Number(Atomics.load(cells, place));
  return {
    add: (kind) => {
      Atomics.add(cells, PLACES[kind], 1n);
    },
    read: () => ({
      allowed: read(PLACES.allowed),
      denied: read(PLACES.denied),
      audited: read(PLACES.audited),
    }),
  };
}
