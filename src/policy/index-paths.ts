// Finds the path patterns that could match a path without looking at the others: a tree of literal segments, and within
// a node the patterns that float (`**/NAME…`) by NAME.
import { foldPath, matchesTail, type PathPattern, splitPath } from '../match/path.ts';

interface Entry<T> {
  tail: PathPattern['tail'];
  value: T;
}

interface Node<T> {
  children: Map<string, Node<T>>;
  /** patterns whose literal part ends here */
  entries: Entry<T>[];
  /** of those, the ones that start with `**` and a literal, by that literal */
  floating: Map<string, Entry<T>[]>;
}

export interface PathIndex<T> {
  add(pattern: PathPattern, value: T, ignoreCase: boolean): void;
  /** calls `found` once or more for each value whose pattern matches */
  find(path: string, found: (value: T) => void): void;
}

export function createPathIndex<T>(): PathIndex<T> {
  const exact = createNode<T>();
  const folded = createNode<T>();
  let hasFolded = false;
  return {
    add(pattern, value, ignoreCase) {
      hasFolded ||= ignoreCase;
      insert(ignoreCase ? folded : exact, pattern, value);
    },
    find(path, found) {
      walk(exact, splitPath(path), found);
      if (hasFolded) walk(folded, splitPath(foldPath(path)), found);
    },
  };
}

function createNode<T>(): Node<T> {
  return { children: new Map(), entries: [], floating: new Map() };
}

function insert<T>(root: Node<T>, pattern: PathPattern, value: T): void {
  let node = root;
  for (const segment of pattern.prefix) {
    let child = node.children.get(segment);
    if (child === undefined) node.children.set(segment, (child = createNode()));
    node = child;
  }
  const [first, second] = pattern.tail;
  const entry = { tail: pattern.tail, value };
  if (first?.kind === 'any' && second?.kind === 'literal') {
    const list = node.floating.get(second.text);
    if (list === undefined) node.floating.set(second.text, [entry]);
    else list.push(entry);
  } else node.entries.push(entry);
}

function walk<T>(root: Node<T>, segments: readonly string[], found: (value: T) => void): void {
  let node: Node<T> | undefined = root;
  for (let depth = 0; node !== undefined; depth++) {
    for (const entry of node.entries)
      if (matchesTail(entry.tail, segments, depth)) found(entry.value);
    if (node.floating.size > 0) {
      for (let i = depth; i < segments.length; i++) {
        const list = node.floating.get(segments[i] ?? '');
        if (list === undefined) continue;
        for (const entry of list) if (matchesTail(entry.tail, segments, depth)) found(entry.value);
      }
    }
    if (depth === segments.length) return;
    node = node.children.get(segments[depth] ?? '');
  }
}
