import { once } from 'node:events';
import { gzipSync } from 'node:zlib';

import { expect, it } from 'vitest';

import { createDecoder } from '../../../src/enforce/scan/decode.ts';
import { createScanner } from '../../../src/enforce/scan/scanner.ts';
import { scrubStream } from '../../../src/enforce/scan/scrub-stream.ts';
import type { ScrubHit } from '../../../src/enforce/scan/scrub.ts';
import { Secret } from '../../../src/model/secret.ts';
import { everyByte, runThrough } from './chunks.ts';

const VALUE = 'ghs_16C7e42F292c6912';
const scanner = createScanner();
scanner.add({ credential: 'gh', secret: new Secret(VALUE), replacement: 'ghs_asbx' });

it('replaces values and tells of them once, at the end', async () => {
  const told: ScrubHit[][] = [];
  const stream = scrubStream({ scanner, onHits: (hits) => told.push(hits) });
  const closed = once(stream, 'close');
  const { out } = await runThrough(stream, everyByte(Buffer.from(`a ${VALUE} ${VALUE} g`)));
  await closed;
  expect(out.toString()).toBe('a ghs_asbx ghs_asbx g');
  expect(told).toEqual([[{ credential: 'gh', form: 'raw', count: 2 }]]);
});

it('tells of what it found before it was broken off, and of nothing where nothing was', async () => {
  for (const [text, count] of [
    [`a ${VALUE} `, 1],
    ['a ', 0],
  ] as const) {
    let told = 0;
    const stream = scrubStream({ scanner, onHits: () => told++ });
    stream.write(text);
    await once(stream, 'readable');
    stream.destroy();
    await once(stream, 'close');
    expect(told).toBe(count);
  }
});

it('a message that ends with the first byte of a value comes out without the next one', async () => {
  const stream = scrubStream({ scanner, onHits: () => undefined });
  const seen: string[] = [];
  stream.on('data', (bytes: Buffer) => seen.push(bytes.toString()));
  stream.write('a message: g');
  while (seen.join('') !== 'a message: g') await once(stream, 'data');
  stream.write(VALUE.slice(1));
  stream.end();
  await once(stream, 'end');
  expect(seen.join('')).toBe('a message: gghs_asbx');
});

it('goes behind the decoder of a coded answer', async () => {
  const decoder = createDecoder('gzip');
  if (decoder === 'unknown') throw new Error('unknown');
  const stream = scrubStream({ scanner, onHits: () => undefined });
  decoder.pipe(stream);
  for (const bytes of everyByte(gzipSync(`{"token":"${VALUE}"}`))) decoder.write(bytes);
  decoder.end();
  const out: Buffer[] = [];
  for await (const bytes of stream) out.push(bytes as Buffer);
  expect(Buffer.concat(out).toString()).toBe('{"token":"ghs_asbx"}');
});
