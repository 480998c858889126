// The version of this program, from its package.json.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The directory of the package: the nearest one above that has a package.json. */
export const packageDirectory = findPackage(dirname(fileURLToPath(import.meta.url)));

export const version = readVersion();

function findPackage(start: string): string {
  for (let directory = start; ; directory = dirname(directory)) {
    try {
      readFileSync(join(directory, 'package.json'));
      return directory;
    } catch {
      if (directory === dirname(directory)) return start; // not installed as a package
    }
  }
}

function readVersion(): string {
  try {
    const manifest: unknown = JSON.parse(
      readFileSync(join(packageDirectory, 'package.json'), 'utf8'),
    );
    const value = (manifest as { version?: unknown }).version;
    return typeof value === 'string' ? value : 'unknown';
  } catch {
    return 'unknown'; // not installed as a package
  }
}
