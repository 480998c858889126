// Output as the runner cuts it into lines: StreamReader ends a line at LF, at CR LF, and at a CR alone.

import { StringDecoder } from 'node:string_decoder';

export interface LineSplitter {
  write(bytes: Buffer): void;
  /** what has no end yet is a line too */
  end(): void;
}

export function createLineSplitter(onLine: (line: string) => void): LineSplitter {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const take = (text: string, isLast: boolean): void => {
    rest += text;
    // A CR at the very end may be the first half of CR LF.
    const ends = isLast ? /\r\n|\n|\r/g : /\r\n|\n|\r(?!$)/g;
    let start = 0;
    for (const match of rest.matchAll(ends)) {
      onLine(rest.slice(start, match.index));
      start = match.index + match[0].length;
    }
    rest = rest.slice(start);
    if (isLast && rest !== '') onLine(rest);
  };
  return {
    write: (bytes) => take(decoder.write(bytes), false),
    end: () => take(decoder.end(), true),
  };
}
