// What a command prints: results on stdout, everything else on stderr.

export function out(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function err(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function json(value: unknown): void {
  out(JSON.stringify(value, null, 2));
}

const STYLES = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33' } as const;

/** Colour where the stream is a terminal; `NO_COLOR` turns it off. */
export function isColoured(stream: { isTTY?: boolean } = process.stdout): boolean {
  const { NO_COLOR, TERM } = process.env;
  return stream.isTTY === true && (NO_COLOR === undefined || NO_COLOR === '') && TERM !== 'dumb';
}

export function paint(
  style: keyof typeof STYLES,
  text: string,
  stream: { isTTY?: boolean } = process.stdout,
): string {
  return isColoured(stream) ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text;
}
