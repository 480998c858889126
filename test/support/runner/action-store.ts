// Where `uses:` leads: to a folder of the workspace, or to one below `_actions` that is put there before the job's first step.

import { cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { writeCheckout } from './checkout.ts';
import type { ActionSource, Folders, RunOptions } from './types.ts';

export type Uses =
  | { kind: 'local'; path: string }
  | { kind: 'repository'; repository: string; path: string; ref: string };

export function parseUses(text: string): Uses {
  if (text.startsWith('./')) return { kind: 'local', path: text };
  const match = /^([^/@\s]+\/[^/@\s]+)(?:\/([^@\s]*))?@(\S+)$/.exec(text);
  if (match === null)
    throw new Error(
      `Expected format {org}/{repo}[/path]@ref. Actual '${text}' (docker actions are not run here)`,
    );
  const [, repository = '', path = '', ref = ''] = match;
  return { kind: 'repository', repository, path, ref };
}

/** Absolute folder of the action; throws where nobody said what its repository is. */
export function placeAction(uses: Uses, folders: Folders, options: RunOptions): string {
  if (uses.kind === 'local') return join(folders.workspace, uses.path);
  const { repository, ref, path } = uses;
  const place = join(folders.actions, repository, ref);
  if (!existsSync(place)) fill(place, `${repository}@${ref}`, options);
  return join(place, path);
}

function fill(place: string, named: string, options: RunOptions): void {
  const repository = named.slice(0, named.indexOf('@'));
  const source = options.actions?.[named] ?? options.actions?.[repository];
  mkdirSync(dirname(place), { recursive: true });
  if (source !== undefined) copy(source, place);
  else if (repository === 'actions/checkout') writeCheckout(place, options);
  else throw new Error(`Unable to resolve action \`${named}\`, repository or version not found`);
}

function copy(source: ActionSource, place: string): void {
  if (typeof source === 'string') return symlinkSync(source, place);
  for (const name of source.only)
    cpSync(join(source.folder, name), join(place, name), { recursive: true });
}
