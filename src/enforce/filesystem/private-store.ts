// Where private content lies: numbered files in a directory of the session (0700), and the list of what they are. The numbers
// mean nothing outside; a rename never touches the disk.

import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  type BigIntStats,
} from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../model/error.ts';
import { toText } from './file-name.ts';
import type { PrivateContent, PrivateDirectory } from './private-entry.ts';
import { Format } from './protocol.ts';

const PERMISSIONS = 0o1777;

export interface PrivateStore {
  readonly root: PrivateDirectory;
  place(id: number): string;
  /** An empty file, open for reading and writing. */
  createFile(mode: number): { content: PrivateContent; fd: number };
  createLink(target: Buffer): PrivateContent;
  /** A fifo or socket: the guest kernel is all there is to it. */
  createSpecial(format: number, mode: number): PrivateContent;
  createDirectory(): number;
  /** A copy of a host file, given by a path that may be followed. */
  copyFile(path: string, stat: BigIntStats): PrivateContent;
  /** Takes a file or link over by its name, if it lies on the same disk. */
  takeOver(place: string | Buffer, stat: BigIntStats): PrivateContent | undefined;
  stat(id: number): BigIntStats;
  /** One name less; the last one takes the content with it. */
  drop(content: PrivateContent): void;
  dropDirectory(id: number): void;
  /** The tree has changed. */
  touch(): void;
  /** Writes the list of what is in the copy, if it has changed. */
  save(): void;
}

export function createPrivateStore(root: PrivateDirectory, directory: string): PrivateStore {
  const data = join(directory, 'data');
  const list = join(directory, 'index.json');
  let nextId = 1;
  let isMade = false;
  let isDirty = false;

  const place = (id: number): string => join(data, String(id));

  function newId(): number {
    // Most sessions keep nothing private: the directory is made for those that do.
    if (!isMade) mkdirSync(data, { recursive: true, mode: 0o700 });
    isMade = true;
    isDirty = true;
    return nextId++;
  }

  function contentOf(id: number, format: number, mode: number): PrivateContent {
    return { kind: 'content', id, format, mode: mode & PERMISSIONS, links: 1 };
  }

  function createFile(mode: number): { content: PrivateContent; fd: number } {
    const id = newId();
    const fd = openSync(place(id), constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, 0o600);
    return { content: contentOf(id, Format.FILE, mode), fd };
  }

  function createSpecial(format: number, mode: number): PrivateContent {
    const { content, fd } = createFile(mode);
    closeSync(fd);
    return { ...content, format };
  }

  function copyFile(path: string, stat: BigIntStats): PrivateContent {
    const id = newId();
    copyFileSync(path, place(id), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    chmodSync(place(id), 0o600);
    utimesSync(place(id), Number(stat.atimeNs) / 1e9, Number(stat.mtimeNs) / 1e9);
    return contentOf(id, Format.FILE, Number(stat.mode));
  }

  function takeOver(source: string | Buffer, stat: BigIntStats): PrivateContent | undefined {
    // Another name on the host must never see what is written here.
    if (stat.nlink !== 1n) return undefined;
    const id = newId();
    try {
      renameSync(source, place(id));
    } catch (error) {
      if (errnoOf(error) === 'EXDEV') return undefined;
      throw error;
    }
    const mode = Number(stat.mode);
    const format = mode & Format.MASK;
    if (format === Format.FILE) chmodSync(place(id), 0o600);
    return contentOf(id, format, mode);
  }

  function save(): void {
    if (!isDirty) return;
    isDirty = false;
    const entries = listEntries(root, '');
    const temporary = `${list}.new`;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(temporary, `${JSON.stringify({ version: 1, entries })}\n`, { mode: 0o600 });
    renameSync(temporary, list);
  }

  return {
    root,
    place,
    createFile,
    createLink: (target) => {
      const id = newId();
      symlinkSync(target, place(id));
      return contentOf(id, Format.LINK, 0o777);
    },
    createSpecial,
    createDirectory: () => {
      const id = newId();
      mkdirSync(place(id), { mode: 0o700 });
      return id;
    },
    copyFile,
    takeOver,
    stat: (id) => lstatSync(place(id), { bigint: true }),
    drop: (content) => {
      isDirty = true;
      content.links -= 1;
      if (content.links === 0) unlinkSync(place(content.id));
    },
    dropDirectory: (id) => {
      isDirty = true;
      rmdirSync(place(id));
    },
    touch: () => {
      isDirty = true;
    },
    save,
  };
}

/** One line of the list: what the guest has under a path, or that it removed the host's. */
export interface PrivateListEntry {
  /** text path, as in requests */
  path: string;
  kind: 'file' | 'link' | 'directory' | 'special' | 'removed';
  mode?: number;
  /** name of the content's file in `data/` */
  data?: string;
}

function listEntries(directory: PrivateDirectory, path: string): PrivateListEntry[] {
  const entries: PrivateListEntry[] = [];
  for (const [name, entry] of directory.entries) {
    const here = `${path}/${toText(name)}`;
    if (entry.kind === 'gap') entries.push({ path: here, kind: 'removed' });
    else if (entry.kind === 'content')
      entries.push({ path: here, kind: kindOf(entry), mode: entry.mode, data: String(entry.id) });
    else {
      const isOwn = entry.id !== undefined || entry.mode !== undefined;
      if (isOwn) entries.push({ path: here, kind: 'directory', mode: entry.mode ?? 0o755 });
      entries.push(...listEntries(entry, here));
    }
  }
  return entries;
}

function kindOf({ format }: PrivateContent): 'file' | 'link' | 'special' {
  if (format === Format.FILE) return 'file';
  return format === Format.LINK ? 'link' : 'special';
}
