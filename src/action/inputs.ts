// The inputs of the action, each checked for what it may be. None becomes part of a shell's text: they are arguments and file names.

import { SandboxError } from '../model/error.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface Inputs {
  run: string;
  shell: string;
  workingDirectory?: string;
  policy?: string;
  orgPolicy: string;
  mode?: 'audit';
  image: string;
  engine: 'auto' | 'kvm' | 'hvf' | 'tcg';
  /** names of variables that the command gets */
  env: string[];
  cpus?: string;
  memory?: string;
  timeoutMinutes?: number;
  failOn: 'denial' | 'never';
  checkRun: boolean;
  uploadLog: 'always' | 'on-denial' | 'never';
  retentionDays?: number;
  token: string;
  logLevel: 'info' | 'debug' | 'quiet';
}

/** As the runner hands inputs on: upper case, blanks as `_`. */
export function readInput(environment: Environment, name: string): string {
  return environment[`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`] ?? '';
}

/** Throws `ACTION_INPUT`, which names the input and what it may be. */
export function readInputs(environment: Environment): Inputs {
  const text = (name: string): string => readInput(environment, name).trim();
  const one = <T extends string>(name: string, choices: readonly [T, ...T[]]): T => {
    const value = text(name);
    const found = value === '' ? choices[0] : choices.find((choice) => choice === value);
    if (found === undefined) throw wrong(name, `one of ${choices.join(', ')}`, value);
    return found;
  };
  const number = (name: string, most: number): number | undefined => {
    const value = text(name);
    if (value === '') return undefined;
    if (!/^[1-9]\d{0,8}$/.test(value) || Number(value) > most)
      throw wrong(name, `a whole number from 1 to ${most}`, value);
    return Number(value);
  };
  /** goes into an argument vector as `--name=value` */
  const plain = (name: string): string | undefined => {
    const value = text(name);
    if (/[\u0000-\u001f\u007f]/.test(value)) throw wrong(name, 'one line', value);
    return value === '' ? undefined : value;
  };
  const run = readInput(environment, 'run');
  if (run.trim() === '') throw wrong('run', 'a script', '');
  const mode = one('mode', ['', 'enforce', 'audit']);
  const timeoutMinutes = number('timeout-minutes', 360 * 24);
  const retentionDays = number('retention-days', 400);
  return {
    run,
    shell: plain('shell') ?? 'bash',
    ...given('workingDirectory', plain('working-directory')),
    ...given('policy', plain('policy')),
    orgPolicy: plain('org-policy') ?? 'auto',
    // `enforce` is what holds where nobody says anything else: an input can only loosen it.
    ...(mode === 'audit' && { mode }),
    image: plain('image') ?? 'host',
    engine: one('engine', ['auto', 'kvm', 'hvf', 'tcg']),
    env: names(text('env')),
    ...given('cpus', plain('cpus')),
    ...given('memory', plain('memory')),
    ...(timeoutMinutes !== undefined && { timeoutMinutes }),
    failOn: one('fail-on', ['denial', 'never']),
    checkRun: isTrue('check-run', text('check-run')),
    uploadLog: one('upload-log', ['always', 'on-denial', 'never']),
    ...(retentionDays !== undefined && { retentionDays }),
    token: text('token'),
    logLevel: one('log-level', ['info', 'debug', 'quiet']),
  };
}

function given<K extends string>(key: K, value: string | undefined): Partial<Record<K, string>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, string>);
}

function names(text: string): string[] {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  return lines.filter(Boolean).map((name) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      throw wrong('env', 'names of variables, one a line, without values', name);
    return name;
  });
}

/** The booleans of YAML's core schema, as @actions/core has them. */
function isTrue(name: string, value: string): boolean {
  if (value === '' || ['true', 'True', 'TRUE'].includes(value)) return true;
  if (['false', 'False', 'FALSE'].includes(value)) return false;
  throw wrong(name, 'true or false', value);
}

function wrong(name: string, expected: string, value: string): SandboxError {
  return new SandboxError({
    kind: 'usage',
    code: 'ACTION_INPUT',
    message: `the input \`${name}\` must be ${expected}${value === '' ? '' : `, not ${JSON.stringify(value.slice(0, 100))}`}`,
  });
}
