// The folder where packages lie by the digest of what they are made of: each is there as a whole or not at all.

import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { digestOfTree, type PackageTree } from './tree.ts';

export const placeOf = (packages: string, tree: PackageTree): string =>
  join(packages, digestOfTree(tree).slice('sha256:'.length));

/** Fills a new folder by `fill`, and puts it where its tree belongs. Whoever was first there has the same. */
export async function store(
  packages: string,
  fill: (directory: string) => Promise<PackageTree>,
): Promise<{ directory: string; tree: PackageTree }> {
  mkdirSync(packages, { recursive: true, mode: 0o755 });
  const part = mkdtempSync(join(packages, 'part-'));
  chmodSync(part, 0o755);
  try {
    const tree = await fill(part);
    const directory = placeOf(packages, tree);
    if (!existsSync(directory)) renameSync(part, directory);
    return { directory, tree };
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}
