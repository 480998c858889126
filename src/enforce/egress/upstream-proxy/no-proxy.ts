// The exceptions from the host's proxy. Entries are separated by commas or spaces; an entry may end in `:PORT`.
//   *              everything
//   x.y            the name and all names below it
//   .x.y  *.x.y    the names below it
//   10.1.2.3  ::1  the address, where the guest asks for an address
//   10.0.0.0/8     the addresses of the block, likewise

import { blockContains, parseAddress, parseBlock, unwrapAddress } from '../../../match/address.ts';
import type { Address } from '../../../match/address.ts';
import { canonicalName } from '../../../match/host.ts';

export interface NoProxy {
  /** `host`: canonical, a name or an address */
  covers(host: string, port: number): boolean;
  /** entries of no meaning */
  ignored: string[];
}

type Entry = (host: string, address: Address | undefined) => boolean;

/** entries read; what is more is left out, so that it goes through the proxy */
const MAX_ENTRIES = 1000;

export function readNoProxy(text: string): NoProxy {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  const ignored = words.slice(MAX_ENTRIES);
  const entries: { matches: Entry; port: number | undefined }[] = [];
  for (const word of words.slice(0, MAX_ENTRIES)) {
    const [rest, port] = splitPort(word);
    const matches = readEntry(rest.toLowerCase());
    if (matches === undefined) ignored.push(word);
    else entries.push({ matches, port });
  }
  return {
    covers(host, port) {
      const parsed = parseAddress(host);
      const address = parsed === undefined ? undefined : unwrapAddress(parsed);
      return entries.some(
        (entry) =>
          (entry.port === undefined || entry.port === port) && entry.matches(host, address),
      );
    },
    ignored,
  };
}

/** IPv6 addresses have colons of their own: with a port they stand in brackets. */
function splitPort(word: string): [rest: string, port: number | undefined] {
  const match = /^(\[[^\]]*\]|[^:]*):(\d{1,5})$/.exec(word);
  const [, rest = word, digits] = match ?? [];
  const bare = rest.replace(/^\[(.*)\]$/, '$1');
  return [bare, digits === undefined ? undefined : Number(digits)];
}

function readEntry(text: string): Entry | undefined {
  if (text === '*') return () => true;
  const single = parseAddress(text);
  const block = parseBlock(
    single === undefined || text.includes('/') ? text : `${text}/${single.family === 4 ? 32 : 128}`,
  );
  if (block !== undefined)
    return (_host, address) => address !== undefined && blockContains(block, address);
  const isBelow = /^\*?\./.test(text);
  const name = canonicalName(text.replace(/^\*?\./, ''));
  if (name === undefined) return undefined;
  return (host, address) =>
    address === undefined && ((!isBelow && host === name) || host.endsWith(`.${name}`));
}
