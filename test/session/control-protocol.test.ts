import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import {
  FRAME,
  FrameParser,
  decodeJson,
  encodeFrame,
  encodeJson,
  type ControlFrame,
} from '../../src/session/control-protocol.ts';

interface Parsed {
  frames: ControlFrame[];
  error: Error | undefined;
}

async function parse(chunks: Buffer[]): Promise<Parsed> {
  const parser = new FrameParser();
  const frames: ControlFrame[] = [];
  let error: Error | undefined;
  parser.on('data', (frame: ControlFrame) =>
    frames.push({ type: frame.type, payload: Buffer.from(frame.payload) }),
  );
  parser.on('error', (fault: Error) => {
    error = fault;
  });
  for (const chunk of chunks) if (!parser.destroyed) parser.write(chunk);
  await new Promise(setImmediate);
  return { frames, error };
}

function cut(bytes: Buffer, sizes: number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let offset = 0;
  for (let index = 0; offset < bytes.length; index += 1) {
    const size = Math.max(1, sizes[index % Math.max(1, sizes.length)] ?? 1);
    chunks.push(bytes.subarray(offset, offset + size));
    offset += size;
  }
  return chunks;
}

describe('control frames', () => {
  it('come out as they went in, however the stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        async (payloads, sizes) => {
          const stream = Buffer.concat(
            payloads.map((payload) => encodeFrame(FRAME.stdin, Buffer.from(payload))),
          );
          const { frames, error } = await parse(cut(stream, sizes));
          expect(error).toBeUndefined();
          expect(frames.map((frame) => [...frame.payload])).toEqual(
            payloads.map((payload) => [...payload]),
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  it('cost no more for coming in single bytes', async () => {
    const bytes = encodeFrame(FRAME.stdin, Buffer.alloc(512 * 1024, 'x'));
    const begun = process.cpuUsage();
    const { frames } = await parse(cut(bytes, [1]));
    expect(frames).toHaveLength(1);
    // Half a minute where each byte moves all before it; time of this process alone, whatever else runs.
    expect(process.cpuUsage(begun).user / 1e6).toBeLessThan(10);
  });

  it('end the connection when a length is over the limit, before its bytes are awaited', async () => {
    const { error } = await parse([Buffer.from([1, 0xff, 0xff, 0xff, 0xff])]);
    expect(error).toMatchObject({ code: 'SESSION_BAD_FRAME' });
  });

  it('carry JSON objects only', () => {
    expect(decodeJson(encodeJson(FRAME.request, { op: 'stop' }).subarray(5))).toEqual({
      op: 'stop',
    });
    for (const text of ['[1]', '1', 'null', '{', '"x"'])
      expect(decodeJson(Buffer.from(text))).toBeUndefined();
  });
});
