// `run`: one command in a session of its own.

import { realpathSync } from 'node:fs';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { type FilesystemThread, createFilesystemThread } from '../enforce/filesystem/server.ts';
import { messageOf, SandboxError } from '../model/error.ts';
import { readDenials, renderDenials } from '../report/denials.ts';
import { writeReport } from '../report/write.ts';
import type { GuestProcess } from '../guest/exec.ts';
import { sweepDeadSessions } from '../session/find.ts';
import type { SessionPlan } from '../session/plan.ts';
import { sweepCredentials } from '../session/sweep-credentials.ts';
import type { Session, SessionEnd } from '../session/session.ts';
import { startSession } from '../session/start.ts';
import { reportDenied, reportEnd } from './command-end.ts';
import { renderUses } from './credential-uses.ts';
import {
  cacheDirectory,
  journalDirectory,
  logDirectory,
  packagesDirectory,
} from './directories.ts';
import { EXIT, signalExit } from './exit-code.ts';
import { readLock } from './mcp-lock-file.ts';
import { err, isColoured } from './output.ts';
import { handoverVariables } from './handover.ts';
import { isNested, runNested } from './nested-run.ts';
import { resolveIdentity } from './run-identity.ts';
import { loadRunPolicy } from './run-policy.ts';
import { addRunOptions, type RunOptions } from './run-options.ts';
import {
  bindInput,
  errorStream,
  holdSignals,
  isTerminal,
  outputStream,
  terminalSize,
} from './stdio.ts';
import { ensureReady } from './setup.ts';
import { variables } from './variables.ts';
import { packageDirectory } from './version.ts';

/** how long the end of a run waits for credentials of earlier sessions to be revoked, in `ms` */
const SWEEP_MS = 10_000;

export function runCommand(): Command {
  return addRunOptions(
    new Command('run')
      .description('run one command in a sandbox')
      .usage('[options] -- COMMAND [ARG...]')
      .argument('<command...>', 'the command and its arguments'),
  )
    .passThroughOptions()
    .action(async (argv: string[], options: RunOptions) => {
      process.exitCode = await run(argv, options);
    });
}

async function run(argv: string[], options: RunOptions): Promise<number> {
  if (isNested(process.env)) return runNested(argv, options);
  // It comes up on another processor while the policy is read here.
  const thread = createFilesystemThread();
  const progress = options.quiet
    ? (): void => undefined
    : (line: string): void => err(`agent-sandbox: ${line}`);
  const loaded = loadRunPolicy(options, process.env);
  if (loaded.kind === 'invalid') {
    err(loaded.report);
    return EXIT.failed;
  }
  if (options.image !== 'host')
    throw new SandboxError({
      kind: 'usage',
      code: 'RUN_NO_IMAGE',
      message: `the image '${options.image}' cannot be used: this version knows 'host' only`,
    });
  const { policy } = loaded;
  const logs = logDirectory(process.env, options.logDir);
  const ready = await ensureReady({
    engine: options.engine,
    limits: policy.limits,
    onProgress: progress,
  });
  sweepDeadSessions(logs, new Date());
  const swept = sweepCredentials(journalDirectory(process.env), process.env, progress).catch(
    (error: unknown) => progress(`credentials of earlier sessions: ${messageOf(error)}`),
  );
  const identity = await resolveIdentity(policy, process.env, progress);
  const plan: SessionPlan = {
    policy,
    command: argv,
    packageRoot: packageDirectory,
    logDirectory: logs,
    cacheDirectory: cacheDirectory(process.env),
    journalDirectory: journalDirectory(process.env),
    packagesDirectory: packagesDirectory(process.env),
    ...toolLock(policy, options),
    accelerator: ready.accelerator,
    ...identity,
    hostEnvironment: process.env,
    onProgress: progress,
  };
  const signals = holdSignals();
  try {
    return await runSession(plan, options, signals.held, thread);
  } finally {
    signals.release();
    // What takes longer is left for the next start: the journal still has it.
    await Promise.race([swept, delay(SWEEP_MS, undefined, { ref: false })]);
  }
}

/** What was reviewed of the policy's tool servers; none is read where there are none. */
function toolLock(
  policy: SessionPlan['policy'],
  { frozen, policyRoot }: Pick<RunOptions, 'frozen' | 'policyRoot'>,
): Pick<SessionPlan, 'toolLock' | 'frozenTools'> {
  const lock = policy.mcp.servers.length === 0 ? undefined : readLock(policy, frozen, policyRoot);
  return { ...(lock && { toolLock: lock }), frozenTools: frozen };
}

async function runSession(
  plan: SessionPlan,
  options: RunOptions,
  held: number[],
  thread: FilesystemThread,
): Promise<number> {
  const session = await startSession(plan, thread);
  try {
    const code = await runIn(session, plan, options, held);
    return await finish(session, code, options);
  } finally {
    await session.stop('stopped'); // does nothing after an orderly end
  }
}

async function runIn(
  session: Session,
  plan: SessionPlan,
  options: RunOptions,
  held: number[],
): Promise<number> {
  const argv = plan.command;
  const [asked] = held;
  if (asked !== undefined) return signalExit(asked); // the user gave up while the session came up
  const tty = options.tty ?? isTerminal();
  const started = await session.start({
    argv,
    cwd: workingDirectory(plan.policy.workspace),
    environment: [
      ...variables(options.env, process.env),
      ...handoverVariables(options.handover, plan.policy.workflow),
    ],
    asRoot: true,
    ...(tty ? { terminal: terminalSize() } : {}),
  });
  if (started.kind === 'denied') {
    return reportDenied(started.path, started.decision);
  }
  const early = endedEarly(session);
  // A command that is lost was lost with its session: why that ended is the answer, not that the link broke.
  const finished = passThrough(started.process, argv[0] ?? '', tty, held).catch(
    async (error: unknown) => {
      await session.stop('guest-fault', messageOf(error));
      return early;
    },
  );
  return Promise.race([finished, early]);
}

async function passThrough(
  child: GuestProcess,
  name: string,
  tty: boolean,
  held: number[],
): Promise<number> {
  const raw = tty && isTerminal();
  const release = bindInput(
    {
      write: (chunk) => child.stdin.write(chunk),
      end: () => void child.stdin.end(),
      onDrain: (listener) => void child.stdin.once('drain', listener),
      signal: (signal) => child.signal(signal),
      resize: (rows, columns) => child.resize(rows, columns),
    },
    raw,
  );
  for (const signal of held) child.signal(signal);
  try {
    const output = [
      drain(child.stdout, outputStream(), child),
      drain(child.stderr, errorStream(), child),
    ];
    const [exit] = await Promise.all([child.exited, ...output]);
    return reportEnd(exit, name);
  } finally {
    release();
  }
}

/**
 * Hands on all output; resolves when the last byte was taken. A reader that goes away ends the command as a broken pipe
 * would; what it still says is read and dropped, since its end is only heard of after its output.
 */
async function drain(
  from: Readable,
  to: NodeJS.WritableStream,
  child: GuestProcess,
): Promise<void> {
  let isGone = false;
  const onError = (): void => {
    isGone = true;
    child.signal(constants.signals.SIGPIPE);
  };
  to.once('error', onError);
  for await (const chunk of from as AsyncIterable<Buffer>) {
    if (!isGone && !to.write(chunk)) await taken(to);
  }
  if (!isGone) to.off('error', onError);
}

function taken(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      stream.off('error', done);
      resolve();
    };
    stream.once('drain', done);
    stream.once('error', done);
  });
}

/** Never resolves while the session lives; then the exit code of what ended it. */
async function endedEarly(session: Session): Promise<number> {
  const end = await session.ended;
  switch (end.reason) {
    case 'finished':
      return 0; // our own doing, after the command's code was known
    case 'timeout':
      err('agent-sandbox: the time limit is reached');
      return EXIT.timedOut;
    case 'stopped':
      err('agent-sandbox: the session was stopped');
      return signalExit(constants.signals.SIGTERM);
    default:
      err(
        `agent-sandbox: the session failed (${end.reason})${end.detail === undefined ? '' : `: ${end.detail}`}`,
      );
      return EXIT.failed;
  }
}

async function finish(session: Session, code: number, options: RunOptions): Promise<number> {
  const end = await session.stop('finished');
  const denials = readDenials(end.logFile);
  writePageOf(session, end);
  const used = renderUses(end.credentials);
  if (options.json) err(JSON.stringify(resultOf(session, end, code)));
  else if (!options.quiet) {
    const text = renderDenials(denials, {
      session: session.id,
      isColoured: isColoured(process.stderr),
    });
    if (text !== '') process.stderr.write(text);
    for (const line of used) err(line);
  }
  return options.failOnDenial && code === 0 && end.denials > 0 ? EXIT.denied : code;
}

/** The page beside the log: without it the run is none the worse. */
function writePageOf({ directory }: Session, { logFile }: SessionEnd): void {
  try {
    writeReport(logFile, directory);
  } catch (error) {
    err(`agent-sandbox: ${messageOf(error)}`);
  }
}

function resultOf(session: Session, end: SessionEnd, code: number): Record<string, unknown> {
  return {
    session: session.id,
    directory: session.directory,
    isolation: session.isolation,
    exitCode: code,
    reason: end.reason,
    denials: end.denials,
    log: end.logFile,
    credentials: end.credentials,
  };
}

/** The current directory where it lies in the workspace, else the workspace. */
function workingDirectory(workspace: string): string {
  const current = realpathSync(process.cwd());
  return current === workspace || current.startsWith(`${workspace}/`) ? current : workspace;
}
