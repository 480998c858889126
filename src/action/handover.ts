// The directory that a step's command sees of its step: its script, and the files for later steps.

import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import type { JobContext } from '../github/context.ts';
import { errnoOf, SandboxError } from '../model/error.ts';
import { HANDOVER_FILES } from '../source/builtin.ts';

const PREFIX = 'agent-sandbox-step-';
/** directories of one name that other runs may have left behind */
const MOST = 100;

/**
 * Outside of the runner's own directories, which no guest sees. Called the same for the same step of each run: its path is part of
 * the policy, whose digest people compare.
 */
export function createHandover(
  { repository, job, step }: Pick<JobContext, 'repository' | 'job' | 'step'>,
  run: string,
): { directory: string; script: string } {
  const name = createHash('sha256')
    .update(JSON.stringify([repository, job, step]))
    .digest('hex');
  const directory = create(join(realpathSync(tmpdir()), `${PREFIX}${name.slice(0, 16)}`));
  for (const file of HANDOVER_FILES)
    writeFileSync(join(directory, file), '', { mode: 0o600, flag: 'wx' });
  const script = join(directory, 'script');
  writeFileSync(script, run.endsWith('\n') ? run : `${run}\n`, {
    mode: isRoot() ? 0o444 : 0o400,
    flag: 'wx',
  });
  return { directory, script };
}

function create(path: string): string {
  for (let count = 0; count < MOST; count += 1) {
    const directory = count === 0 ? path : `${path}-${count}`;
    try {
      mkdirSync(directory, { mode: 0o700 });
      // The guest's user is not always the host's: where the job runs as root, it is another. Elsewhere nobody else looks in.
      if (isRoot()) chmodSync(directory, 0o711);
      return directory;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
  }
  throw new SandboxError({
    kind: 'environment',
    code: 'ACTION_HANDOVER_FULL',
    message: `there are ${MOST} directories like ${path} of other runs`,
    hint: 'remove them, where no job is running',
  });
}

const isRoot = (): boolean => process.getuid?.() === 0;

/** Removes what `createHandover` made, and nothing else; a guest may have put directories there that nobody may look into. */
export function removeHandover(directory: string): void {
  if (!basename(directory).startsWith(PREFIX)) return;
  try {
    rmSync(directory, { recursive: true, force: true });
  } catch (error) {
    if (errnoOf(error) !== 'EACCES') throw error;
    openDirectories(directory);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Links are not followed. */
function openDirectories(directory: string): void {
  const waiting = [directory];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    chmodSync(at, 0o700);
    for (const entry of readdirSync(at, { withFileTypes: true }))
      if (entry.isDirectory()) waiting.push(join(at, entry.name));
  }
}
