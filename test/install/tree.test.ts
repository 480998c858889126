// The record of a package in a lock file, which a workspace may have written: it names parts, and tells a manager nothing else.
import { describe, expect, it } from 'vitest';

import { recordOfTree, treeOfRecord } from '../../src/install/tree.ts';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const pip = { manager: 'pip' as const, name: 'hello', version: '1.0' };
const npm = { manager: 'npm' as const, name: '@a/hello', version: '1.0.0' };

describe('a record', () => {
  it.each([
    [pip, 'hello-1.0-py3-none-any.whl hello@1.0'],
    [pip, 'torch-2.1.0%2Bcpu-cp311-cp311-linux_x86_64.whl torch@2.1.0+cpu'],
    [pip, 'x-1!2.0rc1.post1-py3-none-any.whl x.y_z@1!2.0rc1.post1'],
    [npm, 'node_modules/@a/hello @a/hello@1.0.0'],
    [npm, 'node_modules/a/node_modules/@b/c other@1.2.3-beta.1+build'],
  ])('is the tree it was made of: %o %s', (root, key) => {
    const tree = treeOfRecord(root, { [key]: DIGEST });
    expect(tree?.parts).toHaveLength(1);
    expect(tree && recordOfTree(tree)).toEqual({ [key]: DIGEST });
  });

  it.each([
    [pip, 'x.whl -r/workspace/evil@1'],
    [pip, 'x.whl --editable=/workspace/evil@1'],
    [pip, 'x.whl --no-binary=:all:@1'],
    [pip, 'x.whl /workspace/evil@1'],
    [pip, 'x.whl ./evil@1'],
    [pip, 'x.whl evil@1;python_version>"0"'],
    [pip, 'x.tar.gz x@1.0'],
    [pip, 'x.whl x@1,<2'],
    [pip, 'x.whl x[extra]@1'],
    [npm, 'node_modules/x x@file:/workspace/evil'],
    [npm, 'node_modules/x x@git+file:///workspace/evil'],
    [npm, 'node_modules/x x@npm:y'],
    [npm, 'node_modules/x ../evil@1.0.0'],
    [npm, 'node_modules/../../evil x@1.0.0'],
    [npm, 'evil x@1.0.0'],
    [npm, '/node_modules/x x@1.0.0'],
    [npm, 'node_modules/.bin/x x@1.0.0'],
  ])('that says more is none: %o %s', (root, key) => {
    expect(treeOfRecord(root, { [key]: DIGEST })).toBeUndefined();
  });
});
