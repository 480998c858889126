import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type CpioEntry, packCpio } from '../../src/engine/cpio.ts';

const ENTRIES: CpioEntry[] = [
  { path: 'm', kind: 'directory' },
  { path: 'm/a', kind: 'file', mode: 0o400, content: Buffer.from('abc') },
  { path: 'empty', kind: 'file', mode: 0o600, content: Buffer.alloc(0) },
  { path: 'init', kind: 'file', mode: 0o700, content: Buffer.alloc(70_001, 7) },
];

const folder = mkdtempSync(join(tmpdir(), 'cpio-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('packCpio', () => {
  it('gives the same bytes for the same entries', () => {
    expect(packCpio(ENTRIES).equals(packCpio(ENTRIES))).toBe(true);
  });

  it('is unpacked by cpio to the same files and modes', (ctx) => {
    try {
      execFileSync('cpio', ['-idm', '--quiet'], { cwd: folder, input: packCpio(ENTRIES) });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') ctx.skip('cpio is not installed');
      throw error;
    }
    expect(readFileSync(join(folder, 'm/a'), 'utf8')).toBe('abc');
    expect(readFileSync(join(folder, 'init')).length).toBe(70_001);
    expect(statSync(join(folder, 'init')).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'empty')).size).toBe(0);
  });

  it('draws a character device as the kernel reads it', () => {
    const archive = packCpio([
      { path: 'dev/console', kind: 'character', mode: 0o600, major: 5, minor: 1 },
    ]);
    expect(archive.toString('latin1', 0, 6)).toBe('070701');
    expect(parseInt(archive.toString('latin1', 14, 22), 16)).toBe(0o020600);
    expect(parseInt(archive.toString('latin1', 78, 86), 16)).toBe(5);
    expect(parseInt(archive.toString('latin1', 86, 94), 16)).toBe(1);
  });
});
