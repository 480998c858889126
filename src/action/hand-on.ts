// What the command wrote for later steps, handed to the runner as far as the policy lets it. Everything is read and checked before
// anything is handed on.

import { appendFileSync, statSync } from 'node:fs';
import { isAbsolute, join, normalize } from 'node:path';

import { setAllInFile } from '../github/commands.ts';
import { SandboxError } from '../model/error.ts';
import type { WorkflowHandover } from '../model/policy.ts';
import { mayHand } from '../policy/workflow.ts';
import { parsePairs, readHandover } from './workflow-file.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface Handed {
  /** Markdown of the command's own for the summary of the job; hostile */
  summary: string;
  /** two at most: what is not handed on, and why */
  notices: string[];
}

/** `own`: outputs that are the action's, which no command sets. Throws `ACTION_HANDOVER` where a file is not what it must be. */
export function handOn(
  directory: string,
  policy: WorkflowHandover,
  own: readonly string[],
  environment: Environment,
): Handed {
  const left = { outputs: new Set<string>(), variables: new Set<string>() };
  const read = (name: string): string => readHandover(join(directory, name));
  const pairs = (name: string): [string, string][] => parsePairs(read(name), name);
  const outputs = policy.outputs ? pairs('output') : [];
  const summary = policy.outputs ? read('summary') : '';
  const variables = policy.env.length > 0 ? pairs('env') : [];
  const paths = policy.path ? read('path').split(/\r?\n/).filter(Boolean) : [];
  for (const path of paths) requirePath(path);

  // Whoever reads an output does not tell capitals: `VERDICT` is `verdict`.
  const isOwn = (name: string): boolean => own.includes(name.toLowerCase());
  for (const [name] of outputs) if (isOwn(name)) left.outputs.add(name);
  for (const [name] of variables) if (!mayHand(policy, name)) left.variables.add(name);
  setAllInFile(
    environment['GITHUB_OUTPUT'],
    outputs.filter(([name]) => !left.outputs.has(name)),
  );
  setAllInFile(
    environment['GITHUB_ENV'],
    variables.filter(([name]) => !left.variables.has(name)),
  );
  const file = environment['GITHUB_PATH'];
  if (file !== undefined && paths.length > 0) appendFileSync(file, `${paths.join('\n')}\n`);
  return { summary, notices: noticesOf(left) };
}

/** Of each kind one: the runner shows ten notices of a step, and those of its own are among them. */
function noticesOf(left: Record<'outputs' | 'variables', ReadonlySet<string>>): string[] {
  const say = (names: ReadonlySet<string>, why: string): string[] => {
    const shown = [...names].slice(0, MOST_NAMED).map((name) => `\`${name.slice(0, 80)}\``);
    const more = names.size > MOST_NAMED ? ` and ${names.size - MOST_NAMED} more` : '';
    return names.size === 0 ? [] : [`${shown.join(', ')}${more}: ${why}`];
  };
  return [
    ...say(left.outputs, "outputs of the action's own, which no command sets"),
    ...say(left.variables, 'no variables that `workflow.env` lets the command set for later steps'),
  ];
}

const MOST_NAMED = 10;

function requirePath(path: string): void {
  const isPlain =
    isAbsolute(path) && normalize(path) === path && !/[:\u0000-\u001f\u007f]/.test(path);
  if (isPlain && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new SandboxError({
    kind: 'upstream',
    code: 'ACTION_HANDOVER',
    message:
      "what the command wrote for later steps ('path') is not handed on: a line of it is no directory of this machine",
  });
}
