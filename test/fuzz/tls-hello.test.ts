import tls from 'node:tls';
import { expect, it } from 'vitest';

import { createHelloGate } from '../../src/enforce/egress/hello-gate.ts';
import { createCertificate } from '../support/certificate.ts';
import { createRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';
import {
  captureHello,
  createDuplexPair,
  handshake,
  helloBody,
  records,
  serverName,
  u16,
} from '../support/tls.ts';

const NAME = 'allowed.test';
const ROUNDS = 50_000;
const SERVER_ROUNDS = 3000;

async function seeds(): Promise<[Buffer, ...Buffer[]]> {
  return [
    await captureHello({ servername: NAME }),
    await captureHello({ servername: NAME, maxVersion: 'TLSv1.2' }),
    await captureHello({ servername: 'blocked.test' }),
    await captureHello({}),
  ];
}

/** Damages a stream of records: bytes, lengths, fragmentation, names added and replaced, foreign records put between. */
function mutate(seed: Buffer, random: Random): Buffer {
  let bytes: Buffer = Buffer.from(seed);
  const body = bytes.subarray(9);
  const kind = random.below(8);
  if (kind === 0) bytes = records(bytes.subarray(5), 1 + random.below(300));
  if (kind === 1) bytes = withExtension(body, serverName(random.pick(['blocked.test', NAME, 'x'])));
  if (kind === 2)
    bytes = withExtension(body, [
      random.pick([0, 0xfe0d, 43, 51, 16]),
      random.bytes(random.below(20)),
    ]);
  if (kind === 3) {
    const foreign = records(
      random.bytes(1 + random.below(4)),
      16384,
      random.pick([20, 21, 22, 23]),
    );
    bytes = Buffer.concat(random.chance(0.5) ? [foreign, bytes] : [bytes, foreign]);
  }
  if (kind === 4)
    bytes = Buffer.from(
      bytes
        .toString('latin1')
        .replaceAll(
          NAME,
          random.pick(['ALLOWED.test', 'blocked.tes.', 'allowed\0test', 'allowed.tesT']),
        ),
      'latin1',
    );
  for (let count = random.below(3); count > 0; count--) {
    const at = random.chance(0.5)
      ? random.below(Math.min(bytes.length, 120))
      : random.below(bytes.length);
    bytes[at] = random.chance(0.5)
      ? random.below(256)
      : ((bytes[at] ?? 0) + random.pick([1, -1, 2])) & 255;
  }
  return bytes;
}

/** The hello once more with one extension in front of the others. */
function withExtension(body: Buffer, [type, value]: [number, Buffer]): Buffer {
  const session = 35 + (body[34] ?? 0);
  const suites = session + 2 + body.readUInt16BE(session);
  const at = suites + 1 + (body[suites] ?? 0);
  const extensions = Buffer.concat([u16(type), u16(value.length), value, body.subarray(at + 2)]);
  return records(
    handshake(1, Buffer.concat([body.subarray(0, at), u16(extensions.length), extensions])),
  );
}

function passes(bytes: Buffer, random: Random): boolean {
  const gate = createHelloGate(NAME);
  let released = 0;
  for (let at = 0; at < bytes.length;) {
    const size = random.chance(0.5) ? 1 + random.below(7) : bytes.length;
    const step = gate.client(bytes.subarray(at, at + size));
    if (step.refusal !== undefined) return false;
    released += Buffer.concat(step.release).length;
    at += size;
  }
  return released > 0;
}

it('never throws and always says the same, however the bytes are cut', async () => {
  const random = createRandom('tls-hello');
  const starts = await seeds();
  let passed = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = random.chance(0.05)
      ? Buffer.concat([Buffer.from([22, 3]), random.bytes(random.below(200))])
      : mutate(random.pick(starts), random);
    const first = passes(bytes, random);
    expect(passes(bytes, random), bytes.toString('hex')).toBe(first);
    if (first) passed += 1;
  }
  expect(passed).toBeGreaterThan(ROUNDS / 50);
});

it('passes no hello in which a real server finds another name than the gate did', async () => {
  const random = createRandom('tls-hello against a server');
  const { key, cert } = createCertificate([NAME]);
  const secureContext = tls.createSecureContext({ key, cert, minVersion: 'TLSv1' });
  const starts = await seeds();
  let answered = 0;
  for (let round = 0; round < SERVER_ROUNDS; round++) {
    const bytes = mutate(random.pick(starts), random);
    if (!passes(bytes, random)) continue;
    const seen = await nameSeenByServer(bytes, secureContext);
    if (seen === undefined) continue;
    answered += 1;
    expect(seen.toLowerCase(), bytes.toString('hex')).toBe(NAME);
  }
  expect(answered).toBeGreaterThan(50);
});

it('would find a gate that lets a wrong name through', async () => {
  const { key, cert } = createCertificate([NAME]);
  const secureContext = tls.createSecureContext({ key, cert });
  expect(
    await nameSeenByServer(await captureHello({ servername: 'blocked.test' }), secureContext),
  ).toBe('blocked.test');
  expect(await nameSeenByServer(await captureHello({}), secureContext)).toBe('');
  expect(
    await nameSeenByServer(
      records(handshake(1, helloBody({ extensions: [serverName('')] }))),
      secureContext,
    ),
  ).toBeUndefined();
});

/** The name that a server took from a hello it answered with its own (`''`: none); undefined when it did not answer. */
async function nameSeenByServer(
  bytes: Buffer,
  secureContext: tls.SecureContext,
): Promise<string | undefined> {
  const [near, far] = createDuplexPair();
  let name = '';
  const server = new tls.TLSSocket(far, {
    isServer: true,
    secureContext,
    SNICallback: (claimed, done) => {
      name = claimed;
      done(null, secureContext);
    },
  });
  server.on('error', () => undefined);
  near.on('error', () => undefined);
  far.on('error', () => undefined);
  let answer: Buffer | undefined;
  near.on('data', (chunk: Buffer) => (answer ??= chunk));
  near.write(bytes);
  // All of it happens in this process: a server that has not answered after these turns waits for more bytes.
  for (let turn = 0; turn < 40 && answer === undefined; turn++)
    await new Promise((resolve) => setImmediate(resolve));
  server.destroy();
  near.destroy();
  return answer?.[0] === 22 ? name : undefined;
}
