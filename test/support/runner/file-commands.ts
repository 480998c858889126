// The files of one step through which its process speaks to the runner, and what is taken out of them at its end
// (FileCommandManager.cs).

import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';

import { readKeyValues } from './key-values.ts';
import { type StepState, addError } from './state.ts';

/** By the name in the `github` context: `env` is GITHUB_ENV. */
const PREFIXES = {
  path: 'add_path_',
  env: 'set_env_',
  step_summary: 'step_summary_',
  state: 'save_state_',
  output: 'set_output_',
} as const;
export type FileCommandName = keyof typeof PREFIXES;
export type FileCommands = Readonly<Record<FileCommandName, string>>;

const LARGEST_SUMMARY = 1024 * 1024;
const NAMES = Object.keys(PREFIXES) as FileCommandName[];

/** New empty files; those of the step before are removed. `temp`: RUNNER_TEMP. */
export function createFileCommands(temp: string): FileCommands {
  const folder = join(temp, '_runner_file_commands');
  mkdirSync(folder, { recursive: true });
  const suffix = randomUUID();
  const files = NAMES.map((name) => {
    const file = join(folder, `${PREFIXES[name]}${suffix}`);
    writeFileSync(file, '');
    return [name, file] as const;
  });
  return Object.fromEntries(files) as FileCommands;
}

export function removeFileCommands(temp: string): void {
  const folder = join(temp, '_runner_file_commands');
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
}

/** Each file by itself: a fault in one fails the step and leaves the others to be read. */
export function takeFileCommands(step: StepState, files: FileCommands): void {
  for (const name of NAMES) {
    try {
      if (existsSync(files[name])) TAKE[name](step, files[name]);
    } catch (error) {
      addError(step, `Unable to process file command '${name}' successfully.`);
      addError(step, (error as Error).message);
      step.isCommandFailed = true;
    }
  }
}

const TAKE: Readonly<Record<FileCommandName, (step: StepState, file: string) => void>> = {
  path(step, file) {
    for (const line of readFileSync(file, 'utf8').split(/\r\n|\n|\r/)) {
      if (line === '') continue;
      step.job.prependPath = [...step.job.prependPath.filter((entry) => entry !== line), line];
    }
  },
  env(step, file) {
    for (const [name, value] of readKeyValues(readText(file)))
      if (name.toUpperCase() === 'NODE_OPTIONS')
        addError(step, `Can't store ${name} output parameter using '$GITHUB_ENV' command.`);
      else step.job.environment.set(name, value);
  },
  step_summary(step, file) {
    const bytes = readFileSync(file);
    const kilobytes = (size: number): number => Math.floor(size / 1024);
    if (bytes.length > LARGEST_SUMMARY)
      return addError(
        step,
        `$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of ${kilobytes(LARGEST_SUMMARY)}k, got ${kilobytes(bytes.length)}k. For more information see: https://docs.github.com/actions/using-workflows/workflow-commands-for-github-actions#adding-a-job-summary`,
      );
    const lines = bytes.toString('utf8').split('\n');
    step.summary = lines.map((line) => step.job.masker.mask(line)).join('\n');
  },
  state(step, file) {
    for (const [name, value] of readKeyValues(readText(file))) step.state.set(name, value);
  },
  output(step, file) {
    for (const [name, value] of readKeyValues(readText(file))) step.outputs.set(name, value);
  },
};

/** Without a byte order mark, as .NET reads text. */
function readText(file: string): string {
  return readFileSync(file, 'utf8').replace(/^\ufeff/, '');
}
