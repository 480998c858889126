// Address ranges with a meaning of their own. `never`: no policy can allow them. `private`: only a CIDR that lies inside
// the range reaches it, so that a broad block such as 0.0.0.0/0 does not open the inside of a network by accident.
import { type Address, type Block, blockContains, blockWithin, parseBlock } from './address.ts';

export interface SpecialRange {
  block: Block;
  kind: 'never' | 'private';
  /** stable name, used as a rule id in the builtin layer */
  name: string;
  /** what it is, for people */
  what: string;
}

const NEVER: [string, string, string[]][] = [
  ['unspecified', 'the unspecified address', ['0.0.0.0/8', '::/128']],
  ['loopback', "the host's own loopback", ['127.0.0.0/8', '::1/128']],
  [
    'metadata',
    'a cloud metadata service',
    [
      '169.254.169.254/32',
      '169.254.170.2/32',
      '169.254.170.23/32',
      '100.100.100.200/32',
      '168.63.129.16/32',
      '192.0.0.192/32',
      'fd00:ec2::254/128',
      'fd00:ec2::23/128',
      'fd20:ce::254/128',
    ],
  ],
  ['link-local', 'a link-local address', ['169.254.0.0/16', 'fe80::/10']],
  ['synthetic', 'an address the sandbox makes up for names', ['198.18.0.0/15']],
  [
    'multicast',
    'a multicast or broadcast address',
    ['224.0.0.0/4', '255.255.255.255/32', 'ff00::/8'],
  ],
];

const PRIVATE: [string, string, string[]][] = [
  ['private', 'a private address', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']],
  ['shared', 'a carrier-shared address', ['100.64.0.0/10']],
  ['site-local', 'a site-local address', ['fec0::/10']],
  [
    'reserved',
    'a reserved address',
    ['192.0.0.0/24', '240.0.0.0/4', '100::/64', '64:ff9b:1::/48', '2001::/23', '::/96'],
  ],
  [
    'documentation',
    'a documentation address',
    ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32', '3fff::/20'],
  ],
];

export const SPECIAL_RANGES: readonly SpecialRange[] = [
  ...NEVER.flatMap((row) => toRanges('never', row)),
  ...PRIVATE.flatMap((row) => toRanges('private', row)),
];

function toRanges(
  kind: SpecialRange['kind'],
  [name, what, blocks]: [string, string, string[]],
): SpecialRange[] {
  return blocks.map((text) => {
    const block = parseBlock(text);
    if (block === undefined) throw new Error(`not a block: ${text}`);
    return { block, kind, name, what };
  });
}

/** The range an unwrapped address lies in; `never` ranges win over `private` ones. */
export function specialRange(address: Address): SpecialRange | undefined {
  return SPECIAL_RANGES.find((range) => blockContains(range.block, address));
}

/** The special range that a block lies in entirely. */
export function specialRangeOf(block: Block): SpecialRange | undefined {
  return SPECIAL_RANGES.find((range) => blockWithin(range.block, block));
}

/** Names of the special ranges that a block holds without lying in them: it does not reach them. */
export function unreachedBy(block: Block): string[] {
  if (specialRangeOf(block) !== undefined) return [];
  const held = SPECIAL_RANGES.filter((range) => blockWithin(block, range.block));
  return [...new Set(held.map((range) => range.name))];
}
