// All nodes, by number, by inode and by name. Invariants: a name leads to at most one node; a node is forgotten only when the
// guest kernel holds no reference to it, or to the directory it lies in.

import { toText } from './file-name.ts';
import { createNode, isSame, joinText, type Identity, type Name, type Node } from './node.ts';
import { Format, ROOT_NODE } from './protocol.ts';

export interface NodeTable {
  readonly root: Node;
  /** grows whenever a directory gets another path: what was judged before is judged again */
  readonly epoch: number;
  readonly size: number;
  get(id: number): Node | undefined;
  /**
   * The node of a name, made or found, with one reference more; undefined when the table is full. A file that has other
   * names joins the node of one of them, if `mayJoin` says so.
   */
  enter(place: Name, identity: Identity, mayJoin?: (node: Node) => boolean): Node | undefined;
  forget(node: Node, references: number): void;
  /** A name no longer leads to the node. */
  detach(node: Node, place: Name): void;
  move(node: Node, from: Name, to: Name): void;
  /** The node's content lies in another file now. */
  identify(node: Node, identity: Omit<Identity, 'format'>): void;
  /** Judged path; of a node whose names are gone, the last one. */
  textOf(node: Node): string;
}

export interface NodeTableOptions {
  root: Identity;
  capacity: number;
  /** the guest kernel has forgotten a node */
  onForget: (node: Node) => void;
}

export function createNodeTable(options: NodeTableOptions): NodeTable {
  const byId = new Map<number, Node>();
  const filesByInode = new Map<bigint, Node>();
  let nextId = ROOT_NODE;
  let epoch = 0;
  const root = createNode(nextId++, undefined, '', options.root);
  byId.set(root.id, root);

  function enter(
    place: Name,
    identity: Identity,
    mayJoin?: (node: Node) => boolean,
  ): Node | undefined {
    const { parent, name } = place;
    const known = parent.children?.get(name);
    if (known) {
      if (isSame(known, identity)) {
        known.lookups += 1;
        return known;
      }
      detach(known, place);
    }
    const node = (mayJoin && join(place, identity, mayJoin)) ?? make(place, identity);
    if (!node) return undefined;
    node.lookups += 1;
    (parent.children ??= new Map()).set(name, node);
    return node;
  }

  function join(
    place: Name,
    identity: Identity,
    mayJoin: (node: Node) => boolean,
  ): Node | undefined {
    const other = filesByInode.get(identity.ino);
    if (!other || other.isDetached || !isSame(other, identity) || !mayJoin(other)) return undefined;
    (other.aliases ??= []).push(place);
    return other;
  }

  function make({ parent, name }: Name, identity: Identity): Node | undefined {
    if (byId.size >= options.capacity) return undefined;
    const node = createNode(nextId++, parent, name, identity);
    if (node.dev === parent.dev) node.dev = parent.dev; // one number for all, instead of one each
    byId.set(node.id, node);
    if (node.format === Format.FILE) filesByInode.set(node.ino, node);
    return node;
  }

  function forget(node: Node, references: number): void {
    if (node === root) return;
    node.lookups -= references;
    if (node.lookups > 0) return;
    const leaving = [node];
    for (let gone = leaving.pop(); gone; gone = leaving.pop()) {
      remove(gone);
      // A kernel keeps a directory for as long as it keeps what lies below. What still does either has a name elsewhere, or
      // belongs to a guest that lies: its path would no longer follow the directory when that is moved.
      for (const [name, child] of gone.children ?? []) {
        detach(child, { parent: gone, name });
        if (child.isDetached) leaving.push(child);
      }
    }
  }

  function remove(node: Node): void {
    byId.delete(node.id);
    if (filesByInode.get(node.ino) === node) filesByInode.delete(node.ino);
    if (!node.isDetached) {
      if (node.parent) unlist(node, { parent: node.parent, name: node.name });
      for (const alias of node.aliases ?? []) unlist(node, alias);
    }
    options.onForget(node);
  }

  function detach(node: Node, place: Name): void {
    if (node.isDetached || node === root) return;
    unlist(node, place);
    if (!isFirst(node, place)) {
      node.aliases = without(node.aliases, place);
      return;
    }
    const next = node.aliases?.at(-1);
    if (next) {
      node.aliases = without(node.aliases, next);
      setFirst(node, next);
      return;
    }
    node.text = textOf(node);
    node.isDetached = true;
  }

  function move(node: Node, from: Name, to: Name): void {
    unlist(node, from);
    if (isFirst(node, from)) setFirst(node, to);
    else node.aliases = [...(without(node.aliases, from) ?? []), to];
    (to.parent.children ??= new Map()).set(to.name, node);
    if (node.format === Format.DIRECTORY) epoch += 1;
  }

  function setFirst(node: Node, { parent, name }: Name): void {
    node.parent = parent;
    node.name = name;
    node.textEpoch = -1;
    node.verdictEpoch = -1;
  }

  function textOf(node: Node): string {
    if (node.textEpoch === epoch || node.isDetached) return node.text;
    const text = node.parent ? joinText(textOf(node.parent), toText(node.name)) : '/';
    // Files are many, and their paths are soon put together.
    if (node.format !== Format.DIRECTORY) return text;
    node.text = text;
    node.textEpoch = epoch;
    return text;
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
    identify: (node, { dev, ino }) => {
      if (filesByInode.get(node.ino) === node) filesByInode.delete(node.ino);
      node.dev = dev;
      node.ino = ino;
      if (node.format === Format.FILE) filesByInode.set(ino, node);
    },
    textOf,
  };
}

function isFirst(node: Node, { parent, name }: Name): boolean {
  return node.parent === parent && node.name === name;
}

function without(names: Name[] | undefined, { parent, name }: Name): Name[] | undefined {
  const left = names?.filter((other) => other.parent !== parent || other.name !== name);
  return left && left.length > 0 ? left : undefined;
}

function unlist(node: Node, { parent, name }: Name): void {
  if (parent.children?.get(name) === node) parent.children.delete(name);
}
