// How .NET cuts the arguments of a process out of one text (Process.Unix.cs, ParseArgumentsIntoList).

export function splitArguments(text: string): string[] {
  const all: string[] = [];
  let i = 0;
  while (i < text.length) {
    while (text[i] === ' ' || text[i] === '\t') i++;
    if (i >= text.length) break;
    let argument = '';
    let isQuoted = false;
    for (; i < text.length; i++) {
      let backslashes = 0;
      while (text[i] === '\\') {
        backslashes++;
        i++;
      }
      if (backslashes > 0) {
        // Before a quote, two backslashes are one and an odd one takes the quote literally; elsewhere they are plain.
        if (text[i] !== '"') argument += '\\'.repeat(backslashes);
        else {
          argument += '\\'.repeat(Math.floor(backslashes / 2));
          if (backslashes % 2 === 1) {
            argument += '"';
            continue;
          }
        }
        if (i >= text.length) break;
      }
      const c = text[i] ?? '';
      if (c === '"') {
        if (isQuoted && text[i + 1] === '"') {
          argument += '"';
          i++;
        } else isQuoted = !isQuoted;
      } else if ((c === ' ' || c === '\t') && !isQuoted) break;
      else argument += c;
    }
    all.push(argument);
  }
  return all;
}
