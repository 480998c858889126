import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkSeal, sealFile } from '../../src/engine/fingerprint.ts';
import { ownMark } from '../../src/engine/process.ts';
import {
  discardFolder,
  openCache,
  placeFolder,
  readManifest,
  stageFolder,
  writeManifest,
} from '../../src/engine/store.ts';
import { sweepStale } from '../../src/engine/sweep.ts';
import { windowPlaces } from '../../src/engine/window.ts';

const folder = mkdtempSync(join(tmpdir(), 'store-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a folder of the cache', () => {
  it('comes into being whole and replaces what stood there', () => {
    const final = join(folder, 'placed');
    for (const content of ['first', 'second']) {
      const staged = stageFolder(final);
      writeFileSync(join(staged, 'file'), content);
      writeManifest(staged, { content });
      placeFolder(staged, final);
      expect(readFileSync(join(final, 'file'), 'utf8')).toBe(content);
      expect(readManifest(final)).toEqual({ content });
    }
    expect(readdirSync(folder)).toEqual(['placed']);
    discardFolder(final);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('has no manifest when it was cut short', () => {
    const cut = join(folder, 'cut');
    mkdirSync(cut);
    expect(readManifest(cut)).toBeUndefined();
    writeFileSync(join(cut, 'manifest.json'), '{"version":');
    expect(readManifest(cut)).toBeUndefined();
  });

  it('is refused as a cache when others can write it', () => {
    const open = join(folder, 'open');
    openCache(open);
    expect(statSync(open).mode & 0o777).toBe(0o700);
    chmodSync(open, 0o770);
    expect(() => openCache(open)).toThrow(
      expect.objectContaining({ code: 'ENGINE_CACHE' }) as Error,
    );
  });
});

describe('a seal', () => {
  it('tells an untouched file, a moved one and a changed one apart', async () => {
    const file = join(folder, 'sealed');
    writeFileSync(file, Buffer.alloc(3_000_000, 1));
    const sealed = await sealFile(file);
    expect(await checkSeal(file, sealed)).toBe(sealed);
    renameSync(file, `${file}.away`);
    writeFileSync(file, readFileSync(`${file}.away`));
    const moved = await checkSeal(file, sealed);
    expect(moved?.sha256).toBe(sealed.sha256);
    expect(moved).not.toEqual(sealed);
    const { atime, mtime } = statSync(file);
    writeFileSync(file, Buffer.alloc(3_000_000, 2));
    utimesSync(file, atime, mtime);
    expect(await checkSeal(file, sealed)).toBeUndefined();
    truncateSync(file, 10);
    expect(await checkSeal(file, sealed)).toBeUndefined();
    rmSync(file);
    expect(await checkSeal(file, sealed)).toBeUndefined();
  });

  it('counts where content lies in a file of holes', async () => {
    const [early, late] = [join(folder, 'early'), join(folder, 'late')];
    for (const file of [early, late]) writeFileSync(file, Buffer.alloc(4 << 20));
    const place = (file: string, offset: number): void => {
      const content = readFileSync(file);
      content[offset] = 1;
      writeFileSync(file, content);
    };
    place(early, 0);
    place(late, 2 << 20);
    expect((await sealFile(early)).sha256).not.toBe((await sealFile(late)).sha256);
  });
});

describe('sweepStale', () => {
  it('removes the half-built folders of processes that are gone, and no others', () => {
    const cache = join(folder, 'cache');
    const gone = ownMark().replace(/^\d+/, '4194304');
    const dead = join(cache, 'snapshots', `abc.part-${gone}-01234567`);
    mkdirSync(dead, { recursive: true });
    // In another PID namespace the number says nothing: only age does.
    const elsewhere = ownMark().replace(/\d+$/, '1');
    const hidden = join(cache, 'snapshots', `abc.part-${elsewhere}-01234567`);
    mkdirSync(hidden);
    const old = join(cache, 'snapshots', `abc.part-${elsewhere}-76543210`);
    mkdirSync(old);
    utimesSync(old, 0, 0);
    const mine = stageFolder(join(cache, 'snapshots', 'abc'));
    const window = join(windowPlaces().folders[0] ?? '', `as-window.part-${gone}-01234567`);
    mkdirSync(window, { recursive: true });
    const foreign = join(cache, 'snapshots', 'abc.part-notes');
    mkdirSync(foreign);
    expect(sweepStale(cache).sort()).toEqual([dead, old, window].sort());
    expect(existsSync(window)).toBe(false);
    expect([dead, old, mine, hidden, foreign].map((one) => existsSync(one))).toEqual([
      false,
      false,
      true,
      true,
      true,
    ]);
  });

  it.skipIf(process.getuid?.() !== 0)('leaves alone what another user gave such a name', () => {
    const cache = join(folder, 'shared');
    const gone = ownMark().replace(/^\d+/, '4194304');
    const planted = join(cache, 'snapshots', `abc.part-${gone}-01234567`);
    mkdirSync(join(planted, 'below'), { recursive: true });
    chownSync(planted, 4711, 4711);
    expect(sweepStale(cache)).toEqual([]);
    expect(existsSync(join(planted, 'below'))).toBe(true);
  });

  it('keeps the snapshots used last, and of the others those used within a week', () => {
    const cache = join(folder, 'pruned');
    const now = new Date();
    const name = (index: number): string => index.toString(16).padStart(24, '0');
    for (let index = 0; index < 14; index += 1) {
      const place = join(cache, 'snapshots', name(index));
      mkdirSync(place, { recursive: true });
      writeManifest(place, {});
      const days = index < 5 ? 30 + index : index < 13 ? 1 + index / 100 : 0;
      const used = new Date(now.getTime() - days * 86_400_000);
      utimesSync(join(place, 'manifest.json'), used, used);
    }
    sweepStale(cache, now);
    expect(readdirSync(join(cache, 'snapshots')).sort()).toEqual(
      [5, 6, 7, 8, 9, 10, 11, 12, 13].map(name),
    );
  });

  it('keeps the newest even when nothing was used for long', () => {
    const cache = join(folder, 'old');
    const long = new Date(Date.now() - 90 * 86_400_000);
    for (let index = 0; index < 5; index += 1) {
      const place = join(cache, 'snapshots', String(index).padStart(24, '0'));
      mkdirSync(place, { recursive: true });
      writeManifest(place, {});
      const used = new Date(long.getTime() + index * 1000);
      utimesSync(join(place, 'manifest.json'), used, used);
    }
    sweepStale(cache);
    expect(readdirSync(join(cache, 'snapshots')).map(Number).sort()).toEqual([2, 3, 4]);
  });
});
