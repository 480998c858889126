// What was installed, part by part, so that the same can be installed again and anything else be told from it.

import { createHash } from 'node:crypto';

import { canonicalJson } from '../policy/canonical.ts';

export interface TreePart {
  /** npm: path within the folder, `node_modules/NAME`; pip: the name of the file */
  path: string;
  name: string;
  version: string;
  /** `sha512-…` as npm has it, or `sha256:` and hex as pip */
  integrity: string;
}

/** A package with all it needs, in order of paths. */
export interface PackageTree {
  manager: 'npm' | 'pip';
  name: string;
  version: string;
  parts: TreePart[];
}

/** `sha256:…` of the tree, which holds the digest of each part. */
export function digestOfTree(tree: PackageTree): string {
  return `sha256:${createHash('sha256').update(canonicalJson(tree)).digest('hex')}`;
}
