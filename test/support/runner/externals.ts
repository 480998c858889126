// The runner's own node, in the versions that it carries (`externals/`), from npm.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Of actions/runner 2.336.0. */
export const NODE_VERSIONS = { node20: '20.20.2', node24: '24.19.0' } as const;
export type NodeName = keyof typeof NODE_VERSIONS;

const found = new Map<NodeName, Promise<string>>();

/** Absolute path of the program; fetched when it is asked for first. Throws where this machine has no such package. */
export function findNode(name: NodeName): Promise<string> {
  const known = found.get(name) ?? lookFor(name);
  found.set(name, known);
  return known;
}

async function lookFor(name: NodeName): Promise<string> {
  if (process.version === `v${NODE_VERSIONS[name]}`) return process.execPath;
  const named = `node-linux-${process.arch}@${NODE_VERSIONS[name]}`;
  const args = ['exec', '--yes', `--package=${named}`, '-c', 'command -v node'];
  const { stdout } = await promisify(execFile)('npm', args);
  return stdout.trim();
}
