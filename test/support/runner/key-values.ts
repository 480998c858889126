// Files of names and values that steps write: GITHUB_ENV, GITHUB_OUTPUT and GITHUB_STATE (FileCommandManager.cs).
//
//   NAME=VALUE
//   NAME<<DELIMITER
//   VALUE, lines as they are, without the last line's end
//   DELIMITER

/** Pairs come one by one: what stands before a fault has been taken when it is thrown. Lines end with LF alone. */
export function* readKeyValues(text: string): Generator<[name: string, value: string]> {
  const lines = new LineReader(text);
  for (let line = lines.next(); line !== undefined; line = lines.next()) {
    if (line === '') continue;
    const equals = line.indexOf('=');
    const heredoc = line.indexOf('<<');
    if (equals >= 0 && (heredoc < 0 || equals < heredoc)) {
      if (equals === 0) throw new Error(`Invalid format '${line}'. Name must not be empty`);
      yield [line.slice(0, equals), line.slice(equals + 1)];
    } else if (heredoc >= 0) {
      const name = line.slice(0, heredoc);
      const delimiter = line.slice(heredoc + 2);
      if (name === '' || delimiter === '')
        throw new Error(
          `Invalid format '${line}'. Name must not be empty and delimiter must not be empty`,
        );
      yield [name, readHeredoc(lines, delimiter)];
    } else throw new Error(`Invalid format '${line}'`);
  }
}

function readHeredoc(lines: LineReader, delimiter: string): string {
  const start = lines.index;
  let end = start;
  for (;;) {
    const line = lines.next();
    if (line === undefined)
      throw new Error(`Invalid value. Matching delimiter not found '${delimiter}'`);
    if (line === delimiter) return lines.text.slice(start, end);
    end = lines.index - (lines.isEnded ? 1 : 0);
  }
}

class LineReader {
  index = 0;
  /** had the last line an end? */
  isEnded = false;
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  next(): string | undefined {
    if (this.index >= this.text.length) return undefined;
    const start = this.index;
    const end = this.text.indexOf('\n', start);
    this.isEnded = end >= 0;
    this.index = this.isEnded ? end + 1 : this.text.length;
    return this.text.slice(start, this.isEnded ? end : undefined);
  }
}
