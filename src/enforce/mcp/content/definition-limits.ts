// Bounds on one definition, told without recursion: a definition may be as deep as its server likes.

import type { Json } from '../../../model/credential.ts';
import type { Definition } from '../../../model/mcp.ts';

/** characters of all texts and keys */
const MOST_CHARACTERS = 256 * 1024;
/** characters of one text */
const MOST_TEXT = 32 * 1024;
const MOST_DEPTH = 48;
const MOST_NODES = 20_000;
/** alternatives of one `anyOf`, `oneOf` or `allOf`; entries of one `enum` are texts and count as nodes */
const MOST_ALTERNATIVES = 256;

/** The limit that is exceeded, e.g. `limit:depth`. */
export function definitionLimit(definition: Definition): string | undefined {
  const open: { node: Json; depth: number }[] = [{ node: definition, depth: 0 }];
  let nodes = 0;
  let characters = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, depth } = next;
    if (++nodes > MOST_NODES) return 'limit:nodes';
    if (typeof node === 'string') {
      characters += node.length;
      if (node.length > MOST_TEXT) return 'limit:text';
      if (characters > MOST_CHARACTERS) return 'limit:size';
    }
    if (typeof node !== 'object' || node === null) continue;
    if (depth > MOST_DEPTH) return 'limit:depth';
    const keys = Object.keys(node);
    if (keys.length + nodes > MOST_NODES) return 'limit:nodes';
    for (const key of keys) {
      const child = (node as Record<string, Json>)[key] as Json;
      if (!Array.isArray(node)) {
        characters += key.length;
        const isChoice = /^(?:any|one|all)Of$/.test(key) && Array.isArray(child);
        if (isChoice && child.length > MOST_ALTERNATIVES) return 'limit:alternatives';
      }
      open.push({ node: child, depth: depth + 1 });
    }
  }
  return characters > MOST_CHARACTERS ? 'limit:size' : undefined;
}
