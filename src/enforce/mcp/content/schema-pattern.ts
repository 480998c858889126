// Patterns of schemas that servers sent: RE2, found anywhere in the text as JSON Schema has it.

import { RE2JS } from 're2js';

/** characters; what a longer one means nobody reviews */
const LONGEST = 1024;

export type Pattern = ((text: string) => boolean) | 'unread';

/** `unread`: no RE2, such as one that looks around or refers back. */
export function compilePattern(source: string): Pattern {
  if (source.length > LONGEST) return 'unread';
  try {
    const pattern = RE2JS.compile(source);
    return (text) => pattern.matcher(text).find();
  } catch {
    return 'unread'; // its grammar is not RE2's, or it would be too large
  }
}
