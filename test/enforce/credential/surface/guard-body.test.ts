import { brotliCompressSync, deflateSync, gzipSync, createGzip } from 'node:zlib';
import * as zlib from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { createPlaceholders } from '../../../../src/enforce/credential/placeholder/placeholders.ts';
import { BodyFault, guardBody } from '../../../../src/enforce/credential/surface/guard-body.ts';
import { seededRandom } from '../../../support/random.ts';
import { cutRandomly, everyByte, runThrough } from '../../scan/chunks.ts';

const random = seededRandom(19);
const session = createPlaceholders((length) => random.bytes(length));
const OWN = session.issue('gh', 'github');
const zstd = (zlib as { zstdCompressSync?: (bytes: Buffer) => Buffer }).zstdCompressSync;

type Compress = (bytes: Buffer) => Buffer;
const CODINGS: [string | undefined, Compress][] = [
  [undefined, (bytes) => bytes],
  ['identity', (bytes) => bytes],
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ...(zstd === undefined ? [] : [['zstd', zstd] as [string, Compress]]),
];

function run(
  contentEncoding: string | undefined,
  chunks: Iterable<Buffer>,
  limits = {},
): ReturnType<typeof runThrough> {
  return runThrough(guardBody({ placeholders: session, contentEncoding, limits }), chunks);
}

describe.each(CODINGS)('a body of coding %s', (coding, compress) => {
  const clean = Buffer.concat([Buffer.from('{"a": "asbx"}'), random.bytes(3000)]);

  it('goes through as it came, however it is cut', async () => {
    const body = compress(clean);
    for (const chunks of [[body], everyByte(body), cutRandomly(body, random, 100), []])
      expect(await run(coding, chunks)).toEqual({ out: Buffer.concat(chunks) });
  });

  it('ends at a placeholder, wherever it stands, before what follows', async () => {
    for (const at of [0, 1500, clean.length]) {
      const plain = Buffer.concat([clean.subarray(0, at), Buffer.from(OWN), clean.subarray(at)]);
      const body = compress(plain);
      for (const chunks of [[body], everyByte(body), cutRandomly(body, random, 100)]) {
        const { out, error } = await run(coding, chunks);
        expect(error).toMatchObject({
          reason: 'placeholder',
          found: [{ kind: 'own', credential: 'gh' }],
        });
        expect(out.equals(body.subarray(0, out.length))).toBe(true);
        expect(out.length).toBeLessThan(body.length);
      }
    }
  });
});

describe.each(CODINGS.filter(([coding]) => coding !== undefined && coding !== 'identity'))(
  'what %s stands for',
  (coding, compress) => {
    it('may not be more than anyone sends, by ratio and in all', async () => {
      const body = compress(Buffer.alloc(8 * 1024 * 1024));
      expect((await run(coding, [body])).error).toMatchObject({ reason: 'expansion' });
      expect((await run(coding, [body], { ratio: 1e6 })).error).toBeUndefined();
      expect((await run(coding, [body], { ratio: 1e6, total: 1e6 })).error).toMatchObject({
        reason: 'expansion',
      });
    });

    it('must be readable: not cut off, nothing behind it, nothing else', async () => {
      const body = compress(Buffer.from('some text'));
      for (const chunks of [
        [body.subarray(0, -1)],
        [body, Buffer.from('more')],
        [Buffer.from('something else')],
      ])
        expect((await run(coding, chunks)).error).toMatchObject({ reason: 'undecodable' });
    });
  },
);

it.each(['compress', 'gzip, br', 'aws-chunked'])('coding %s is refused', async (coding) => {
  expect((await run(coding, [Buffer.from('a')])).error).toMatchObject({ reason: 'coding' });
  expect((await run(coding, [])).error).toBeInstanceOf(BodyFault);
});

it('coded bytes of a message go out with it, not with the next', async () => {
  const gzip = createGzip();
  const guard = guardBody({ placeholders: session, contentEncoding: 'gzip' });
  gzip.pipe(guard);
  for (const message of ['first', 'second']) {
    gzip.write(message);
    await new Promise<void>((resolve) => gzip.flush(() => resolve()));
    const bytes = await new Promise<Buffer>((resolve) => {
      const next = (): void => {
        const read = guard.read() as Buffer | null;
        if (read === null) guard.once('readable', next);
        else resolve(read);
      };
      next();
    });
    expect(bytes.length).toBeGreaterThan(0);
  }
  gzip.destroy();
  guard.destroy();
});
