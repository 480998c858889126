// Java's own format of a store of trusted certificates (JKS, version 2), which every Java reads, with the password all of them
// use: sun.security.provider.JavaKeyStore is its only description.
//
//   magic u32 | version u32 | count u32 | entries | SHA-1 over password, salt and all before
//   entry: kind u32 (2) | alias | milliseconds u64 | "X.509" | length u32 | certificate     (texts: length u16, then bytes)

import { createHash } from 'node:crypto';

const MAGIC = 0xfeedfeed;
const VERSION = 2;
const TRUSTED = 2;
const PASSWORD = Buffer.from('changeit', 'utf16le').swap16();
const SALT = Buffer.from('Mighty Aphrodite');

/** The certificates of a PEM bundle as a store. */
export function javaStore(bundle: string): Buffer {
  const certificates = [
    ...bundle.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g),
  ].map(([, base64 = '']) => Buffer.from(base64, 'base64'));
  const entries = certificates.flatMap((certificate, index) => [
    u32(TRUSTED),
    text(`trusted-${index}`),
    Buffer.alloc(8),
    text('X.509'),
    u32(certificate.length),
    certificate,
  ]);
  const content = Buffer.concat([u32(MAGIC), u32(VERSION), u32(certificates.length), ...entries]);
  const digest = createHash('sha1').update(PASSWORD).update(SALT).update(content).digest();
  return Buffer.concat([content, digest]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(value.length);
  return Buffer.concat([length, Buffer.from(value)]);
}
