// What becomes of each line that a step's process writes: a command that is done, an annotation, or a line of the log
// (ActionCommandManager.cs, OutputManager.cs).

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { type Command, parseCommand } from './command.ts';
import { type Matcher, readMatchers } from './matcher.ts';
import { type StepState, addError, addIssue, keepAnnotation, writeLog } from './state.ts';

const DEPRECATED =
  'command is deprecated and will be disabled soon. Please upgrade to using Environment Files. For more information see: https://github.blog/changelog/2022-10-11-github-actions-deprecating-save-state-and-set-output-commands/';
const DISABLED =
  'command is disabled. Please upgrade to using Environment Files or opt into unsecure command execution by setting the `ACTIONS_ALLOW_UNSECURE_COMMANDS` environment variable to `true`. For more information see: https://github.blog/changelog/2020-10-01-github-actions-deprecating-set-env-and-add-path-commands/';
const BAD_TOKEN =
  'Invoking the command `::stop-commands::` with an empty token, or one that is a command, is disabled. Please set `ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS` to allow it.';

const NAMES = [
  ...['add-mask', 'add-matcher', 'remove-matcher', 'debug', 'warning', 'error', 'notice', 'group'],
  ...['endgroup', 'echo', 'save-state', 'set-output', 'set-env', 'add-path', 'stop-commands'],
];

export interface OutputReader {
  take(line: string): void;
}

/** Stops and echoes end with the step. `environment`: the step's own; `folder`: where a matcher's file is looked for. */
export function createOutputReader(
  step: StepState,
  environment: Readonly<Record<string, string>>,
  folder: string,
): OutputReader {
  const registered = new Set(NAMES);
  let stopToken: string | undefined;
  let isEchoing = false;

  const isOn = (name: string): boolean => environment[name]?.trim().toLowerCase() === 'true';

  /** True where the line has been taken as a command. */
  function runCommand(line: string): boolean {
    const command = parseCommand(line, registered);
    if (command === undefined) return false;
    if (stopToken !== undefined) {
      if (command.name !== stopToken.toLowerCase()) return false;
      registered.delete(command.name);
      stopToken = undefined;
      writeLog(step, line);
      return true;
    }
    if (command.name === 'stop-commands') {
      stop(command.data, line);
      return true;
    }
    if (isEchoing && command.name !== 'add-mask' && !ISSUES.has(command.name)) writeLog(step, line);
    try {
      perform(command);
    } catch (error) {
      const shown = command.name === 'add-mask' ? command.name : line;
      addError(step, `Unable to process command '${shown}' successfully.`);
      addError(step, (error as Error).message);
      step.isCommandFailed = true;
    }
    return true;
  }

  function stop(token: string, line: string): void {
    const isKnown = registered.has(token.toLowerCase());
    const isInvalid = token === '' || isKnown || token.toLowerCase() === 'pause-logging';
    if (isInvalid && !isOn('ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS')) {
      addError(step, BAD_TOKEN);
      step.isCommandFailed = true;
      return;
    }
    stopToken = token;
    registered.add(token.toLowerCase());
    if (token.length > 6) step.job.masker.add(token);
    writeLog(step, line);
  }

  function perform(command: Command): void {
    const { name, data, properties } = command;
    const named = (): string => {
      const value = properties.get('name');
      if (!value) throw new Error(`Required field 'name' is missing in ##[${name}] command.`);
      return value;
    };
    switch (name) {
      case 'error':
        return addIssue(step, 'failure', data, properties);
      case 'warning':
      case 'notice':
        return addIssue(step, name, data, properties);
      case 'group':
      case 'endgroup':
        return writeLog(step, `##[${name}]${name === 'group' ? data : ''}`);
      case 'debug':
        if (environment['RUNNER_DEBUG'] === '1') writeLog(step, `##[debug]${data}`);
        return;
      case 'add-mask':
        if (data.trim() === '')
          return addIssue(
            step,
            'warning',
            "Can't add secret mask for empty string in ##[add-mask] command.",
          );
        if (isEchoing) writeLog(step, '::add-mask::***');
        return step.job.masker.add(data);
      case 'echo': {
        const value = data.trim().toLowerCase();
        if (value !== 'on' && value !== 'off')
          throw new Error(`Invalid echo command value. Possible values can be: 'on', 'off'.`);
        isEchoing = value === 'on';
        return;
      }
      case 'save-state':
      case 'set-output': {
        const key = named();
        addIssue(step, 'warning', `The \`${name}\` ${DEPRECATED}`);
        (name === 'save-state' ? step.state : step.outputs).set(key, data);
        return;
      }
      case 'set-env':
      case 'add-path':
        return performUnsecure(name, data, named);
      case 'add-matcher':
        for (const matcher of readMatchers(readFileSync(resolve(folder, data), 'utf8')))
          step.job.matchers.set(matcher.owner, matcher);
        return;
      case 'remove-matcher':
        step.job.matchers.delete(properties.get('owner') ?? '');
        return;
      default:
        return addIssue(step, 'warning', `Can't find command extension for ##[${name}.command].`);
    }
  }

  function performUnsecure(name: string, data: string, named: () => string): void {
    if (!isOn('ACTIONS_ALLOW_UNSECURE_COMMANDS')) throw new Error(`The \`${name}\` ${DISABLED}`);
    if (name === 'add-path') step.job.prependPath.push(data);
    else if (named().toUpperCase() === 'NODE_OPTIONS')
      addError(step, `Can't update ${named()} environment variable using ::set-env:: command.`);
    else step.job.environment.set(named(), data);
  }

  return {
    take(line) {
      for (let one: StepState | undefined = step; one !== undefined; one = one.parent)
        one.rawLog.push(line);
      step.job.rawLog.push(line);
      if (runCommand(line)) return;
      writeLog(step, line);
      // Matchers go on while commands are stopped.
      for (const matcher of step.job.matchers.values()) report(step, matcher, line);
    },
  };
}

/** Shown in a form of their own. */
const ISSUES: ReadonlySet<string> = new Set(['error', 'warning', 'notice', 'debug']);

function report(step: StepState, matcher: Matcher, line: string): void {
  const annotation = matcher.take(step.job.masker.mask(line));
  if (annotation !== undefined) keepAnnotation(step, annotation);
}
