import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { CONSOLE_LIMIT, keepConsole } from '../../src/engine/console.ts';

const folder = mkdtempSync(join(tmpdir(), 'console-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('keepConsole', () => {
  it('writes up to the limit, says that it cut, and reads on', async () => {
    const stream = new PassThrough();
    const file = join(folder, 'flooded');
    keepConsole(stream, file);
    for (let count = 0; count < 40; count += 1) stream.write(Buffer.alloc(64 * 1024, 0x61));
    stream.end();
    await new Promise((done) => stream.once('close', done));
    const kept = readFileSync(file);
    expect(kept.length).toBe(CONSOLE_LIMIT);
    expect(kept.subarray(-40).toString()).toContain('[the console was cut here]');
  });

  it('keeps what a quiet guest says, whole', async () => {
    const stream = new PassThrough();
    const file = join(folder, 'quiet');
    keepConsole(stream, file);
    stream.end('hello\n');
    await new Promise((done) => stream.once('close', done));
    expect(readFileSync(file, 'utf8')).toBe('hello\n');
  });

  it('never writes through a link', () => {
    writeFileSync(join(folder, 'target'), 'mine');
    symlinkSync(join(folder, 'target'), join(folder, 'link'));
    expect(() => keepConsole(new PassThrough(), join(folder, 'link'))).toThrow(/ELOOP/);
    expect(readFileSync(join(folder, 'target'), 'utf8')).toBe('mine');
  });
});
