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

/** As a lock file has it: `PATH NAME@VERSION` to the digest. */
export function recordOfTree({ parts }: PackageTree): Record<string, string> {
  return Object.fromEntries(
    parts.map(({ path, name, version, integrity }) => [`${path} ${name}@${version}`, integrity]),
  );
}

const NPM_NAME = '(?:@[A-Za-z0-9~_-][A-Za-z0-9._~-]*/)?[A-Za-z0-9~_-][A-Za-z0-9._~-]*';

/** Path, name and version. Managers read more into these than names: options, addresses, folders of the host. */
const IN_RECORD: Record<PackageTree['manager'], readonly RegExp[]> = {
  npm: [
    new RegExp(`^node_modules/${NPM_NAME}(?:/node_modules/${NPM_NAME})*$`),
    new RegExp(`^${NPM_NAME}$`),
    /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/,
  ],
  // A wheel and nothing else: whatever else pip is given may be built, which runs it.
  pip: [
    /^[A-Za-z0-9][A-Za-z0-9._+!%-]*\.whl$/,
    /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/,
    /^[0-9][0-9A-Za-z]*(?:[.!+_-][0-9A-Za-z]+)*$/,
  ],
};

/** Undefined where it is none. */
export function treeOfRecord(
  root: Pick<PackageTree, 'manager' | 'name' | 'version'>,
  record: Readonly<Record<string, string>>,
): PackageTree | undefined {
  const { manager, name, version } = root;
  const parts: TreePart[] = [];
  for (const [key, integrity] of Object.entries(record)) {
    const [, path, own, at] = /^(\S+) (\S+)@([^@\s]+)$/.exec(key) ?? [];
    if (path === undefined || own === undefined || at === undefined) return undefined;
    if (!IN_RECORD[manager].every((form, index) => form.test([path, own, at][index] ?? '')))
      return undefined;
    parts.push({ path, name: own, version: at, integrity });
  }
  parts.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { manager, name, version, parts };
}
