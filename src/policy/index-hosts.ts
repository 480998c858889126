// Finds the network rules that could match a name or an address: names by their suffixes, addresses by one pass over the
// blocks.
import { type Address, type Block, blockContains, blockWithin } from '../match/address.ts';
import { HOST_NAME, type HostPattern, matchesHost } from '../match/host.ts';
import type { SpecialRange } from '../match/special.ts';

export interface HostIndex<T> {
  /** `denies`: a pattern counts for every name; otherwise the host itself must be named */
  addHost(pattern: HostPattern, value: T, denies: boolean): void;
  /** `denies`: the block counts for every address in it; otherwise one in a special range must be named by a block inside it */
  addBlock(block: Block, value: T, denies: boolean): void;
  findName(name: string, found: (value: T) => void): void;
  findAddress(address: Address, special: SpecialRange | undefined, found: (value: T) => void): void;
}

export function createHostIndex<T>(): HostIndex<T> {
  const exact = new Map<string, T[]>();
  const one = new Map<string, T[]>();
  const many = new Map<string, T[]>();
  const host: T[] = [];
  const blocks: { block: Block; value: T; denies: boolean }[] = [];
  return {
    addHost(pattern, value, denies) {
      if ((denies || pattern.kind === 'exact') && matchesHost(pattern, HOST_NAME)) host.push(value);
      if (pattern.kind === 'exact') append(exact, pattern.name, value);
      else append(pattern.kind === 'one' ? one : many, pattern.base, value);
    },
    addBlock: (block, value, denies) => void blocks.push({ block, value, denies }),
    findName(name, found) {
      if (name === HOST_NAME) {
        host.forEach(found);
        return;
      }
      exact.get(name)?.forEach(found);
      const dot = name.indexOf('.');
      if (dot >= 0) one.get(name.slice(dot + 1))?.forEach(found);
      if (many.size === 0) return;
      for (let at = dot; at >= 0; at = name.indexOf('.', at + 1))
        many.get(name.slice(at + 1))?.forEach(found);
      many.get('')?.forEach(found);
    },
    findAddress(address, special, found) {
      for (const { block, value, denies } of blocks) {
        if (!blockContains(block, address)) continue;
        if (denies || special === undefined || blockWithin(special.block, block)) found(value);
      }
    },
  };
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
