// The runner's folders, in the layout of a real one.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Folders } from './types.ts';

/** `name`: of the repository, without its owner. */
export function createFolders(root: string, name: string, event: unknown): Folders {
  const work = join(root, '_work');
  const temp = join(work, '_temp');
  const folders = {
    root,
    work,
    temp,
    tools: join(work, '_tool'),
    actions: join(work, '_actions'),
    workspace: join(work, name, name),
    eventFile: join(temp, '_github_workflow', 'event.json'),
  };
  const { tools, actions, workspace, eventFile } = folders;
  for (const folder of [
    tools,
    actions,
    workspace,
    join(temp, '_github_home'),
    join(eventFile, '..'),
  ])
    mkdirSync(folder, { recursive: true });
  writeFileSync(eventFile, JSON.stringify(event, undefined, 2));
  return folders;
}

export function createRoot(root?: string): { root: string; remove: () => void } {
  if (root !== undefined) {
    mkdirSync(root, { recursive: true });
    return { root: realpathSync(root), remove: () => undefined };
  }
  const made = mkdtempSync(join(realpathSync(tmpdir()), 'actions-runner-'));
  return { root: made, remove: () => rmSync(made, { recursive: true, force: true }) };
}
