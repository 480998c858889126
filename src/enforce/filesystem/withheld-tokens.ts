// Git settings that hold tokens are shown as a copy without them. Invariant: where the settings cannot be searched, nothing of
// them is shown.

import type { FoundName } from './node.ts';
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { pathOf, statCopy } from './found-name.ts';
import { isGitSettings, MAX_SETTINGS, withoutTokens } from './git-config.ts';
import { setEntry } from './private-copy.ts';
import type { PrivateContent } from './private-entry.ts';
import { Format } from './protocol.ts';
import type { FilesystemState } from './state.ts';

const OPEN = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** The name as it is to be shown: itself, or the session's copy of it without tokens. */
export function withholdTokens(state: FilesystemState, found: FoundName): FoundName {
  const { parent, name, stat } = found;
  if (!name.startsWith('config') || !isGitSettings(pathOf(state, parent, name))) return found;
  if ((Number(stat.mode) & Format.MASK) !== Format.FILE) return found;
  const clean = cleanSettings(state.descriptors.place(parent, name));
  if (clean === undefined) return found;
  const content = store(state, Number(stat.mode), clean);
  setEntry(state, parent, name, content);
  return { ...found, stat: statCopy(state, content), copy: content };
}

function cleanSettings(place: string | Buffer): string | undefined {
  const fd = openSync(place, OPEN);
  try {
    const { size } = fstatSync(fd);
    if (size > MAX_SETTINGS) return '';
    const buffer = Buffer.alloc(size);
    return withoutTokens(buffer.toString('latin1', 0, readSync(fd, buffer, 0, size, 0)));
  } finally {
    closeSync(fd);
  }
}

function store(state: FilesystemState, mode: number, text: string): PrivateContent {
  const { content, fd } = state.privates.createFile(mode);
  try {
    writeSync(fd, text, 0, 'latin1');
  } finally {
    closeSync(fd);
  }
  return content;
}
