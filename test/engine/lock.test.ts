import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { withLock } from '../../src/engine/lock.ts';
import { ownMark } from '../../src/engine/process.ts';

const folder = mkdtempSync(join(tmpdir(), 'lock-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('withLock', () => {
  it('lets one work at a time and leaves nothing behind', async () => {
    const file = join(folder, 'one');
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((done) => setTimeout(done, 20));
      inside -= 1;
    };
    await Promise.all([1, 2, 3].map(() => withLock(file, () => undefined, work)));
    expect(most).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is given up when the work fails', async () => {
    const file = join(folder, 'two');
    await expect(
      withLock(
        file,
        () => undefined,
        () => Promise.reject(new Error('no')),
      ),
    ).rejects.toThrow('no');
    await expect(
      withLock(
        file,
        () => undefined,
        () => Promise.resolve(7),
      ),
    ).resolves.toBe(7);
  });

  const stale: [string, string][] = [
    ['a process that is gone', ownMark().replace(/^\d+/, '4194304') + '\n'],
    ['a process whose number another has now', ownMark().replace(/-\d+-/, '-1-') + '\n'],
    ['nobody, half-written', '12'],
  ];
  for (const [who, text] of stale) {
    it(`is taken over from ${who}`, async () => {
      const file = join(folder, 'three');
      writeFileSync(file, text);
      await expect(
        withLock(
          file,
          () => undefined,
          () => Promise.resolve('mine'),
        ),
      ).resolves.toBe('mine');
    });
  }

  it('is waited for while its holder lives, and the waiter says so', async () => {
    const file = join(folder, 'four');
    const said: string[] = [];
    let release = (): void => undefined;
    const held = withLock(
      file,
      () => undefined,
      () => new Promise<void>((done) => (release = done)),
    );
    const waiting = withLock(
      file,
      () => {
        said.push('waiting');
        release();
      },
      () => Promise.resolve('after'),
    );
    await held;
    expect(await waiting).toBe('after');
    expect(said).toEqual(['waiting']);
  });
});
