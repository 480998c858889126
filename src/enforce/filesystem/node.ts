// The names the guest kernel knows. A node is one name in one directory: a file with two names is two nodes, so that each is
// judged by its own path. Invariant: a node stays the same file for as long as it lives; when its name leads to another
// file, the name gets another node.

import { toText } from './file-name.ts';
import { Format, ROOT_NODE } from './protocol.ts';
import type { PrivateContent, PrivateDirectory } from './private-entry.ts';

export interface Node {
  readonly id: number;
  /** absent for the root; kept after the name is gone, for as long as the guest has the file open */
  parent: Node | undefined;
  /** byte name */
  name: string;
  /** changes only when the content moves between the host and the private copy */
  dev: bigint;
  ino: bigint;
  /** `S_IFMT` bits */
  readonly format: number;
  /** references the guest kernel holds */
  lookups: number;
  children: Map<string, Node> | undefined;
  /** the name is gone, or leads elsewhere */
  isDetached: boolean;
  /** inside a share: the host may change it, and new files belong to the host user */
  isShared: boolean;
  /** a directory of the system that only its owner may search */
  isClosed: boolean;
  /** the last name of its file is gone */
  isGone: boolean;
  /** what the private copy holds of it */
  copy: PrivateContent | PrivateDirectory | undefined;
  /** end of the file as of the last write through here, -1 when unknown */
  knownEnd: number;

  /** judged path, as of `textEpoch` */
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

export interface Identity {
  dev: bigint;
  ino: bigint;
  format: number;
}

export interface NodeTable {
  readonly root: Node;
  /** grows whenever a directory gets another path: what was judged before is judged again */
  readonly epoch: number;
  readonly size: number;
  get(id: number): Node | undefined;
  /** The node of a name, made or found, with one reference more; undefined when the table is full. */
  enter(parent: Node, name: string, identity: Identity): Node | undefined;
  forget(node: Node, references: number): void;
  /** The name no longer leads to the node. */
  detach(node: Node): void;
  move(node: Node, parent: Node, name: string): void;
  textOf(node: Node): string;
}

export interface NodeTableOptions {
  root: Identity;
  capacity: number;
  /** the guest kernel has forgotten a node */
  onForget: (node: Node) => void;
}

export function createNodeTable({
  root: rootIdentity,
  capacity,
  onForget,
}: NodeTableOptions): NodeTable {
  const byId = new Map<number, Node>();
  let nextId = ROOT_NODE;
  let epoch = 0;
  const root = createNode(nextId++, undefined, '', rootIdentity);
  byId.set(root.id, root);

  function enter(parent: Node, name: string, identity: Identity): Node | undefined {
    const known = parent.children?.get(name);
    if (known) {
      if (isSame(known, identity)) {
        known.lookups += 1;
        return known;
      }
      detach(known);
    }
    if (byId.size >= capacity) return undefined;
    const node = createNode(nextId++, parent, name, identity);
    node.lookups = 1;
    byId.set(node.id, node);
    (parent.children ??= new Map()).set(name, node);
    return node;
  }

  function forget(node: Node, references: number): void {
    if (node === root) return;
    node.lookups -= references;
    if (node.lookups > 0) return;
    byId.delete(node.id);
    if (!node.isDetached) unlist(node);
    onForget(node);
  }

  function detach(node: Node): void {
    if (node.isDetached || node === root) return;
    textOf(node);
    unlist(node);
    node.isDetached = true;
  }

  function move(node: Node, parent: Node, name: string): void {
    unlist(node);
    node.parent = parent;
    node.name = name;
    node.textEpoch = -1;
    node.verdictEpoch = -1;
    (parent.children ??= new Map()).set(name, node);
    if (node.format === Format.DIRECTORY) epoch += 1;
  }

  function textOf(node: Node): string {
    if (node.textEpoch === epoch || node.isDetached) return node.text;
    node.text = node.parent ? joinText(textOf(node.parent), toText(node.name)) : '/';
    node.textEpoch = epoch;
    return node.text;
  }

  return {
    root,
    get epoch() {
      return epoch;
    },
    get size() {
      return byId.size;
    },
    get: (id) => byId.get(id),
    enter,
    forget,
    detach,
    move,
    textOf,
  };
}

export function joinText(directory: string, name: string): string {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}

export function isSame(node: Node, identity: Identity): boolean {
  return node.ino === identity.ino && node.dev === identity.dev && node.format === identity.format;
}

function unlist(node: Node): void {
  const siblings = node.parent?.children;
  if (siblings?.get(node.name) === node) siblings.delete(node.name);
}

function createNode(id: number, parent: Node | undefined, name: string, identity: Identity): Node {
  return {
    id,
    parent,
    name,
    dev: identity.dev,
    ino: identity.ino,
    format: identity.format,
    lookups: 0,
    children: undefined,
    isDetached: false,
    isShared: false,
    isClosed: false,
    isGone: false,
    copy: undefined,
    knownEnd: -1,
    text: '/',
    textEpoch: -1,
    verdicts: 0,
    verdictEpoch: -1,
    directoryFd: -1,
    dataFd: -1,
    isDataWritable: false,
    pinFd: -1,
  };
}
