// File path patterns: absolute, `*` within a segment, `**` across any number of segments. The only reader of them.

/** One segment of a pattern: `**`, a literal, or literal parts around `*`. */
type Segment =
  { kind: 'any' } | { kind: 'literal'; text: string } | { kind: 'glob'; parts: string[] };

export interface PathPattern {
  /** leading segments without wildcards */
  prefix: string[];
  /** the rest, from the first segment with a wildcard */
  tail: Segment[];
}

/** Most segments a pattern may have from its first wildcard on: the states of one fit in one 32-bit mask. */
export const MAX_TAIL = 24;

/** What is wrong with a pattern as its author wrote it, or undefined. */
export function faultOfPattern(text: string): { message: string; help?: string } | undefined {
  if (text === '')
    return { message: 'a path may not be empty', help: 'write `.` for the workspace' };
  if (text.length > 1024) return { message: 'a path may not be longer than 1024 characters' };
  if (/[\u0000-\u001f\u007f\ud800-\udfff]/u.test(text))
    return { message: 'a path may not hold control characters' };
  if (text.includes('\\')) return { message: 'a path is written with `/`; `\\` does not escape' };
  if (text.startsWith('!'))
    return { message: '`!` does not turn a rule round', help: 'write it under `deny` or `allow`' };
  if (/^~[^/]/.test(text))
    return { message: 'only the own home can be named', help: 'write `~/…` or an absolute path' };
  if (/\$[{A-Za-z]/.test(text))
    return {
      message: 'variables are not replaced in a path',
      help: 'write `~/…` or an absolute path',
    };
  if (/[?{}]/.test(text))
    return {
      message: '`?` and `{…}` are not wildcards here',
      help: 'use `*` within a segment, `**` across segments, and one rule for each alternative',
    };
  const segments = text.split('/');
  if (segments.includes('..')) return { message: 'a path may not hold `..`' };
  const glued = segments.find((segment) => segment.includes('**') && segment !== '**');
  if (glued !== undefined)
    return {
      message: `\`**\` stands alone between slashes, not inside "${glued}"`,
      help: 'use `*` within a segment',
    };
  const first = segments.findIndex((segment) => segment.includes('*'));
  if (first >= 0 && segments.length - first > MAX_TAIL)
    return { message: `more than ${MAX_TAIL} segments after the first wildcard` };
  return undefined;
}

/** Makes an authored pattern absolute: `~` is the home, other relative ones lie in the workspace. */
export function absolutePattern(text: string, workspace: string, home: string): string {
  const joined =
    text === '~' || text.startsWith('~/')
      ? `${home}${text.slice(1)}`
      : text.startsWith('/')
        ? text
        : `${workspace}/${text}`;
  return `/${joined
    .split('/')
    .filter((segment) => segment !== '' && segment !== '.')
    .join('/')}`;
}

/** Compiles an absolute pattern. `covers`: the pattern also matches everything below what it matches. */
export function compilePath(text: string, covers: boolean): PathPattern {
  const segments = splitPath(text).map(toSegment);
  const first = segments.findIndex((segment) => segment.kind !== 'literal');
  const prefix = first < 0 ? segments : segments.slice(0, first);
  const tail: Segment[] = [];
  for (const segment of first < 0 ? [] : segments.slice(first))
    if (segment.kind !== 'any' || tail.at(-1)?.kind !== 'any') tail.push(segment);
  if (covers && tail.at(-1)?.kind !== 'any') tail.push({ kind: 'any' });
  return {
    prefix: prefix.map((segment) => (segment.kind === 'literal' ? segment.text : '')),
    tail,
  };
}

/** Whether the last segment is literal or `**`, so that in an allow the pattern names a directory with all below it. */
export function namesDirectory(text: string): boolean {
  const last = text.slice(text.lastIndexOf('/') + 1);
  return last === '**' || !last.includes('*');
}

function toSegment(text: string): Segment {
  if (text === '**') return { kind: 'any' };
  return text.includes('*') ? { kind: 'glob', parts: text.split('*') } : { kind: 'literal', text };
}

/** Segments of an absolute path; none for `/`. */
export function splitPath(path: string): string[] {
  return path === '/' ? [] : path.slice(1).split('/');
}

export function matchesPath(pattern: PathPattern, segments: readonly string[]): boolean {
  const { prefix } = pattern;
  if (segments.length < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (prefix[i] !== segments[i]) return false;
  return matchesTail(pattern.tail, segments, prefix.length);
}

/** Matches a tail against the segments from `start`: greedy, with one place to go back to, so never worse than n·m. */
export function matchesTail(
  tail: readonly Segment[],
  segments: readonly string[],
  start: number,
): boolean {
  let p = 0;
  let s = start;
  let backP = -1;
  let backS = -1;
  while (s < segments.length) {
    const segment = tail[p];
    if (segment?.kind === 'any') {
      if (p === tail.length - 1) return true;
      backP = ++p;
      backS = s;
    } else if (segment !== undefined && matchesSegment(segment, segments[s] ?? '')) {
      p++;
      s++;
    } else if (backP >= 0) {
      p = backP;
      s = ++backS;
    } else return false;
  }
  while (tail[p]?.kind === 'any') p++;
  return p === tail.length;
}

function matchesSegment(segment: Segment, text: string): boolean {
  if (segment.kind === 'literal') return segment.text === text;
  return segment.kind === 'any' || matchesGlob(segment.parts, text);
}

/** Whether `text` matches a name pattern that knows only `*`. */
export function matchesName(pattern: string, text: string): boolean {
  return matchesGlob(pattern.split('*'), text);
}

function matchesGlob(parts: readonly string[], text: string): boolean {
  const first = parts[0] ?? '';
  if (parts.length === 1) return first === text;
  const last = parts.at(-1) ?? '';
  if (text.length < first.length + last.length) return false;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= text.length - last.length;
}

/**
 * How far into the pattern a path leads: a bit for each tail segment that could come next, with the bit after the last
 * for a full match. In the prefix: minus the number of prefix segments still to come. 0: nothing at or below can match.
 */
export function statesAfter(pattern: PathPattern, segments: readonly string[]): number {
  const { prefix, tail } = pattern;
  const shared = Math.min(prefix.length, segments.length);
  for (let i = 0; i < shared; i++) if (prefix[i] !== segments[i]) return 0;
  if (segments.length < prefix.length) return segments.length - prefix.length;
  let states = close(tail, 1);
  for (let i = prefix.length; i < segments.length && states !== 0; i++)
    states = close(tail, step(tail, states, segments[i] ?? ''));
  return states;
}

function step(tail: readonly Segment[], states: number, text: string): number {
  let next = 0;
  for (let i = 0; i < tail.length; i++) {
    if ((states & (1 << i)) === 0) continue;
    const segment = tail[i];
    if (segment?.kind === 'any') next |= 1 << i;
    else if (segment !== undefined && matchesSegment(segment, text)) next |= 1 << (i + 1);
  }
  return next;
}

function close(tail: readonly Segment[], states: number): number {
  let all = states;
  for (let i = 0; i < tail.length; i++)
    if ((all & (1 << i)) !== 0 && tail[i]?.kind === 'any') all |= 1 << (i + 1);
  return all;
}

/**
 * Whether every path that `inner` matches is surely matched by `outer`. Sound and not complete: what cannot be decided
 * segment by segment counts as not contained.
 */
export function containsPath(outer: PathPattern, inner: PathPattern): boolean {
  const all = (pattern: PathPattern): Segment[] => [
    ...pattern.prefix.map((text): Segment => ({ kind: 'literal', text })),
    ...pattern.tail,
  ];
  return containsFrom(all(outer), all(inner), 0, 0, new Map());
}

function containsFrom(
  outer: readonly Segment[],
  inner: readonly Segment[],
  o: number,
  i: number,
  known: Map<number, boolean>,
): boolean {
  const key = o * 1024 + i;
  const before = known.get(key);
  if (before !== undefined) return before;
  known.set(key, false);
  const a = outer[o];
  const b = inner[i];
  let result: boolean;
  if (b === undefined) result = outer.slice(o).every((segment) => segment.kind === 'any');
  else if (a === undefined) result = false;
  else if (a.kind === 'any')
    result =
      containsFrom(outer, inner, o + 1, i, known) || containsFrom(outer, inner, o, i + 1, known);
  else
    result =
      b.kind !== 'any' && containsSegment(a, b) && containsFrom(outer, inner, o + 1, i + 1, known);
  known.set(key, result);
  return result;
}

/** Whether the names of `inner` all match `outer`: its `*` stands for a character only `*` of `outer` can take. */
function containsSegment(outer: Segment, inner: Segment): boolean {
  if (outer.kind === 'any' || inner.kind === 'any') return outer.kind === 'any';
  if (inner.kind === 'literal') return matchesSegment(outer, inner.text);
  return outer.kind === 'glob' && matchesGlob(outer.parts, inner.parts.join('\u0000'));
}

/** Surely no path matches both: their literal beginnings part. */
export function arePathsApart(a: PathPattern, b: PathPattern): boolean {
  return a.prefix.some((segment, i) => i < b.prefix.length && b.prefix[i] !== segment);
}

// Letters that some file systems leave out of a name, as git's own protection lists them.
const IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;
const ASCII = /^[\u0000-\u007f]*$/;

/** A path as a case-insensitive file system sees it. */
export function foldPath(path: string): string {
  if (ASCII.test(path)) return path.toLowerCase();
  return path.normalize('NFC').replace(IGNORED, '').toUpperCase().toLowerCase();
}
