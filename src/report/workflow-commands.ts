// Annotations as workflow commands, for a run that may not write checks. The runner keeps ten of a level for each step,
// and 4,096 characters of a message; what is beyond the tenth is put together here, so that it is not lost unsaid.
// Source: actions/runner, ActionCommand.cs (escapes), ExecutionContext.cs (limits); actions/toolkit, core/src/command.ts.

import { workflowCommand } from '../github/commands.ts';
import { neutralizeCommands } from '../log/redact.ts';
import type { Annotation } from './annotations.ts';
import { formatCount } from './verdict.ts';

/** of a level, in one step */
const MAX_OF_LEVEL = 10;
/** in UTF-16 units, before escapes */
const MAX_MESSAGE = 4000;

const COMMANDS = { failure: 'error', warning: 'warning', notice: 'notice' } as const;

/** One line each, without a newline. `room`: how many of each level the step may still write. */
export function workflowCommandsOf(
  annotations: readonly Annotation[],
  room: number = MAX_OF_LEVEL,
): string[] {
  return (['failure', 'warning', 'notice'] as const).flatMap((level) => {
    const all = annotations.filter((one) => one.level === level);
    const fits = Math.min(room, MAX_OF_LEVEL);
    if (all.length <= fits) return all.map(toCommand);
    const shown = all.slice(0, Math.max(0, fits - 1));
    const rest = all.slice(shown.length);
    return fits < 1 ? [] : [...shown.map(toCommand), toCommand(together(rest, level))];
  });
}

function together(rest: readonly Annotation[], level: Annotation['level']): Annotation {
  const [first] = rest;
  const { path = '', startLine = 1 } = first ?? {};
  return {
    path,
    startLine,
    endLine: startLine,
    level,
    title: `and ${formatCount(rest.length)} more`,
    message: rest
      .map(({ title, message }) => `${title}: ${message.split('\n')[0] ?? ''}`)
      .join('\n'),
  };
}

function toCommand({ path, startLine, endLine, level, title, message }: Annotation): string {
  const text =
    message.length > MAX_MESSAGE
      ? `${message.slice(0, MAX_MESSAGE).replace(/[\ud800-\udbff]$/, '')}…`
      : message;
  const clean = neutralizeCommands;
  const properties = { file: clean(path), line: startLine, endLine, title: clean(title) };
  return workflowCommand(COMMANDS[level], properties, clean(text)).trimEnd();
}
