// Finds the files that come with this program: the bundle and the sources lie at different depths.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SandboxError } from '../model/error.ts';

/** Folder of the guest init's C sources. */
export function guestSources(): string {
  return packaged('guest');
}

/** Folder of the C sources of the few programs that run on the host. */
export function nativeSources(): string {
  return packaged('native');
}

function packaged(name: string): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (let depth = 0; depth < 4; depth += 1) {
    if (existsSync(join(folder, 'package.json')) && existsSync(join(folder, name)))
      return join(folder, name);
    folder = dirname(folder);
  }
  throw new SandboxError({
    kind: 'internal',
    code: 'ENGINE_PACKAGE',
    message: `the folder ${name} of this program is missing`,
    hint: 'install agent-sandbox again',
  });
}
