// The difference between two definitions for people: one line a field that changed, word by word, safe on a terminal and in a
// CI log. `[-gone-]` and `{+new+}`, as wdiff and `git diff --word-diff` have it.

import { toMessage } from '../../../log/redact.ts';
import type { Json } from '../../../model/credential.ts';
import { canonicalJson } from '../../../policy/canonical.ts';
import { isObject } from '../content/shape.ts';

const MOST_LINES = 40;
const LONGEST_LINE = 2000;
const LONGEST_PATH = 200;
/** Words to either side; texts with more are shown whole, one behind the other. */
const MOST_WORDS = 400;
/** Unchanged words that are shown beside a change. */
const CONTEXT = 6;

export function difference(before: Json | undefined, after: Json | undefined): string[] {
  const lines: string[] = [];
  walk(before, after, '', lines);
  if (lines.length <= MOST_LINES) return lines;
  return [...lines.slice(0, MOST_LINES), `and ${lines.length - MOST_LINES} more`];
}

function walk(
  before: Json | undefined,
  after: Json | undefined,
  path: string,
  lines: string[],
): void {
  // One more than is shown, and a count of the rest: a hostile list is not shown in full.
  if (lines.length > 10_000 || canonicalOf(before) === canonicalOf(after)) return;
  if (isObject(before) && isObject(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
      walk(own(before, key), own(after, key), path === '' ? key : `${path}.${key}`, lines);
    return;
  }
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    before.forEach((item, at) => walk(item, after[at], `${path}[${at}]`, lines));
    return;
  }
  const where = toMessage(path, LONGEST_PATH);
  lines.push(
    `${where === '' ? 'whole' : where}: ${toMessage(change(before, after), LONGEST_LINE)}`,
  );
}

function own(object: { [key: string]: Json }, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function canonicalOf(value: Json | undefined): string | undefined {
  return value === undefined ? undefined : canonicalJson(value);
}

function change(before: Json | undefined, after: Json | undefined): string {
  if (typeof before === 'string' && typeof after === 'string') return byWords(before, after);
  const gone = before === undefined ? '' : `[-${textOf(before)}-]`;
  const come = after === undefined ? '' : `{+${textOf(after)}+}`;
  return `${gone} ${come}`.trim();
}

function textOf(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function byWords(before: string, after: string): string {
  const [a, b] = [before.split(/(?<=\s)/), after.split(/(?<=\s)/)];
  if (a.length > MOST_WORDS || b.length > MOST_WORDS) return `[-${before}-] {+${after}+}`;
  const runs = joinRuns(steps(a, b));
  return runs
    .map(({ kind, words }, index) => {
      if (kind === 'gone') return `[-${words.join('').trimEnd()}-] `;
      if (kind === 'new') return `{+${words.join('').trimEnd()}+} `;
      if (words.length <= 2 * CONTEXT) return words.join('');
      const head = index === 0 ? '' : words.slice(0, CONTEXT).join('');
      const tail = index === runs.length - 1 ? '' : words.slice(-CONTEXT).join('');
      return `${head}… ${tail}`;
    })
    .join('')
    .trim();
}

interface Step {
  kind: 'same' | 'gone' | 'new';
  word: string;
}

/** The longest common subsequence, by the table. */
function steps(a: readonly string[], b: readonly string[]): Step[] {
  const width = b.length + 1;
  const table = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      table[i * width + j] =
        a[i] === b[j]
          ? (table[(i + 1) * width + j + 1] as number) + 1
          : Math.max(table[(i + 1) * width + j] as number, table[i * width + j + 1] as number);
  const out: Step[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [x, y] = [a[i], b[j]];
    if (x !== undefined && x === y) {
      out.push({ kind: 'same', word: x });
      i++;
      j++;
    } else if (
      x !== undefined &&
      (y === undefined ||
        (table[(i + 1) * width + j] as number) >= (table[i * width + j + 1] as number))
    ) {
      out.push({ kind: 'gone', word: x });
      i++;
    } else if (y !== undefined) {
      out.push({ kind: 'new', word: y });
      j++;
    }
  }
  return out;
}

function joinRuns(all: readonly Step[]): { kind: Step['kind']; words: string[] }[] {
  const runs: { kind: Step['kind']; words: string[] }[] = [];
  for (const { kind, word } of all) {
    const last = runs.at(-1);
    if (last?.kind === kind) last.words.push(word);
    else runs.push({ kind, words: [word] });
  }
  return runs;
}
