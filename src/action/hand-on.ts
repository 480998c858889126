// What the command wrote for later steps, handed to the runner as far as the policy lets it. Everything is read and checked before
// anything is handed on.

import { appendFileSync, statSync } from 'node:fs';
import { isAbsolute, join, normalize } from 'node:path';

import { setInFile } from '../github/commands.ts';
import { SandboxError } from '../model/error.ts';
import type { WorkflowHandover } from '../model/policy.ts';
import { mayHand } from '../policy/workflow.ts';
import { parsePairs, readHandover } from './workflow-file.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface Handed {
  /** Markdown of the command's own for the summary of the job; hostile */
  summary: string;
  /** a line each: what is not handed on, and why */
  notices: string[];
}

/** `own`: outputs that are the action's, which no command sets. Throws `ACTION_HANDOVER` where a file is not what it must be. */
export function handOn(
  directory: string,
  policy: WorkflowHandover,
  own: readonly string[],
  environment: Environment,
): Handed {
  const notices: string[] = [];
  const read = (name: string): string => readHandover(join(directory, name));
  const pairs = (name: string): [string, string][] => parsePairs(read(name), name);
  const outputs = policy.outputs ? pairs('output') : [];
  const summary = policy.outputs ? read('summary') : '';
  const variables = policy.env.length > 0 ? pairs('env') : [];
  const paths = policy.path ? read('path').split(/\r?\n/).filter(Boolean) : [];
  for (const path of paths) requirePath(path);

  for (const [name, value] of outputs) {
    if (own.includes(name))
      notices.push(`the output \`${name}\` is the action's own, and the command's is left out`);
    else setInFile(environment['GITHUB_OUTPUT'], name, value);
  }
  for (const [name, value] of variables) {
    if (mayHand(policy, name)) setInFile(environment['GITHUB_ENV'], name, value);
    else
      notices.push(
        `the variable \`${name}\` is not one that \`workflow.env\` lets the command set for later steps`,
      );
  }
  const file = environment['GITHUB_PATH'];
  if (file !== undefined) for (const path of paths) appendFileSync(file, `${path}\n`);
  return { summary, notices };
}

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
