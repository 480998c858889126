// `setup`: installs and builds what is missing, asking first; and the same for a `run` on a machine that is not ready.

import { createInterface } from 'node:readline/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { EngineChoice } from '../engine/accelerator.ts';
import type { Accelerator, Progress } from '../engine/engine.ts';
import { type Readiness, makeReady } from '../engine/ready.ts';
import type { Limits } from '../model/policy.ts';
import { parseSize } from '../policy/quantity.ts';
import { DEFAULT_LIMITS } from '../policy/scalars.ts';
import { cacheDirectory } from './directories.ts';
import { err, json, out, paint } from './output.ts';

export interface EnsureOptions {
  engine: EngineChoice;
  limits: Pick<Limits, 'cpus' | 'memory'>;
  onProgress: Progress;
  /** install without asking */
  yes?: boolean;
  /** ask on the terminal; by default when there is one */
  interactive?: boolean;
}

interface SetupOptions {
  yes: boolean;
  json: boolean;
  engine: EngineChoice;
  cpus: number;
  memory: number;
}

/** Variables apt needs where the way out is a proxy. */
const PROXY_VARIABLES = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'];

export function setupCommand(): Command {
  return new Command('setup')
    .description('install and build what this machine lacks: QEMU, a guest kernel, a saved guest')
    .option('-y, --yes', 'install packages without asking', false)
    .addOption(
      new Option('--engine <engine>', 'the accelerator of the microVM')
        .choices(['auto', 'kvm', 'hvf', 'tcg'])
        .default('auto'),
    )
    .option(
      '--cpus <n>',
      'processors of the guest that is saved ahead',
      processors,
      DEFAULT_LIMITS.cpus,
    )
    .option(
      '--memory <size>',
      'memory of the guest that is saved ahead',
      size,
      DEFAULT_LIMITS.memory,
    )
    .option('--json', 'the result as JSON', false)
    .action(async (options: SetupOptions) => {
      const result = await prepare({
        engine: options.engine,
        limits: options,
        onProgress: progressLine,
        yes: options.yes,
        thorough: true,
      });
      if (options.json) json({ ready: true, changed: result.done.length > 0, ...result });
      else out(summary(result));
    });
}

/** For `run`: what a session cannot do without is there afterwards, and which accelerator it gets is known. */
export function ensureReady(options: EnsureOptions): Promise<{ accelerator: Accelerator }> {
  return prepare({ ...options, thorough: false });
}

function prepare(options: EnsureOptions & { thorough: boolean }): Promise<Readiness> {
  const interactive = options.interactive ?? (process.stdin.isTTY && process.stderr.isTTY);
  return makeReady({
    cache: cacheDirectory(process.env),
    engine: options.engine,
    cpus: options.limits.cpus,
    memory: options.limits.memory,
    thorough: options.thorough,
    interactive,
    consent: async (packages, command) => {
      if (options.yes === true) return true;
      return interactive && (await ask(packages, command));
    },
    env: proxyVariables(),
    onProgress: options.onProgress,
  });
}

async function ask(packages: readonly string[], command: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const what =
      packages.length === 0 ? 'The package lists are missing.' : `Missing: ${packages.join(', ')}.`;
    const answer = await terminal.question(`${what}\nRun \`${command}\` now? [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

function summary({ accelerator, done }: Readiness): string {
  const how =
    accelerator === 'tcg'
      ? 'guests are emulated (tcg), which is slower and not a security boundary'
      : `guests run on the hardware (${accelerator})`;
  const first =
    done.length === 0 ? 'nothing to do: this machine is ready' : 'this machine is ready';
  return `${paint('green', first)}\n${how}`;
}

function progressLine(line: string): void {
  err(`setup: ${line}`);
}

function proxyVariables(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of PROXY_VARIABLES) {
    const value = process.env[name];
    if (value !== undefined) found[name] = value;
  }
  return found;
}

function processors(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('a whole number from 1.');
  return value;
}

function size(text: string): number {
  const value = parseSize(text);
  if (value === undefined) throw new InvalidArgumentError('a size such as 4GiB.');
  return value;
}
