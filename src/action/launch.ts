// Runs the step's script in a sandbox, by the same program that people run, and passes its output on behind a fence.

import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';

import { createFence, GuestOutput, Joint } from './guest-output.ts';
import type { Inputs } from './inputs.ts';
import type { PolicyFiles } from './policy-files.ts';
import { shellCommand } from './shell.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface Launch {
  inputs: Inputs;
  policies: PolicyFiles;
  /** bundle of the command line */
  program: string;
  workspace: string;
  /** where the command starts */
  directory: string;
  logDirectory: string;
  handover: string;
  /** path of the script, in the handover directory */
  script: string;
  environment: Environment;
  write: (chunk: Buffer | string) => boolean;
  /** resolves when what was written is taken */
  drained: () => Promise<void>;
}

/**
 * What a command in the sandbox may know of the job: names, numbers and places, none of them a secret, and no file that the runner
 * reads. https://docs.github.com/en/actions/reference/workflows-and-actions/variables
 */
export const PASSED = [
  'CI',
  'GITHUB_ACTION',
  'GITHUB_ACTIONS',
  'GITHUB_ACTOR',
  'GITHUB_ACTOR_ID',
  'GITHUB_API_URL',
  'GITHUB_BASE_REF',
  'GITHUB_EVENT_NAME',
  'GITHUB_GRAPHQL_URL',
  'GITHUB_HEAD_REF',
  'GITHUB_JOB',
  'GITHUB_REF',
  'GITHUB_REF_NAME',
  'GITHUB_REF_PROTECTED',
  'GITHUB_REF_TYPE',
  'GITHUB_REPOSITORY',
  'GITHUB_REPOSITORY_ID',
  'GITHUB_REPOSITORY_OWNER',
  'GITHUB_REPOSITORY_OWNER_ID',
  'GITHUB_RETENTION_DAYS',
  'GITHUB_RUN_ATTEMPT',
  'GITHUB_RUN_ID',
  'GITHUB_RUN_NUMBER',
  'GITHUB_SERVER_URL',
  'GITHUB_SHA',
  'GITHUB_TRIGGERING_ACTOR',
  'GITHUB_WORKFLOW',
  'GITHUB_WORKFLOW_REF',
  'GITHUB_WORKFLOW_SHA',
  'GITHUB_WORKSPACE',
  'RUNNER_ARCH',
  'RUNNER_ENVIRONMENT',
  'RUNNER_NAME',
  'RUNNER_OS',
] as const;

export function commandLine(launch: Omit<Launch, 'write' | 'drained'>): string[] {
  const { inputs, policies, handover } = launch;
  const option = (name: string, value: string | undefined): string[] =>
    value === undefined ? [] : [`--${name}=${value}`];
  return [
    'run',
    ...option('policy', policies.policy),
    ...option('policy-root', policies.root),
    ...option('org-policy', policies.orgPolicy),
    ...option('workspace', launch.workspace),
    ...option('log-dir', launch.logDirectory),
    ...option('handover', handover),
    ...option('mode', inputs.mode),
    ...option('image', inputs.image),
    ...option('engine', inputs.engine),
    ...option('cpus', inputs.cpus),
    ...option('memory', inputs.memory),
    ...option(
      'timeout',
      inputs.timeoutMinutes === undefined ? undefined : `${inputs.timeoutMinutes}m`,
    ),
    ...[...PASSED.filter((name) => launch.environment[name] !== undefined), ...inputs.env].flatMap(
      (name) => option('env', name),
    ),
    ...(inputs.logLevel === 'quiet' ? ['--quiet'] : []),
    '--no-tty',
    '--',
    ...shellCommand(inputs.shell, launch.script),
  ];
}

/** The host's side: the job's own token under the name that providers know, and nothing that is this action's alone. */
export function hostEnvironment(environment: Environment, token: string): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(
    // Options of the command line are inputs here: a variable that an earlier step has set is none.
    ([name]) => !/^(?:INPUT_|STATE_|AGENT_SANDBOX_(?!CACHE_DIR$))/.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    ...(environment['GITHUB_TOKEN'] === undefined && token !== '' && { GITHUB_TOKEN: token }),
  };
}

export interface Running {
  /** the command's code, or that of what kept it from running */
  readonly exited: Promise<number>;
  signal(signal: NodeJS.Signals): void;
}

export function launch(order: Launch): Running {
  return runProgram(
    order,
    commandLine(order),
    hostEnvironment(order.environment, order.inputs.token),
  );
}

type Stage = Pick<Launch, 'program' | 'directory' | 'write' | 'drained'>;

/** Runs the command line; nothing that it or its guest prints is a command to the runner. */
export function runProgram(
  order: Stage,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Running {
  const fence = createFence();
  const child = spawn(process.execPath, [order.program, ...args], {
    cwd: order.directory,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  order.write(fence.stop);
  const joint = new Joint();
  const relayed = Promise.all([
    relay(child.stdout, joint, order),
    relay(child.stderr, joint, order),
  ]);
  const exited = (async (): Promise<number> => {
    const code = await endOf(child);
    const ends = await relayed;
    // The line that ends the fence is one only at the start of a line.
    if (ends.includes(false)) order.write('\n');
    order.write(fence.resume);
    await order.drained();
    return code;
  })();
  return { exited, signal: (signal) => void child.kill(signal) };
}

/** Resolves when all is passed on: whether what was said last ended its line. */
async function relay(
  from: NodeJS.ReadableStream | null,
  joint: Joint,
  { write, drained }: Stage,
): Promise<boolean> {
  const filter = new GuestOutput();
  from?.pipe(filter);
  for await (const chunk of filter as AsyncIterable<Buffer>)
    if (!write(joint.pass(filter, chunk))) await drained();
  return filter.isAtStart;
}

function endOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('error', () => resolve(125));
    child.once('close', (code, signal) =>
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    );
  });
}
