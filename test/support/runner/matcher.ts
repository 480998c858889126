// Problem matchers: a job registers a file of patterns, and lines of later output that fit become annotations (IssueMatcher.cs).

import type { Annotation } from './types.ts';

interface Pattern {
  regexp: string;
  file?: number;
  line?: number;
  column?: number;
  severity?: number;
  code?: number;
  message?: number;
  loop?: boolean;
}

export interface Matcher {
  owner: string;
  /** an annotation when the line completes one */
  take(line: string): Annotation | undefined;
}

type Found = { [name in keyof Omit<Pattern, 'regexp' | 'loop'>]?: string };

const ESCAPE_CODES = /\x1b\[[\d;]*m?/g;

/** Throws where the file is not one of matchers. */
export function readMatchers(text: string): Matcher[] {
  const file = JSON.parse(text) as {
    problemMatcher?: { owner?: string; severity?: string; pattern?: Pattern[] }[];
  };
  if (!Array.isArray(file.problemMatcher)) throw new Error('Config file has no matchers');
  return file.problemMatcher.map(({ owner = '', severity = 'error', pattern = [] }) => {
    if (owner === '' || pattern.length === 0)
      throw new Error('Owner and pattern must not be empty');
    return createMatcher(owner, severity, pattern);
  });
}

function createMatcher(owner: string, severity: string, patterns: readonly Pattern[]): Matcher {
  const compiled = patterns.map((pattern) => ({ pattern, regexp: new RegExp(pattern.regexp) }));
  let at = 0;
  let found: Found = {};

  function take(line: string): Annotation | undefined {
    const text = line.replace(ESCAPE_CODES, '');
    const step = compiled[at];
    const match = step?.regexp.exec(text);
    if (step === undefined || !match) {
      const isBegun = at > 0;
      at = 0;
      found = {};
      return isBegun && compiled[0]?.regexp.test(text) === true ? take(line) : undefined;
    }
    const now = { ...found, ...captured(step.pattern, match) };
    if (at < compiled.length - 1) {
      found = now;
      at++;
      return undefined;
    }
    if (step.pattern.loop !== true) {
      at = 0;
      found = {};
    }
    return toAnnotation(now, severity);
  }
  return { owner, take };
}

function captured(pattern: Pattern, match: RegExpExecArray): Found {
  const names = ['file', 'line', 'column', 'severity', 'code', 'message'] as const;
  const pairs = names.flatMap((name) => {
    const group = pattern[name];
    return group === undefined ? [] : [[name, (match[group] ?? '').trim()]];
  });
  return Object.fromEntries(pairs) as Found;
}

function toAnnotation(found: Found, severity: string): Annotation | undefined {
  const level = (found.severity ?? severity).toLowerCase();
  const { message = '', file, line, column } = found;
  if (message === '' || !['error', 'warning', 'notice'].includes(level)) return undefined;
  const [row, place] = [Number(line), Number(column)];
  return {
    level: level === 'error' ? 'failure' : (level as 'warning' | 'notice'),
    message,
    ...(file ? { path: file } : {}),
    ...(row > 0 ? { startLine: row, endLine: row } : {}),
    ...(row > 0 && place > 0 ? { startColumn: place, endColumn: place } : {}),
  };
}
