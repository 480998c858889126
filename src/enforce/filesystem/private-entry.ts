// What the session's private copy holds: a tree of names over the host's. What is not in it is the host's.

/** A file, a link, a fifo or a socket; its content is the file `id` of the store. Two names may share one. */
export interface PrivateContent {
  kind: 'content';
  id: number;
  /** `S_IFMT` bits as the guest sees them */
  format: number;
  /** permission bits as the guest sees them */
  mode: number;
  /** names that lead to it */
  links: number;
}

export interface PrivateDirectory {
  kind: 'directory';
  /** directory `id` of the store, which lends it inode number and times; absent for a directory of the host's */
  id: number | undefined;
  /** permission bits, where they differ from the host's */
  mode: number | undefined;
  /** when a name in it last changed, or the time that was set; ns since the epoch */
  mtimeNs: bigint | undefined;
  entries: Map<string, PrivateEntry>;
}

/** The host's file of that name does not exist for the guest. */
export interface PrivateGap {
  kind: 'gap';
}

export type PrivateEntry = PrivateContent | PrivateDirectory | PrivateGap;

export const GAP: PrivateGap = { kind: 'gap' };

export function createPrivateDirectory(id: number | undefined): PrivateDirectory {
  return { kind: 'directory', id, mode: undefined, mtimeNs: undefined, entries: new Map() };
}

/** Whether the directory stands over one of the host's. */
export function hasHostSide(directory: PrivateDirectory): boolean {
  return directory.id === undefined;
}
