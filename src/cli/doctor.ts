// `doctor`: what this machine can do, each fault with its next step. Exit code 0: sessions can start; 1: they cannot.

import { Command, Option } from 'commander';
import type { EngineChoice } from '../engine/accelerator.ts';
import { type Examination, type Finding, examineMachine } from '../engine/examine.ts';
import { DEFAULT_LIMITS } from '../policy/scalars.ts';
import { cacheDirectory } from './directories.ts';
import { err, json, out, paint } from './output.ts';

interface DoctorOptions {
  engine: EngineChoice;
  fresh: boolean;
  json: boolean;
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('say what this machine can do, with the next step for each fault')
    .addOption(
      new Option('--engine <engine>', 'the accelerator to examine')
        .choices(['auto', 'kvm', 'hvf', 'tcg'])
        .default('auto'),
    )
    .option('--fresh', 'boot again to try the accelerator, whatever was found earlier', false)
    .option('--json', 'the findings as JSON', false)
    .action(async (options: DoctorOptions) => {
      const examination = await examineMachine({
        cache: cacheDirectory(process.env),
        engine: options.engine,
        fresh: options.fresh,
        cpus: DEFAULT_LIMITS.cpus,
        memory: DEFAULT_LIMITS.memory,
        onProgress: (line) => err(`doctor: ${line}`),
      });
      if (options.json) json(examination);
      else print(examination);
      process.exitCode = examination.usable ? 0 : 1;
    });
}

const MARKS = {
  good: ['green', 'ok     '],
  warning: ['yellow', 'warning'],
  fault: ['red', 'fault  '],
} as const;

function print(examination: Examination): void {
  for (const finding of examination.findings) printFinding(finding);
  const isolation =
    examination.isolation === undefined ? '' : `, isolation: ${examination.isolation}`;
  if (examination.usable) out(`\n${paint('green', 'sessions can start')}${isolation}`);
  else out(`\n${paint('red', 'sessions cannot start')}`);
}

function printFinding({ check, state, detail, hint }: Finding): void {
  const [style, mark] = MARKS[state];
  out(`${paint(style, mark)}  ${check.padEnd(11)} ${detail.replaceAll('\n', ' ')}`);
  if (hint !== undefined) out(`${' '.repeat(21)} next: ${hint}`);
}
