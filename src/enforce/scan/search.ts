// Many byte strings looked for at once. Wu and Manber's algorithm ("A fast algorithm for multi-pattern searching", 1994) with
// the window at the end of each pattern: secrets of one kind begin alike and end differently.
// Invariant: linear in the text for patterns that do not repeat themselves; every occurrence is found, overlapping ones too.

/** Index of a pattern, and where the occurrence ends (exclusive). */
export type OnOccurrence = (pattern: number, end: number) => void;

export interface Search {
  /** bytes; 0 without patterns */
  longest: number;
  lengthOf(pattern: number): number;
  /** Every occurrence that ends behind `from`, in the order of their ends. */
  scan(text: Uint8Array, from: number, onOccurrence: OnOccurrence): void;
  /**
   * Where the longest end of `text` begins that could become an occurrence with more bytes, looking from `from` on;
   * `text.length` when there is none.
   */
  openFrom(text: Uint8Array, from: number): number;
}

const TABLE = 0x10000;
/** A longer window would hardly shift further and takes longer to fill. */
const LONGEST_WINDOW = 32;
/** How many bytes of a pattern's beginning lead to it. */
const LEAD = 4;

export function createSearch(patterns: readonly Uint8Array[]): Search {
  if (patterns.length === 0)
    return {
      longest: 0,
      lengthOf: () => 0,
      scan: () => undefined,
      openFrom: (text) => text.length,
    };
  const lengths = patterns.map((pattern) => pattern.length);
  const longest = Math.max(...lengths);
  const window = Math.min(LONGEST_WINDOW, ...lengths);
  const isShort = window < 6;
  const block = isShort ? 2 : 3;
  if (window < block) throw new RangeError('a pattern is too short to be looked for');
  const { shifts, buckets } = buildTables(patterns, window, block);
  return {
    longest,
    lengthOf: (pattern) => lengths[pattern] ?? 0,
    openFrom: createOpenFrom(patterns, longest),
    scan: (text, from, onOccurrence) => {
      const { length } = text;
      let at = Math.max(window - 1, from);
      while (at < length) {
        // Indices lie within the text: at >= window - 1 >= block - 1.
        const last = text[at] as number;
        const before = text[at - 1] as number;
        const hash = isShort
          ? last | (before << 8)
          : (last ^ (before << 5) ^ ((text[at - 2] as number) << 10)) & 0xffff;
        const shift = shifts[hash] as number;
        if (shift > 0) {
          at += shift;
          continue;
        }
        const end = at + 1;
        for (const index of buckets.get(hash) ?? [])
          if (endsWith(text, end, patterns[index] as Uint8Array)) onOccurrence(index, end);
        at = end;
      }
    },
  };
}

/** How far the window may move for each block of bytes at its end, and the patterns that end so where that is nowhere. */
function buildTables(
  patterns: readonly Uint8Array[],
  window: number,
  block: number,
): { shifts: Uint8Array; buckets: Map<number, number[]> } {
  const shifts = new Uint8Array(TABLE).fill(window - block + 1);
  const buckets = new Map<number, number[]>();
  patterns.forEach((pattern, index) => {
    const start = pattern.length - window;
    for (let end = block; end <= window; end++) {
      const hash = hashOf(pattern, start + end - 1, block);
      shifts[hash] = Math.min(shifts[hash] ?? 0, window - end);
      if (end === window) push(buckets, hash, index);
    }
  });
  return { shifts, buckets };
}

/** Of the block that ends with the byte at `at`; the loop of `scan` has it inline. */
function hashOf(bytes: Uint8Array, at: number, block: number): number {
  const [last, before, first] = [bytes[at] ?? 0, bytes[at - 1] ?? 0, bytes[at - 2] ?? 0];
  return block === 2 ? last | (before << 8) : (last ^ (before << 5) ^ (first << 10)) & 0xffff;
}

function endsWith(text: Uint8Array, end: number, pattern: Uint8Array): boolean {
  const start = end - pattern.length;
  if (start < 0) return false;
  for (let at = pattern.length - 1; at >= 0; at--)
    if (text[start + at] !== pattern[at]) return false;
  return true;
}

function createOpenFrom(patterns: readonly Uint8Array[], longest: number): Search['openFrom'] {
  const leads = new Map<number, number[]>();
  const short = new Set<number>();
  /** by their first two bytes: nearly every place is done with after one look */
  const canBegin = new Uint8Array(TABLE);
  patterns.forEach((pattern, index) => {
    canBegin[(pattern[0] ?? 0) | ((pattern[1] ?? 0) << 8)] = 1;
    if (pattern.length > LEAD) push(leads, keyOf(pattern, 0, LEAD), index);
    for (let count = 1; count < LEAD && count < pattern.length; count++)
      short.add(keyOf(pattern, 0, count) * LEAD + count);
  });
  return (text, from) => {
    const { length } = text;
    let at = Math.max(from, length - longest + 1, 0);
    for (; at <= length - LEAD; at++) {
      if (canBegin[(text[at] as number) | ((text[at + 1] as number) << 8)] === 0) continue;
      for (const index of leads.get(keyOf(text, at, LEAD)) ?? [])
        if (beginsRest(text, at, patterns[index] as Uint8Array)) return at;
    }
    for (; at < length; at++)
      if (short.has(keyOf(text, at, length - at) * LEAD + (length - at))) return at;
    return length;
  };
}

function keyOf(bytes: Uint8Array, at: number, count: number): number {
  let key = 0;
  for (let i = 0; i < count; i++) key = key * 256 + (bytes[at + i] ?? 0);
  return key;
}

/** Whether the text from `at` on is a beginning of the pattern, and not all of it. */
function beginsRest(text: Uint8Array, at: number, pattern: Uint8Array): boolean {
  const count = text.length - at;
  if (count >= pattern.length) return false;
  for (let i = LEAD; i < count; i++) if (text[at + i] !== pattern[i]) return false;
  return true;
}

function push(lists: Map<number, number[]>, key: number, value: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
