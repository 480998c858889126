// What a destination asks the host's own package clients: never a program that the workspace brings along.
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { hostClient, pathOutside } from '../../src/source/destinations/client.ts';

let root: string;
beforeEach(() => void (root = realpathSync(mkdtempSync(join(tmpdir(), 'client-path-')))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

it('asks no program of the workspace, by whatever way PATH leads there', () => {
  const workspace = join(root, 'ws');
  const bin = join(workspace, 'node_modules/.bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'answers'), '#!/bin/sh\necho pwned\n');
  chmodSync(join(bin, 'answers'), 0o755);
  symlinkSync(bin, join(root, 'link'));
  const PATH = `${bin}:${join(root, 'link')}:node_modules/.bin:/usr/bin:/bin`;
  expect(hostClient(root, { PATH }, workspace).ask('answers', [])).toBeUndefined();
  expect(hostClient(root, { PATH }, workspace).ask('echo', ['x'])).toBe('x\n');
  // The program is one where PATH leads elsewhere.
  expect(hostClient(root, { PATH }, join(root, 'other')).ask('answers', [])).toBe('pwned\n');
  expect(pathOutside(undefined, workspace)).toContain('/usr/bin');
});
