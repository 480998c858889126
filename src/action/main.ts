// The step itself: policies, a sandbox, its output, and what it came to.

import { randomUUID } from 'node:crypto';
import { mkdirSync, realpathSync, statSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';

import { readJobContext, type JobContext } from '../github/context.ts';
import { setInFile, workflowCommand } from '../github/commands.ts';
import { messageOf, SandboxError } from '../model/error.ts';
import { jobGitHub } from './github.ts';
import { createHandover } from './handover.ts';
import { handOn } from './hand-on.ts';
import { type Inputs, readInputs } from './inputs.ts';
import { openKvm } from './kvm.ts';
import { launch, type Running } from './launch.ts';
import { fetchPolicies } from './policy-files.ts';
import { lacksEmulator, prepareRunner } from './prepare.ts';
import { notice, OUTPUTS, publish } from './publish.ts';
import { findSession, handoverOf, sessionsOf } from './session-files.ts';
import { saveState } from './state.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface StepOptions {
  environment: Environment;
  /** bundle of the command line */
  program: string;
  write: (chunk: Buffer | string) => boolean;
  drained: () => Promise<void>;
  /** hears of the runner's wish to end the step; the command's end is waited for */
  onCancel: (listener: (signal: NodeJS.Signals) => void) => void;
}

/** The exit code of the step. Throws nothing: what keeps it from starting is an error annotation and 125. */
export async function runStep(options: StepOptions): Promise<number> {
  const { environment, write } = options;
  const say = (text: string): void => void write(text);
  try {
    return await step(options, say);
  } catch (error) {
    const hint = error instanceof SandboxError && error.hint !== undefined ? `\n${error.hint}` : '';
    const code = error instanceof SandboxError ? ` [${error.code}]` : '';
    say(
      workflowCommand(
        'error',
        { title: 'agent-sandbox did not start' },
        `${messageOf(error)}${code}${hint}`,
      ),
    );
    setInFile(environment['GITHUB_OUTPUT'], 'verdict', 'failed');
    setInFile(environment['GITHUB_OUTPUT'], 'exit-code', '125');
    return 125;
  }
}

async function step(options: StepOptions, say: (text: string) => void): Promise<number> {
  const { environment } = options;
  const context = readJobContext(environment);
  const inputs = readInputs(environment);
  // Values that actions mask in each other's output.
  if (inputs.token !== '') say(workflowCommand('add-mask', {}, inputs.token));
  const directory = join(context.temporary, 'agent-sandbox', randomUUID());
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const handover = createHandover(context, inputs.run);
  saveState(environment, { directory, handover: handover.directory });

  const github = jobGitHub(context, inputs.token, environment, (message) =>
    notice(say, 'notice', message),
  );
  const policies = await fetchPolicies({
    context,
    github,
    policy: inputs.policy,
    orgPolicy: inputs.orgPolicy,
    orgVariable: environment['AGENT_SANDBOX_ORG_POLICY'] ?? '',
    directory,
  });
  if (inputs.logLevel !== 'quiet')
    for (const line of policies.notices) say(`agent-sandbox: ${line}\n`);
  if (inputs.engine === 'auto' && openKvm(environment) === 'closed')
    notice(
      say,
      'no KVM',
      '/dev/kvm is not for this user, so the guest is emulated: slower, and no security boundary of hardware',
    );

  const directoryOfCommand = workingDirectory(context, inputs);
  if (lacksEmulator()) {
    const stage = { ...options, directory: directoryOfCommand };
    if ((await prepareRunner(stage)) !== 0)
      throw new SandboxError({
        kind: 'environment',
        code: 'ACTION_SETUP',
        message:
          'what a sandbox needs could not be installed on this runner; the lines above say why',
      });
  }
  const running = launch({
    inputs,
    policies,
    program: options.program,
    workspace: context.workspace,
    directory: directoryOfCommand,
    logDirectory: sessionsOf(directory),
    handover: handover.directory,
    script: handover.script,
    environment,
    write: options.write,
    drained: options.drained,
  });
  const cancelled = { by: undefined as NodeJS.Signals | undefined };
  options.onCancel((signal) => {
    cancelled.by ??= signal;
    cancel(running, signal);
  });
  const code = await running.exited;
  // The runner waits seconds, and no longer: what there is to say is said by `post`.
  if (cancelled.by !== undefined) return code === 0 ? 130 : code;
  return conclude({
    options,
    say,
    context,
    inputs,
    directory,
    handover: handover.directory,
    github,
    code,
  });
}

interface Conclusion {
  options: StepOptions;
  say: (text: string) => void;
  context: JobContext;
  inputs: Inputs;
  directory: string;
  handover: string;
  github: Parameters<typeof publish>[0]['github'];
  code: number;
}

async function conclude(order: Conclusion): Promise<number> {
  const { say, context, inputs, directory, handover, github, code } = order;
  const { environment } = order.options;
  const session = findSession(directory);
  if (session === undefined) {
    say(
      workflowCommand(
        'error',
        { title: 'agent-sandbox: no session' },
        'the sandbox did not start; the lines above say why',
      ),
    );
    setInFile(environment['GITHUB_OUTPUT'], 'verdict', 'failed');
    setInFile(environment['GITHUB_OUTPUT'], 'exit-code', String(code));
    saveState(environment, { isReported: true });
    return code === 0 ? 125 : code;
  }
  let summary = '';
  let fault: string | undefined;
  try {
    const handed = handOn(handover, handoverOf(session), OUTPUTS, environment);
    summary = handed.summary;
    for (const line of handed.notices) notice(say, 'not handed on', line);
  } catch (error) {
    fault = messageOf(error);
    say(workflowCommand('error', { title: 'agent-sandbox' }, fault));
  }
  const verdict = await publish({
    session,
    context,
    github,
    inputs,
    environment,
    guestSummary: summary,
    write: say,
  });
  saveState(environment, { isReported: true });
  const end = exitCode({ code, verdict, failOn: inputs.failOn, isFaulty: fault !== undefined });
  setInFile(environment['GITHUB_OUTPUT'], 'exit-code', String(end));
  return end;
}

/** The command's own code wins; a green command is red where something was denied, lost, or not handed on. */
function exitCode(end: {
  code: number;
  verdict: 'clean' | 'denied' | 'failed';
  failOn: Inputs['failOn'];
  isFaulty: boolean;
}): number {
  if (end.code !== 0) return end.code;
  if (end.verdict === 'failed') return 125;
  if (end.isFaulty) return 1;
  return end.verdict === 'denied' && end.failOn === 'denial' ? 3 : 0;
}

function workingDirectory({ workspace }: JobContext, { workingDirectory: named }: Inputs): string {
  const directory = named === undefined ? workspace : resolve(workspace, named);
  const real =
    statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true
      ? realpathSync(directory)
      : undefined;
  const root = realpathSync(workspace);
  if (real !== undefined && isAbsolute(real) && (real === root || real.startsWith(`${root}/`)))
    return real;
  throw new SandboxError({
    kind: 'usage',
    code: 'ACTION_INPUT',
    message: `the input \`working-directory\` must be a directory of the workspace, not ${JSON.stringify(named)}`,
  });
}

/** in `ms`, after the runner's first signal; it kills all after ten seconds */
const PATIENCE = { terminate: 3_000, kill: 6_000 };

function cancel(running: Running, signal: NodeJS.Signals): void {
  running.signal(signal);
  setTimeout(() => running.signal('SIGTERM'), PATIENCE.terminate).unref();
  setTimeout(() => running.signal('SIGKILL'), PATIENCE.kill).unref();
}
