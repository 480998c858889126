import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import * as zlib from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { createDecoder, readCodings } from '../../../src/enforce/scan/decode.ts';
import { createScanner } from '../../../src/enforce/scan/scanner.ts';
import { createScrubber } from '../../../src/enforce/scan/scrub.ts';
import { Secret } from '../../../src/model/secret.ts';
import { everyByte, runThrough } from './chunks.ts';

const PLAIN = Buffer.from(`{"token": "ghs_16C7e42F292c6912", "more": "${'text '.repeat(5000)}"}`);
const zstd = (zlib as { zstdCompressSync?: (bytes: Buffer) => Buffer }).zstdCompressSync;

const CODED: [string, Buffer][] = [
  ['gzip', gzipSync(PLAIN)],
  ['x-gzip', gzipSync(PLAIN)],
  ['deflate', deflateSync(PLAIN)],
  ['DEFLATE', deflateRawSync(PLAIN)],
  ['br', brotliCompressSync(PLAIN)],
  ['identity', PLAIN],
  ['', PLAIN],
  ['deflate, gzip', gzipSync(deflateSync(PLAIN))],
  ['identity,gzip ,br', brotliCompressSync(gzipSync(PLAIN))],
  ...(zstd === undefined ? [] : [['zstd', zstd(PLAIN)] as [string, Buffer]]),
];

async function decode(
  coding: string | undefined,
  chunks: Iterable<Buffer>,
): ReturnType<typeof runThrough> {
  const decoder = createDecoder(coding);
  if (decoder === 'unknown') throw new Error('unknown');
  return runThrough(decoder, chunks);
}

describe.each(CODED)('coding %j', (coding, body) => {
  it('is undone, however it is cut', async () => {
    expect(await decode(coding, [body])).toEqual({ out: PLAIN });
    expect(await decode(coding, everyByte(body))).toEqual({ out: PLAIN });
  });

  it('has an empty body where there is none', async () => {
    expect(await decode(coding, [])).toEqual({ out: Buffer.alloc(0) });
  });
});

describe.each(CODED.filter(([coding]) => !/^(identity)?$/.test(coding)))(
  'damaged %j',
  (coding, body) => {
    it('is an error: cut off, with more behind it, or something else', async () => {
      const { error: cutOff } = await decode(coding, [body.subarray(0, -1)]);
      const { error: more } = await decode(coding, [body, Buffer.from('more')]);
      const { error: other } = await decode(coding, [Buffer.from('something else')]);
      expect([cutOff, more, other]).toEqual([
        expect.any(Error),
        expect.any(Error),
        expect.any(Error),
      ]);
    });
  },
);

it.each(['compress', 'gzip, rot13', 'gzip,gzip,gzip,gzip', 'constructor', 'gzip;q=1'])(
  'does not know %s',
  (coding) => {
    expect(createDecoder(coding)).toBe('unknown');
    expect(readCodings(coding)).toBeUndefined();
  },
);

it('takes no more than the reader does, whatever it expands to', async () => {
  const decoder = createDecoder('gzip');
  if (decoder === 'unknown') throw new Error('unknown');
  decoder.write(gzipSync(Buffer.alloc(64 * 1024 * 1024)));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(decoder.readableLength).toBeLessThan(1024 * 1024);
  decoder.destroy();
});

it.each(CODED)('a value in an answer of coding %j is replaced', async (coding, body) => {
  const scanner = createScanner();
  scanner.add({
    credential: 'gh',
    secret: new Secret('ghs_16C7e42F292c6912'),
    replacement: 'ghs_asbx',
  });
  const scrubber = createScrubber(scanner);
  const { out } = await decode(coding, everyByte(body));
  const scrubbed = Buffer.concat([...scrubber.push(out), ...scrubber.end()]);
  expect(scrubbed.toString()).toBe(PLAIN.toString().replace('ghs_16C7e42F292c6912', 'ghs_asbx'));
});
