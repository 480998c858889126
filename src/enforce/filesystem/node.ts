// What the guest kernel knows a file as. A node is one file with the names that lead to it and are judged alike: two names of
// one file with other rights are two nodes. Invariant: a node stays the same file for as long as it lives; when its name
// leads to another file, the name gets another node.

import type { BigIntStats } from 'node:fs';
import type { PrivateContent, PrivateDirectory } from './private-entry.ts';

export interface Node {
  readonly id: number;
  /** absent for the root; kept after the name is gone, for as long as the guest has the file open */
  parent: Node | undefined;
  /** byte name */
  name: string;
  /** further names of a hard-linked file, judged as the first is */
  aliases: Name[] | undefined;
  /** changes only when the content moves between the host and the private copy */
  dev: bigint;
  ino: bigint;
  /** `S_IFMT` bits */
  readonly format: number;
  /** references the guest kernel holds */
  lookups: number;
  children: Map<string, Node> | undefined;
  /** names the guest was told are not there */
  absent: Set<string> | undefined;
  /** change time the guest was last told, 0 when it believes none */
  sentCtimeNs: bigint;
  /** the name is gone, or leads elsewhere */
  isDetached: boolean;
  /** inside a share: the host may change it, and new files belong to the host user */
  isShared: boolean;
  /** a directory whose listing, with attributes, the guest may have kept */
  isListed: boolean;
  /** a directory of the system that only its owner may search */
  isClosed: boolean;
  /** the last name of its file is gone */
  isGone: boolean;
  /** what the private copy holds of it */
  copy: PrivateContent | PrivateDirectory | undefined;
  /** end of the file as of the last write through here, -1 when unknown */
  knownEnd: number;
  /** the budget's `refunds` when that was so */
  knownEndAt: number;

  /** judged path of a directory, as of `textEpoch`; of anything whose names are gone, the last one */
  text: string;
  textEpoch: number;
  /** what the judge has answered, as of `verdictEpoch` */
  verdicts: number;
  verdictEpoch: number;

  /** open descriptors, -1 for none: the directory, the file's data, the file held after its name is gone */
  directoryFd: number;
  dataFd: number;
  isDataWritable: boolean;
  pinFd: number;
}

export interface Name {
  parent: Node;
  name: string;
}

/** What a directory has under a name. */
export interface FoundName {
  parent: Node;
  name: string;
  stat: BigIntStats;
  /** what the private copy has under the name */
  copy: PrivateContent | PrivateDirectory | undefined;
}

export interface Identity {
  dev: bigint;
  ino: bigint;
  format: number;
}

export function joinText(directory: string, name: string): string {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}

export function isSame(node: Node, identity: Identity): boolean {
  return node.ino === identity.ino && node.dev === identity.dev && node.format === identity.format;
}

export function createNode(
  id: number,
  parent: Node | undefined,
  name: string,
  identity: Identity,
): Node {
  return {
    id,
    parent,
    name,
    aliases: undefined,
    dev: identity.dev,
    ino: identity.ino,
    format: identity.format,
    lookups: 0,
    children: undefined,
    absent: undefined,
    sentCtimeNs: 0n,
    isDetached: false,
    isShared: false,
    isListed: false,
    isClosed: false,
    isGone: false,
    copy: undefined,
    knownEnd: -1,
    knownEndAt: -1,
    text: '',
    textEpoch: -1,
    verdicts: 0,
    verdictEpoch: -1,
    directoryFd: -1,
    dataFd: -1,
    isDataWritable: false,
    pinFd: -1,
  };
}
