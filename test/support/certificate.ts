// Self-signed server certificates for tests, made at test time: no key lies in the repository.

import { createHash, generateKeyPairSync, sign } from 'node:crypto';

export interface TestCertificate {
  /** PEM */
  key: string;
  /** PEM; also its own authority */
  cert: string;
}

export function createCertificate(names: readonly [string, ...string[]]): TestCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicInfo = publicKey.export({ type: 'spki', format: 'der' });
  const algorithm = sequence(oid([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02])); // ecdsa-with-SHA256
  const name = sequence(
    tagged(0x31, sequence(oid([0x55, 0x04, 0x03]), tagged(0x0c, Buffer.from(names[0])))),
  );
  const alternatives = sequence(...names.map((host) => tagged(0x82, Buffer.from(host))));
  const extensions = sequence(
    extension([0x55, 0x1d, 0x11], alternatives),
    extension([0x55, 0x1d, 0x13], sequence(tagged(0x01, Buffer.from([0xff])))), // basicConstraints: CA
  );
  const serial = createHash('sha256').update(publicInfo).digest().subarray(0, 8);
  serial[0] = 0x40 | ((serial[0] ?? 0) & 0x3f);
  const toBeSigned = sequence(
    tagged(0xa0, tagged(0x02, Buffer.from([2]))),
    tagged(0x02, serial),
    algorithm,
    name,
    sequence(time('200101000000Z'), time('491231235959Z')),
    name,
    publicInfo,
    tagged(0xa3, extensions),
  );
  const signature = tagged(
    0x03,
    Buffer.concat([Buffer.from([0]), sign('sha256', toBeSigned, privateKey)]),
  );
  const der = sequence(toBeSigned, algorithm, signature);
  const body = der.toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`,
  };
}

function extension(id: number[], value: Buffer): Buffer {
  return sequence(oid(id), tagged(0x04, value));
}

function time(text: string): Buffer {
  return tagged(0x17, Buffer.from(text));
}

function oid(bytes: number[]): Buffer {
  return tagged(0x06, Buffer.from(bytes));
}

function sequence(...parts: Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function tagged(tag: number, value: Buffer): Buffer {
  const { length } = value;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), value]);
}
