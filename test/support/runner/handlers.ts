// How one stage of a step is done: a script, a stage of a JavaScript action, or the steps of a composite action.

import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import type { ActionFile, NodeRuns } from './action-file.ts';
import { type Frame, processEnvironment, scopeOf, serviceVariables } from './execution.ts';
import { evaluateText } from './expression.ts';
import { type NodeName, findNode } from './externals.ts';
import type { FileCommands } from './file-commands.ts';
import { evaluateInputs, inputVariables } from './inputs.ts';
import type { Instance } from './instance.ts';
import { createOutputReader } from './output.ts';
import { runProcess } from './process.ts';
import { parseShell, shellArguments, which } from './shell.ts';
import { type StepState, addError, writeLog } from './state.ts';
import type { Stage } from './types.ts';

export interface Work {
  frame: Frame;
  instance: Instance;
  stage: Stage;
  step: StepState;
  /** the job's, of the steps around, and the step's own */
  environment: ReadonlyMap<string, string>;
  files: FileCommands;
  signal: AbortSignal;
  /** told what the process begins with */
  onStart: (environment: Readonly<Record<string, string>>) => void;
}

/** Exit code of the script. */
export async function runScript(work: Work): Promise<number> {
  const { frame, instance, step, environment } = work;
  const { file } = instance;
  const scope = scopeOf(frame, environment);
  const { defaults, folders } = frame.execution;
  const isOwn = frame.parent === undefined;
  const usual = isOwn ? defaults?.run : undefined;
  const variables = processEnvironment(frame, environment, githubOf(work));
  const path = variables['PATH'] ?? '';
  const text = evaluateText(file.run ?? '', scope).replaceAll('\r\n', '\n');
  const shell = evaluateText(file.shell ?? usual?.shell ?? '', scope);
  const { command, format, extension } = parseShell(shell, path);
  const program = which(command, path);
  const place = evaluateText(
    file['working-directory'] ?? usual?.['working-directory'] ?? '',
    scope,
  );
  writeGroup(step, text.trimStart().split('\n')[0] ?? '', [
    ...text
      .replace(/\n$/, '')
      .split('\n')
      .map((line) => `\x1b[36;1m${line}\x1b[0m`),
    `shell: ${program ?? command} ${format}`,
    ...listed('env', environment),
  ]);
  if (program === undefined) throw new Error(`${command}: command not found`);
  const script = join(folders.temp, `${randomUUID()}${extension}`);
  writeFileSync(script, text);
  const args = shellArguments(format, script);
  const code = await start(work, program, args, resolve(folders.workspace, place), variables);
  if (code !== 0) addError(step, `Process completed with exit code ${code}.`);
  return code;
}

/** Exit code of the stage's process. */
export async function runNode(work: Work, action: ActionFile, runs: NodeRuns): Promise<number> {
  const { frame, instance, stage, step, environment } = work;
  const { execution } = frame;
  const inputs = evaluateInputs(instance.file, action, scopeOf(frame, environment), step);
  const given = Object.keys(instance.file.with ?? {}).map((name) => name.toLowerCase());
  const shown = [...inputs].filter(([name, value]) => given.includes(name) || value !== '');
  writeGroup(step, instance.file.uses ?? '', [
    ...listed('with', new Map(shown)),
    ...listed('env', environment),
  ]);
  const variables = {
    ...processEnvironment(frame, environment, { ...githubOf(work), action_path: action.folder }),
    ...inputVariables(inputs),
    ...stateVariables(instance.state),
    ...serviceVariables(execution),
  };
  const entry = runs[stage];
  if (entry === undefined) throw new Error(`the action has no ${stage} stage`);
  const node = await findNode(execution.options.node ?? nodeFor(runs.using, variables));
  const args = [join(action.folder, entry)];
  return start(work, node, args, execution.folders.workspace, variables);
}

/** node20 is taken for node24, unless the workflow or the machine opts out. */
function nodeFor(using: NodeName, variables: Readonly<Record<string, string>>): NodeName {
  const isOut = variables['ACTIONS_ALLOW_USE_UNSECURE_NODE_VERSION']?.toLowerCase() === 'true';
  return using === 'node20' && isOut ? 'node20' : 'node24';
}

function start(
  work: Work,
  file: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const { frame, step, signal, onStart } = work;
  onStart(env);
  const reader = createOutputReader(step, env, frame.execution.folders.workspace);
  const { timing } = frame.execution;
  return runProcess({ file, args, cwd, env, signal, timing, onLine: (line) => reader.take(line) });
}

/** The part of the `github` context that is the step's own. */
function githubOf({ instance, files }: Work): Record<string, string> {
  const { uses, contextName } = instance;
  const isRepository = uses?.kind === 'repository';
  return {
    ...files,
    action: contextName,
    ...(uses === undefined
      ? {}
      : {
          action_repository: isRepository ? uses.repository : '',
          action_ref: isRepository ? uses.ref : '',
        }),
  };
}

function stateVariables(state: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...state].map(([name, value]) => [`STATE_${name}`, value]));
}

function writeGroup(step: StepState, title: string, lines: readonly string[]): void {
  writeLog(step, `##[group]Run ${title}`);
  for (const line of lines) writeLog(step, line);
  writeLog(step, '##[endgroup]');
}

function listed(title: string, values: ReadonlyMap<string, string>): string[] {
  if (values.size === 0) return [];
  return [`${title}:`, ...[...values].map(([name, value]) => `  ${name}: ${value}`)];
}
