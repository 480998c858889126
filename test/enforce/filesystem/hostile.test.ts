// What guest root can ask of the server that no kernel would: each of these went through once.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openRawFilesystem, type RawFilesystem } from '../../support/raw-filesystem.ts';

const MIB = 1 << 20;
const EACCES = 13;
const ENOSPC = 28;
const ESTALE = 116;
const EVERYTHING = 'version: 1\nfilesystem: {allow: [{path: /**, access: write}]}\n';
const WORKSPACE = 'version: 1\nfilesystem: {allow: [{path: ., access: write}]}\n';

describe('a guest that is no kernel', () => {
  let raw: RawFilesystem | undefined;
  afterEach(() => raw?.close());

  it('has no second node of a directory, by which a move would not be seen', () => {
    raw = openRawFilesystem({ policy: WORKSPACE });
    const top = raw.makeDirectory(raw.root, 'top');
    const plain = raw.makeDirectory(top, 'plain');
    const below = raw.makeDirectory(plain, 'below');
    for (const directory of [plain, below]) expect(raw.create(directory, 'opens-it').errno).toBe(0);
    raw.forget(top);
    const again = raw.lookup(raw.root, 'top');
    expect(raw.lookup(again, 'plain')).toBeGreaterThan(0);
    expect(raw.rename(again, 'plain', again, '.git').errno).toBe(0);
    for (const directory of [top, plain, below])
      expect(raw.create(directory, 'config').errno).toBe(ESTALE);
    expect(existsSync(join(raw.workspace, 'top/.git/config'))).toBe(false);
    // The honest way leads into the session's own copy.
    const moved = raw.lookup(again, '.git');
    expect(raw.create(moved, 'config').errno).toBe(0);
    expect(existsSync(join(raw.workspace, 'top/.git/config'))).toBe(false);
  });

  it('keeps a file by its other name when the directory of its first one is forgotten', () => {
    raw = openRawFilesystem({ policy: WORKSPACE });
    const first = raw.makeDirectory(raw.root, 'first');
    const file = raw.create(first, 'file').node;
    expect(raw.link(file, raw.root, 'other')).toBe(file);
    raw.forget(first);
    expect(raw.write(file, Buffer.from('kept'), 0).errno).toBe(0);
    expect(raw.read(file).body.toString()).toBe('kept');
    expect(raw.lookup(raw.root, 'other')).toBe(file);
  });

  it("is not let into the host kernel's files by creating what is there", () => {
    raw = openRawFilesystem({ policy: EVERYTHING });
    expect(raw.lookup(1, 'proc')).toBe(0);
    expect(raw.create(1, 'proc')).toMatchObject({ errno: EACCES, node: 0 });
    expect(raw.events.at(-1)).toMatchObject({
      request: 'read /proc',
      effect: 'deny',
      rule: { id: 'builtin/kernel-files' },
    });
  });

  it('pays for what it writes when the file was cut by another of its names', () => {
    const policy = `${WORKSPACE}execution: {deny: [{path: curl}]}\n`;
    raw = openRawFilesystem({ policy, disk: 4 * MIB });
    const bytes = Buffer.alloc(MIB, 1);
    const errors: number[] = [];
    for (let i = 0; i < 8; i++) {
      const directory = raw.makeDirectory(raw.root, `d${i}`);
      const file = raw.create(directory, 'file').node;
      if (file === 0) break;
      // Judged unlike the first name, so it has a node of its own.
      const other = raw.link(file, directory, 'curl');
      expect(other).not.toBe(file);
      for (let at = 0; at < 3; at++) errors.push(raw.write(file, bytes, at * MIB).errno);
      raw.truncate(other, 0);
      for (let at = 0; at < 3; at++) errors.push(raw.write(file, bytes, at * MIB).errno);
    }
    expect(errors).toContain(ENOSPC);
    const files = readdirSync(raw.workspace).map((name) =>
      join(raw?.workspace ?? '', name, 'file'),
    );
    const used = files
      .filter((file) => existsSync(file))
      .reduce((sum, file) => sum + statSync(file).size, 0);
    expect(used).toBeLessThanOrEqual(4 * MIB);
  });
});
