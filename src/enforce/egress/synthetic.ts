// The addresses that stand for names in the guest: 198.18.0.0/15, handed out once per name and session.
// Invariant: an address means one name for the whole session, and one that was never handed out means none.

import { HOST_NAME } from '../../match/host.ts';

const FIRST_OCTET = 198;
const SECOND_OCTET = 18;
const TOTAL = 2 ** 17;
/** 198.18.0.0 is the network itself; the next two have a meaning of their own */
const RESERVED = 3;

/** Where the guest finds the proxy; it stands for no name outside. */
export const PROXY_ADDRESS = '198.18.0.1';
/** Where the guest finds what listens on the host's loopback, if a rule lets it. */
export const HOST_ADDRESS = '198.18.0.2';

export interface SyntheticAddresses {
  /** the address of a name, made up if need be; undefined when all are taken */
  addressOf(name: string): string | undefined;
  nameOf(address: string): string | undefined;
}

export function createSyntheticAddresses(capacity = TOTAL - RESERVED): SyntheticAddresses {
  const names: string[] = [];
  const places = new Map<string, number>();
  const room = Math.min(capacity, TOTAL - RESERVED);
  return {
    addressOf(name) {
      if (name === HOST_NAME) return HOST_ADDRESS;
      const known = places.get(name);
      if (known !== undefined) return format(known);
      if (names.length >= room) return undefined;
      const place = names.push(name) - 1;
      places.set(name, place);
      return format(place);
    },
    nameOf: (address) => {
      if (address === HOST_ADDRESS) return HOST_NAME;
      const place = placeOf(address);
      return place === undefined ? undefined : names[place];
    },
  };
}

/** True for every canonical IPv4 text in 198.18.0.0/15, handed out or not. */
export function isSynthetic(address: string): boolean {
  return /^198\.1[89]\.\d{1,3}\.\d{1,3}$/.test(address);
}

function format(place: number): string {
  const number = place + RESERVED;
  return `${FIRST_OCTET}.${SECOND_OCTET + (number >>> 16)}.${(number >>> 8) & 255}.${number & 255}`;
}

function placeOf(address: string): number | undefined {
  if (!isSynthetic(address)) return undefined;
  const [, second = 0, third = 0, fourth = 0] = address.split('.').map(Number);
  const number = ((second - SECOND_OCTET) << 16) | (third << 8) | fourth;
  return number < RESERVED ? undefined : number - RESERVED;
}
