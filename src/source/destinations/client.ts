// What destinations are read from: the user's own files, variables and programs on the host. Never the workspace's: what comes
// in a pull request must not say which hosts are open.

import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, realpathSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

export interface Client {
  home: string;
  environment: Readonly<Record<string, string | undefined>>;
  /** content of a file, undefined where there is none */
  read: (file: string) => string | undefined;
  /** files of a folder, sorted; none where there is no folder */
  list: (folder: string) => string[];
  /** what a program prints; undefined when it is missing or fails */
  ask: (program: string, args: readonly string[]) => string | undefined;
}

const ASK_LIMIT = 10_000;
const LONGEST = 1024 * 1024;

/** `workspace`: no program of it answers, though PATH may lead there, as it does under npx. */
export function hostClient(
  home: string,
  environment: Readonly<Record<string, string | undefined>>,
  workspace: string,
): Client {
  const path = pathOutside(environment['PATH'], workspace);
  return {
    home,
    environment,
    read: (file) => attempt(() => readFileSync(file, 'utf8').slice(0, LONGEST)),
    list: (folder) =>
      (attempt(() => readdirSync(folder)) ?? []).sort().map((name) => join(folder, name)),
    ask: (program, args) =>
      attempt(() =>
        execFileSync(program, args, {
          // Nothing of the workspace may answer: neither its configuration nor its programs.
          cwd: '/',
          env: { ...environment, PATH: path },
          encoding: 'utf8',
          timeout: ASK_LIMIT,
          maxBuffer: LONGEST,
          stdio: ['ignore', 'pipe', 'ignore'],
        }),
      ),
  };
}

const SYSTEM_PATH = '/usr/local/bin:/usr/bin:/bin';

/** The folders of PATH that are there and do not lie in the workspace; those of the system where there are none. */
export function pathOutside(path: string | undefined, workspace: string): string {
  const kept = (path ?? '').split(':').filter((folder) => {
    const real = isAbsolute(folder) ? attempt(() => realpathSync.native(folder)) : undefined;
    if (real === undefined) return false;
    return [folder, real].every((one) => one !== workspace && !one.startsWith(`${workspace}/`));
  });
  return kept.length === 0 ? SYSTEM_PATH : kept.join(':');
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
