// Names of tool servers, tools and prompts: who matches whom. `*` is any part, also none. An allow compares byte by byte; a
// deny also what the two look like.
import { matchesName } from './path.ts';

export const SERVER_ID = /^[a-z0-9-]{1,32}$/;

export interface NamePattern {
  text: string;
  /** as a deny compares it */
  folded: string;
}

export function compileName(text: string): NamePattern {
  return { text, folded: foldName(text) };
}

/** `look`: what the name looks like, for denies. */
export function matchesToolName(
  pattern: NamePattern,
  name: string,
  look: string | undefined,
): boolean {
  return (
    matchesName(pattern.text, name) || (look !== undefined && matchesName(pattern.folded, look))
  );
}

const ASCII_LOWER = /^[\u0020-\u0040\u005b-\u007e]*$/;

/**
 * The name as people and sloppy servers read it: compatibility forms unfolded (full-width letters, ligatures), letters of one case,
 * what does not show left out. Letters of other scripts that merely look alike stay what they are.
 */
export function foldName(name: string): string {
  if (ASCII_LOWER.test(name)) return name;
  return name
    .normalize('NFKC')
    .replace(/[\p{Default_Ignorable_Code_Point}\p{Cc}]/gu, '')
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKC');
}

/** Whether every name that `inner` matches is matched by `outer`. Exact, but for names that hold NUL. */
export function containsName(outer: string, inner: string): boolean {
  return matchesName(outer, inner.replaceAll('*', '\u0000'));
}

/** Whether some name matches both. */
export function mayShareName(a: string, b: string): boolean {
  // Position in `a` by position in `b`: reachable when the parts before both can spell one text.
  let row = new Array<boolean>(b.length + 1).fill(false);
  for (let i = 0; i <= a.length; i++) {
    const next = new Array<boolean>(b.length + 1).fill(false);
    for (let j = 0; j <= b.length; j++) {
      if (i === 0 && j === 0) next[j] = true;
      else {
        const [above, left, both] = [row[j] ?? false, next[j - 1] ?? false, row[j - 1] ?? false];
        const [x, y] = [a[i - 1], b[j - 1]];
        next[j] =
          (i > 0 && x === '*' && above) ||
          (j > 0 && y === '*' && left) ||
          (i > 0 && x === '*' && j > 0 && left) ||
          (j > 0 && y === '*' && i > 0 && above) ||
          (i > 0 && j > 0 && x === y && both);
      }
    }
    row = next;
  }
  return row[b.length] ?? false;
}
