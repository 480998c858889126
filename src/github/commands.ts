// What a step says to the runner: commands on its output, and the files that the runner reads after it.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
// Not by @actions/core: loading it takes longer than all else that a step does before its sandbox starts.

import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';

/** One line of output that the runner takes as a command. */
export function workflowCommand(
  name: string,
  properties: Readonly<Record<string, string | number | undefined>> = {},
  message = '',
): string {
  const pairs = Object.entries(properties).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${escapeProperty(String(value))}`],
  );
  return `::${name}${pairs.length === 0 ? '' : ` ${pairs.join(',')}`}::${escapeData(message)}\n`;
}

export const escapeData = (text: string): string =>
  text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');

export const escapeProperty = (text: string): string =>
  escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

/** Sets `name` in one of the runner's files; a file that the runner has not named is none. */
export function setInFile(file: string | undefined, name: string, value: string): void {
  setAllInFile(file, [[name, value]]);
}

/** The same for many at once. */
export function setAllInFile(
  file: string | undefined,
  pairs: readonly (readonly [name: string, value: string])[],
): void {
  if (file === undefined || file === '' || pairs.length === 0) return;
  const end = `ghadelimiter_${randomUUID()}`;
  const texts = pairs.map(([name, value]) => `${name}<<${end}\n${value}\n${end}\n`);
  appendFileSync(file, texts.join(''));
}
