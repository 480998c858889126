// What it costs to verify a guest's AWS signature and to sign the request anew, its body hashed on the way.

import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { Hash, Hmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';

import { verify } from '../../src/enforce/credential/sigv4/verify.ts';
import { amzDate, sign } from '../../src/provider/sigv4/sign.ts';
import type { Settings } from '../main.ts';
import { median } from '../table.ts';
import type { Row } from '../table.ts';

const BODY_BYTES = 100_000;
const TIMES = 400;
const scope = { service: 's3', region: 'us-east-1' };
const placeholder = { accessKeyId: 'ASIAPLACEHOLDER', secretAccessKey: 'a', sessionToken: 'b' };
const real = { accessKeyId: 'ASIAREAL', secretAccessKey: 'c', sessionToken: 'd' };

export async function measureSignatures(settings: Settings): Promise<Row[]> {
  settings.say('signatures');
  const body = randomBytes(BODY_BYTES);
  const now = Date.now();
  const wire = {
    method: 'PUT',
    host: 'bucket.s3.us-east-1.amazonaws.com',
    path: '/a/b%20c',
    query: 'x-id=PutObject',
    headers: [
      ['host', 'bucket.s3.us-east-1.amazonaws.com'],
      ['content-type', 'application/octet-stream'],
      ['content-length', String(BODY_BYTES)],
      ['x-amz-date', amzDate(now)],
      ['x-amz-content-sha256', hashOf(body)],
    ] as [string, string][],
  };
  const request = { ...wire, headers: sign(wire, placeholder, scope) ?? [] };
  const ours = await timed(() => {
    const verdict = verify(request, placeholder, { ...scope, now }, hashOf(body));
    if (verdict.outcome !== 'valid' || !sign(request, real, { ...scope, ...verdict }))
      throw new Error('the request was not signed');
  });

  const hashed = hashOf(body);
  const withoutBody = await timed(() => {
    const verdict = verify(request, placeholder, { ...scope, now }, hashed);
    if (verdict.outcome !== 'valid' || !sign(request, real, { ...scope, ...verdict }))
      throw new Error('the request was not signed');
  });
  const bodyAlone = await timed(() => hashOf(body));

  const peer = new SignatureV4({
    ...scope,
    credentials: real,
    sha256: Sha256,
    uriEscapePath: false,
  });
  const theirs = await timed(async () => {
    await peer.sign({
      ...wire,
      protocol: 'https:',
      hostname: wire.host,
      query: { 'x-id': 'PutObject' },
      headers: Object.fromEntries(wire.headers.filter(([name]) => !name.startsWith('x-amz-'))),
      body,
    });
  });
  return [
    {
      group: 'credentials',
      name: 'AWS signature of 100 KB verified and made anew',
      unit: 'ms',
      ours,
      rivals: [
        { name: '@smithy/signature-v4, signed once', value: theirs },
        { name: 'SHA-256 of the body alone', value: bodyAlone },
      ],
      target: { text: '<= 0.5 ms', isKept: ours <= 0.5 },
    },
    {
      group: 'credentials',
      name: 'the same, its body hashed while it streams',
      unit: 'ms',
      ours: withoutBody,
      rivals: [],
      target: { text: '<= 0.5 ms', isKept: withoutBody <= 0.5 },
    },
  ];
}

/** Median in milliseconds. */
async function timed(once: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let time = 0; time < TIMES; time++) {
    const start = performance.now();
    await once();
    times.push(performance.now() - start);
  }
  return median(times);
}

function hashOf(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}

class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash =
      secret === undefined
        ? createHash('sha256')
        : createHmac('sha256', secret as string | Uint8Array);
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {
    throw new Error('made anew for each use');
  }
}
