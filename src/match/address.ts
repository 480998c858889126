// IP addresses and CIDR blocks as four 32-bit words, and the embedded-IPv4 forms by which one address hides in another.

/** Four unsigned words; an IPv4 address stands in the last, with `family` 4. */
export interface Address {
  family: 4 | 6;
  words: readonly [number, number, number, number];
}

export interface Block {
  family: 4 | 6;
  words: readonly [number, number, number, number];
  /** prefix length within the family: 0..32 or 0..128 */
  prefix: number;
}

/** Reads a canonical spelling only: dotted decimal without leading zeros, or IPv6 without brackets and zone. */
export function parseAddress(text: string): Address | undefined {
  if (text.length > 45) return undefined;
  if (!text.includes(':')) {
    const v4 = parseDotted(text);
    return v4 === undefined ? undefined : { family: 4, words: [0, 0, 0, v4] };
  }
  return parseV6(text);
}

function parseDotted(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!match) return undefined;
  let value = 0;
  for (const part of match.slice(1)) {
    const byte = Number(part);
    if (byte > 255 || (part.length > 1 && part.startsWith('0'))) return undefined;
    value = value * 256 + byte;
  }
  return value;
}

function parseV6(text: string): Address | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1] ?? '', true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const g = [...head, ...new Array<number>(halves.length === 2 ? missing : 0).fill(0), ...tail];
  const word = (i: number): number => (g[i] ?? 0) * 0x10000 + (g[i + 1] ?? 0);
  return { family: 6, words: [word(0), word(2), word(4), word(6)] };
}

/** `isEnd`: the address ends here, so the last part may be dotted. */
function groupsOf(text: string, isEnd: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (part.includes('.')) {
      const v4 = isEnd && index === parts.length - 1 ? parseDotted(part) : undefined;
      if (v4 === undefined) return undefined;
      groups.push(Math.floor(v4 / 0x10000), v4 % 0x10000);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

/** Dotted decimal, or the compressed lower-case form of RFC 5952. */
export function formatAddress(address: Address): string {
  const [a, b, c, d] = address.words;
  if (address.family === 4) return [d >>> 24, (d >>> 16) & 255, (d >>> 8) & 255, d & 255].join('.');
  const groups = [a, b, c, d].flatMap((word) => [word >>> 16, word & 0xffff]);
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.start < 0) return hex.join(':');
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`;
}

/** Reads `A/N`, or a bare address as its own block. Undefined unless the bits below the prefix are zero. */
export function parseBlock(text: string): Block | undefined {
  const block = parseLooseBlock(text);
  return block !== undefined && maskBlock(block).words.every((w, i) => w === block.words[i])
    ? block
    : undefined;
}

/** As `parseBlock`, but keeps host bits: for a message that says what was meant. */
export function parseLooseBlock(text: string): Block | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const width = address.family === 4 ? 32 : 128;
  const length = slash < 0 ? String(width) : text.slice(slash + 1);
  if (!/^(?:0|[1-9]\d{0,2})$/.test(length) || Number(length) > width) return undefined;
  return { ...address, prefix: Number(length) };
}

/** The block with its host bits cleared. */
export function maskBlock(block: Block): Block {
  const bits = block.family === 4 ? block.prefix + 96 : block.prefix;
  const word = (i: 0 | 1 | 2 | 3): number => (block.words[i] & maskOf(bits, i)) >>> 0;
  return { ...block, words: [word(0), word(1), word(2), word(3)] };
}

export function formatBlock(block: Block): string {
  return `${formatAddress(block)}/${block.prefix}`;
}

function maskOf(bits: number, word: number): number {
  const here = Math.min(32, Math.max(0, bits - 32 * word));
  return here === 0 ? 0 : (0xffffffff << (32 - here)) >>> 0;
}

export function blockContains(block: Block, address: Address): boolean {
  if (block.family !== address.family) return false;
  const bits = block.family === 4 ? block.prefix + 96 : block.prefix;
  for (let i = 0; i < 4 && bits > 32 * i; i++) {
    const mask = maskOf(bits, i);
    if (((block.words[i] ?? 0) & mask) !== ((address.words[i] ?? 0) & mask)) return false;
  }
  return true;
}

export function blockWithin(outer: Block, inner: Block): boolean {
  return outer.prefix <= inner.prefix && blockContains(outer, inner);
}

/**
 * The IPv4 address that an IPv6 address stands for (v4-mapped, v4-compatible, translated, NAT64, 6to4), or the address
 * itself. Invariant: judging always happens on the unwrapped address, so no spelling reaches what its IPv4 form may not.
 */
export function unwrapAddress(address: Address): Address {
  if (address.family === 4) return address;
  const [a, b, c, d] = address.words;
  const v4 = (value: number): Address => ({ family: 4, words: [0, 0, 0, value >>> 0] });
  if (a === 0 && b === 0 && c === 0xffff) return v4(d); // ::ffff:0:0/96
  if (a === 0 && b === 0 && c === 0 && d > 0xffff) return v4(d); // ::/96, but for :: and ::1 and their like
  if (a === 0 && b === 0 && c === 0xffff0000) return v4(d); // ::ffff:0:0:0/96
  if (a === 0x64ff9b && b === 0 && c === 0) return v4(d); // 64:ff9b::/96
  if (a >>> 16 === 0x2002) return v4(((a & 0xffff) << 16) | (b >>> 16)); // 2002::/16
  return address;
}
