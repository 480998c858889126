// Datagrams in the bytes of a stream: each behind its length (u16, little-endian), cut anywhere.

import type { Duplex } from 'node:stream';

/** Most bytes of one datagram. */
export const DATAGRAM_MAX = 65535;
/** Bytes that may wait for the guest; what comes beyond them is lost, as datagrams may be. */
const WAITING_LIMIT = 256 * 1024;

/** Hands on each datagram that comes; memory stays below two of the largest. */
export function readDatagrams(stream: Duplex, onDatagram: (bytes: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (bytes.length >= 2) {
      const end = 2 + bytes.readUInt16LE(0);
      if (bytes.length < end) break;
      onDatagram(bytes.subarray(2, end));
      bytes = bytes.subarray(end);
    }
    rest = Buffer.from(bytes);
  });
}

/** False when the datagram was lost because too many wait already. */
export function writeDatagram(stream: Duplex, bytes: Buffer): boolean {
  if (bytes.length > DATAGRAM_MAX || stream.writableLength > WAITING_LIMIT) return false;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(bytes.length);
  stream.write(Buffer.concat([length, bytes]));
  return true;
}
