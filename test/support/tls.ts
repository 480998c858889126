// TLS hellos for tests: captured from Node's own client, and built by hand.

import { Duplex } from 'node:stream';
import tls from 'node:tls';

/** Two ends of one byte stream in memory. */
export function createDuplexPair(): [Duplex, Duplex] {
  const ends: Duplex[] = [];
  const make = (other: () => Duplex | undefined): Duplex =>
    new Duplex({
      allowHalfOpen: true,
      read: () => undefined,
      write(chunk: Buffer, _encoding, done) {
        other()?.push(chunk);
        done();
      },
      final(done) {
        other()?.push(null);
        done();
      },
      destroy(error, done) {
        other()?.destroy();
        done(error);
      },
    });
  const first = make(() => ends[1]);
  const second = make(() => ends[0]);
  ends.push(first, second);
  return [first, second];
}

/** The first bytes that Node's client sends: whole records with one ClientHello. */
export async function captureHello(options: tls.ConnectionOptions): Promise<Buffer> {
  const [near, far] = createDuplexPair();
  near.on('error', () => undefined);
  const client = tls.connect({ ...options, socket: near, rejectUnauthorized: false });
  client.on('error', () => undefined);
  const hello = await new Promise<Buffer>((resolve) => far.once('data', resolve));
  client.destroy();
  return hello;
}

export interface HelloParts {
  version?: number;
  sessionId?: Buffer;
  suites?: Buffer;
  compression?: Buffer;
  /** absent: no extensions block */
  extensions?: [number, Buffer][] | undefined;
  /** put behind the extensions */
  trailing?: Buffer;
}

export function helloBody(parts: HelloParts): Buffer {
  const session = parts.sessionId ?? Buffer.alloc(0);
  const suites = parts.suites ?? Buffer.from([0x13, 0x01, 0xc0, 0x2f]);
  const compression = parts.compression ?? Buffer.from([0]);
  const extensions = parts.extensions?.map(([type, value]) =>
    Buffer.concat([u16(type), u16(value.length), value]),
  );
  return Buffer.concat([
    u16(parts.version ?? 0x0303),
    Buffer.alloc(32, 7),
    Buffer.from([session.length]),
    session,
    u16(suites.length),
    suites,
    Buffer.from([compression.length]),
    compression,
    ...(extensions === undefined ? [] : [u16(Buffer.concat(extensions).length), ...extensions]),
    parts.trailing ?? Buffer.alloc(0),
  ]);
}

export function serverName(...names: (string | Buffer)[]): [number, Buffer] {
  const entries = names.map((name) =>
    Buffer.concat([Buffer.from([0]), u16(Buffer.from(name).length), Buffer.from(name)]),
  );
  const list = Buffer.concat(entries);
  return [0, Buffer.concat([u16(list.length), list])];
}

export function handshake(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt8(type, 0);
  head.writeUIntBE(body.length, 1, 3);
  return Buffer.concat([head, body]);
}

/** Handshake bytes in records of at most `size` bytes. */
export function records(bytes: Buffer, size = 16384, type = 22): Buffer {
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const fragment = bytes.subarray(at, at + size);
    out.push(Buffer.from([type, 3, 1]), u16(fragment.length), fragment);
  }
  return Buffer.concat(out);
}

export function hello(name: string, more: [number, Buffer][] = []): Buffer {
  return records(handshake(1, helloBody({ extensions: [serverName(name), ...more] })));
}

export const RETRY_RANDOM = Buffer.from(
  'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c',
  'hex',
);

export function serverHello(random: Buffer): Buffer {
  return records(
    handshake(2, Buffer.concat([u16(0x0303), random, Buffer.from([0, 0x13, 0x01, 0, 0, 0])])),
  );
}

export function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255]);
}
