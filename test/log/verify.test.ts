import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { verifyLog } from '../../src/log/verify.ts';
import { removeDirectory, temporaryDirectory, writeSample } from './session-log.ts';

let directory: string;
let good: Buffer;
let lines: string[];
beforeAll(() => {
  directory = temporaryDirectory();
  const file = join(directory, 'good.jsonl');
  writeSample(file, 500);
  good = readFileSync(file);
  lines = good.toString('latin1').split('\n').slice(0, -1);
});
afterAll(() => {
  removeDirectory(directory);
});

function verify(content: Buffer | string[]): ReturnType<typeof verifyLog> {
  const file = join(directory, 'changed.jsonl');
  writeFileSync(
    file,
    Buffer.isBuffer(content)
      ? content
      : Buffer.from(content.map((line) => `${line}\n`).join(''), 'latin1'),
  );
  return verifyLog(file);
}

describe('a log as it was written', () => {
  it('is ok', () => {
    expect(verify(good)).toMatchObject({
      status: 'ok',
      count: 500,
      session: '20261121-101112-abcdef',
    });
  });
});

describe('a log that was changed', () => {
  it('names the line whose prev does not match', () => {
    const edited = lines.map((line, i) =>
      i === 199 ? line.replace('"effect":"deny"', '"effect":"denY"') : line,
    );
    expect(verify(edited)).toMatchObject({
      status: 'tampered',
      code: 'wrong-prev',
      line: 201,
      count: 200,
    });
  });

  it.each([
    ['a line removed', () => lines.toSpliced(99, 1), 'wrong-prev', 100],
    ['a line twice', () => lines.toSpliced(99, 0, lines[98] ?? ''), 'wrong-prev', 100],
    [
      'two lines exchanged',
      () => lines.toSpliced(99, 2, lines[100] ?? '', lines[99] ?? ''),
      'wrong-prev',
      100,
    ],
    ['the first line removed', () => lines.slice(1), 'wrong-prev', 1],
    ['an empty line', () => lines.toSpliced(99, 0, ''), 'unreadable-line', 100],
    ['something after the end', () => [...lines, lines[499] ?? ''], 'after-end', 501],
    [
      'the end changed',
      () => [...lines.slice(0, -1), (lines[499] ?? '').replace('finished', 'Finished')],
      'wrong-seal',
      500,
    ],
    [
      'another version within',
      () => lines.with(99, (lines[99] ?? '').replace('"v":1', '"v":2')),
      'wrong-version',
      100,
    ],
  ])('tells %s', (_name, change, code, line) => {
    expect(verify(change())).toMatchObject({ status: 'tampered', code, line });
  });

  it('is never ok, whichever byte was changed, put in or taken out', () => {
    const small = Buffer.from([...lines.slice(0, 2), ''].join('\n'), 'latin1');
    const file = join(directory, 'small.jsonl');
    removeDirectory(file);
    writeSample(file, 4);
    const whole = readFileSync(file);
    expect(small.length).toBeLessThan(whole.length);
    const place = fc.nat({ max: whole.length - 1 });
    const byte = fc.nat({ max: 255 });
    fc.assert(
      fc.property(
        place,
        byte,
        fc.constantFrom('change', 'insert', 'remove', 'cut'),
        (at, value, kind) => {
          const bytes = {
            change: () =>
              Buffer.concat([whole.subarray(0, at), Buffer.from([value]), whole.subarray(at + 1)]),
            insert: () =>
              Buffer.concat([whole.subarray(0, at), Buffer.from([value]), whole.subarray(at)]),
            remove: () => Buffer.concat([whole.subarray(0, at), whole.subarray(at + 1)]),
            cut: () => whole.subarray(0, at),
          }[kind]();
          fc.pre(!bytes.equals(whole));
          let status = 'error';
          try {
            status = verify(bytes).status;
          } catch (error) {
            expect(error).toMatchObject({ code: 'LOG_UNKNOWN_VERSION' });
          }
          expect(status).not.toBe('ok');
        },
      ),
      { numRuns: 4000 },
    );
  });

  it('is never ok, whichever bit of its last line was flipped', () => {
    const file = join(directory, 'two.jsonl');
    writeSample(file, 2);
    const whole = readFileSync(file);
    for (let at = whole.indexOf(10) + 1; at < whole.length; at += 1) {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
      expect(verify(bytes).status).not.toBe('ok');
    }
  });
});

describe('a log whose end is missing', () => {
  it.each([
    ['the last hundred lines cut', () => lines.slice(0, 400), 'no-end', 401],
    ['session.end cut', () => lines.slice(0, -1), 'no-end', 500],
    ['nothing written', () => [], 'no-end', 1],
  ])('is incomplete with %s', (_name, change, code, line) => {
    expect(verify(change())).toMatchObject({ status: 'incomplete', code, line });
  });

  it('is incomplete when a line was half written', () => {
    const end = good.length - 300;
    expect(verify(good.subarray(0, end))).toMatchObject({
      status: 'incomplete',
      code: 'partial-line',
      line: 500,
    });
    expect(verify(good.subarray(0, -1))).toMatchObject({
      status: 'incomplete',
      code: 'partial-line',
      line: 500,
    });
  });
});

describe('a file that is no log', () => {
  it('is an error when it is absent, a directory or a pipe', () => {
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    mkdirSync(join(directory, 'folder'));
    for (const file of [join(directory, 'absent'), join(directory, 'folder'), pipe]) {
      expect(() => verifyLog(file)).toThrow(expect.objectContaining({ code: 'LOG_UNREADABLE' }));
    }
  });

  it('is an error when a newer program wrote it', () => {
    const newer = lines.map((line) => line.replace('"v":1', '"v":2'));
    expect(() => verify(newer)).toThrow(expect.objectContaining({ code: 'LOG_UNKNOWN_VERSION' }));
  });

  it('is tampered when a line is longer than a record can be, and not read to its end', () => {
    expect(verify(Buffer.alloc(3 << 20, 0x61))).toMatchObject({
      status: 'tampered',
      code: 'unreadable-line',
      line: 1,
    });
    expect(verify(Buffer.from('null\n'))).toMatchObject({
      status: 'tampered',
      code: 'unreadable-line',
      line: 1,
    });
  });
});
