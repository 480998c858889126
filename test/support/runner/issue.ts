// Annotations from the `error`, `warning` and `notice` commands, with the runner's rules for lines and columns (ActionCommandManager.cs).

import type { Command } from './command.ts';
import type { Annotation } from './types.ts';

/** Characters of a message; the rest is dropped. */
const LONGEST_MESSAGE = 4096;

export function toAnnotation(
  level: Annotation['level'],
  message: string,
  properties: Command['properties'] = new Map(),
): Annotation {
  const title = properties.get('title');
  const path = properties.get('file');
  return {
    level,
    message: message.slice(0, LONGEST_MESSAGE),
    ...(title === undefined || title === '' ? {} : { title }),
    ...(path === undefined || path === '' ? {} : { path }),
    ...placeOf(properties),
  };
}

type Place = Pick<Annotation, 'startLine' | 'endLine' | 'startColumn' | 'endColumn'>;

function placeOf(properties: Command['properties']): Place {
  const number = (name: string): number | undefined => {
    const text = properties.get(name)?.trim() ?? '';
    return /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
  };
  // An end without a start is the start.
  const endLine = number('endline');
  const line = number('line') ?? endLine;
  const endColumn = number('endcolumn');
  const column = number('col') ?? endColumn;
  if (line === undefined || (endLine !== undefined && endLine < line)) return {};
  const lines = { startLine: line, endLine: endLine ?? line };
  const isOneLine = endLine === undefined || endLine === line;
  const isForward = endColumn === undefined || column === undefined || endColumn >= column;
  if (column === undefined || !isOneLine || !isForward) return lines;
  return { ...lines, startColumn: column, endColumn: endColumn ?? column };
}
