// The one spelling of what the guest names: a host name or an address, as requests and rules write it.

import { formatAddress, parseAddress, unwrapAddress } from '../../match/address.ts';
import { canonicalName } from '../../match/host.ts';

/** The name itself when it is canonical; undefined for all else. A client that spells a name otherwise would say so in its hello. */
export function canonicalHost(name: string): string | undefined {
  return canonicalName(name) === name ? name : undefined;
}

/** An address as it is judged: an IPv4 address in IPv6 clothing is that IPv4 address. */
export function canonicalAddress(text: string): string | undefined {
  const address = parseAddress(text);
  return address === undefined ? undefined : formatAddress(unwrapAddress(address));
}

/** A checked address as it is dialled: v4-mapped ones by IPv4, translated ones (NAT64) by the network that translates them. */
export function dialledAddress(text: string): string {
  return /^::ffff:/i.test(text) ? (canonicalAddress(text) ?? text) : text;
}
