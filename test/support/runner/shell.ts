// How a `run:` script becomes a process (ScriptHandlerHelpers.cs).

import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

import { splitArguments } from './arguments.ts';

export interface ShellUse {
  /** name or path of the program, before it is looked up */
  command: string;
  /** with `{0}` for the script's file */
  format: string;
  /** of the script's file, with the dot */
  extension: string;
}

const FORMATS: Readonly<Record<string, string>> = {
  pwsh: `-command ". '{0}'"`,
  powershell: `-command ". '{0}'"`,
  bash: '--noprofile --norc -e -o pipefail {0}',
  sh: '-e {0}',
  python: '{0}',
};
const EXTENSIONS: Readonly<Record<string, string>> = {
  pwsh: '.ps1',
  powershell: '.ps1',
  bash: '.sh',
  sh: '.sh',
  python: '.py',
};

/** `shell` as the workflow has it; without one bash if there is one, with fewer options than when it is named, else sh. */
export function parseShell(shell: string | undefined, path: string): ShellUse {
  if (shell === undefined || shell === '') {
    const command = which('bash', path) === undefined ? 'sh' : 'bash';
    return { command, format: '-e {0}', extension: '.sh' };
  }
  const space = shell.indexOf(' ');
  const command = space < 0 ? shell : shell.slice(0, space);
  const given = space < 0 ? '' : shell.slice(space + 1);
  const format = given === '' ? (FORMATS[command] ?? '') : given;
  if (!format.includes('{0}'))
    throw new Error(
      "Invalid shell option. Shell must be a valid built-in (bash, sh, cmd, powershell, pwsh) or a format string containing '{0}'",
    );
  return { command, format, extension: EXTENSIONS[command] ?? '' };
}

/** `format` is one of .NET's: braces of its own are doubled. */
export function shellArguments(format: string, script: string): string[] {
  const text = format.replace(/\{\{|\}\}|\{0\}|[{}]/g, (part) => {
    if (part === '{0}') return script;
    if (part.length === 2) return part.slice(1);
    throw new Error('Input string was not in a correct format.');
  });
  return splitArguments(text);
}

/** The first executable file of that name; an absolute path is looked at itself. */
export function which(command: string, path: string): string | undefined {
  const candidates = isAbsolute(command)
    ? [command]
    : path.split(delimiter).flatMap((folder) => (folder === '' ? [] : [join(folder, command)]));
  return candidates.find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false; // not there: the next one
  }
}
