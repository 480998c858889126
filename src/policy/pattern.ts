// Regular expressions that others wrote: RE2, so that no text takes more than linear time. The only place that compiles them.
import { RE2JS } from 're2js';

/** UTF-16 units of a text that is still judged; a pattern of the largest size takes some 0.2 s for as many. */
export const MAX_JUDGED_TEXT = 65_536;
const MAX_PROGRAM = 1000;

/** What is wrong with a pattern, or undefined. */
export function faultOfRegexp(text: string): string | undefined {
  try {
    const size = RE2JS.compile(text).programSize();
    return size > MAX_PROGRAM ? 'it is too large' : undefined;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : 'no RE2';
  }
}

export interface Regexp {
  matchesAll(text: string): boolean;
  matchesPart(text: string): boolean;
}

/** Throws for what `faultOfRegexp` finds fault with. */
export function compileRegexp(text: string): Regexp {
  const compiled = RE2JS.compile(text);
  return {
    matchesAll: (input) => compiled.matches(input),
    matchesPart: (input) => compiled.test(input),
  };
}
