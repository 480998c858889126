// File times to the nanosecond. Node sets times as doubles, a quarter of a microsecond apart at best: the host's file gets the
// nearest earlier one, and the exact value is remembered for as long as the file keeps it.

import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  unlinkSync,
  writeSync,
  type BigIntStats,
} from 'node:fs';

const SECOND = 1_000_000_000n;
const UNITS = 4_194_304;
const MAX_KNOWN = 65_536;

/** The latest time not after `ns` that a double of seconds can say. */
export function toDouble(ns: bigint): number {
  let seconds = ns / SECOND;
  let rest = ns % SECOND;
  if (rest < 0n) {
    seconds -= 1n;
    rest += SECOND;
  }
  return Number(seconds) + Math.floor((Number(rest) * UNITS) / 1e9) / UNITS;
}

interface Exact {
  dev: bigint;
  asked: bigint;
  stored: bigint;
}

export interface Times {
  /** Remembers that `asked` was set, and what the host made of it. */
  remember(stat: BigIntStats, asked: bigint): void;
  /** Puts the exact time into attributes just read. */
  correct(stat: BigIntStats): void;
  /** The host kernel's idea of now, which is what it stamps writes with. */
  now(): bigint;
  close(): void;
}

/** `scratch`: path of a file that may be made and removed to read the clock by. */
export function createTimes(scratch: string): Times {
  const known = new Map<bigint, Exact>();
  let clock = -1;

  function now(): bigint {
    if (clock < 0) {
      clock = openSync(scratch, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, 0o600);
      unlinkSync(scratch);
    }
    writeSync(clock, '.', 0);
    return fstatSync(clock, { bigint: true }).mtimeNs;
  }

  return {
    remember: (stat, asked) => {
      if (stat.mtimeNs === asked) return void known.delete(stat.ino);
      if (known.size >= MAX_KNOWN) known.clear();
      known.set(stat.ino, { dev: stat.dev, asked, stored: stat.mtimeNs });
    },
    correct: (stat) => {
      if (known.size === 0) return;
      const exact = known.get(stat.ino);
      if (exact?.dev === stat.dev && exact.stored === stat.mtimeNs) stat.mtimeNs = exact.asked;
    },
    now,
    close: () => {
      if (clock >= 0) closeSync(clock);
      clock = -1;
    },
  };
}
