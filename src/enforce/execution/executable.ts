// Which file a command line would run, as far as the host can see it, and whether the policy lets it run.
// Invariant: a name reached through links is judged by the name asked for and by the file it ends in; either may deny.

import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { isAbsolute, join, normalize } from 'node:path';
import type { Decision } from '../../model/decision.ts';
import type { Request } from '../../model/request.ts';

export interface ExecutionVerdict {
  allowed: boolean;
  decision: Decision;
}

/** What asks and records: the session's point. */
export type Ask = (request: Request) => ExecutionVerdict;

/**
 * Judges `name` as the guest will look it up: by path when it holds a slash, else along `path`.
 * A file that exists only inside the guest is judged by the path it would have there.
 */
export function judgeExecutable(
  name: string,
  options: { cwd: string; path: string; ask: Ask },
): ExecutionVerdict {
  let last: ExecutionVerdict | undefined;
  for (const candidate of namesOf(locate(name, options))) {
    last = options.ask({ kind: 'exec', path: candidate });
    if (!last.allowed) return last;
  }
  if (last === undefined) throw new Error('a command has at least one name');
  return last;
}

function locate(name: string, options: { cwd: string; path: string }): string {
  if (name.includes('/')) return normalize(isAbsolute(name) ? name : join(options.cwd, name));
  for (const directory of options.path.split(':')) {
    if (!isAbsolute(directory)) continue;
    const candidate = join(directory, name);
    if (isExecutableFile(candidate)) return candidate;
  }
  return join(options.cwd, name);
}

function isExecutableFile(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false; // not there, or not for us: the search goes on as a shell's would
  }
}

function namesOf(file: string): string[] {
  try {
    const real = realpathSync(file);
    return real === file ? [file] : [file, real];
  } catch {
    return [file]; // only the guest has it
  }
}
