// `exec`, `ps` and `stop`: what other terminals do with live sessions.

import { Command, Option } from 'commander';
import {
  listSessions,
  findLiveSession,
  sweepDeadSessions,
  type FoundSession,
} from '../session/find.ts';
import { requestSession, type ClientResult, type ControlClient } from '../session/client.ts';
import type { ProcessExit } from '../guest/exec.ts';
import type { Decision } from '../model/decision.ts';
import { reportDenied, reportEnd } from './command-end.ts';
import { logDirectory } from './directories.ts';
import { EXIT } from './exit-code.ts';
import { err, json, out } from './output.ts';
import { bindInput, errorStream, isTerminal, outputStream, terminalSize } from './stdio.ts';

const logDirOption = (): Option =>
  new Option('--log-dir <dir>', 'where session directories are made').env('AGENT_SANDBOX_LOG_DIR');

export function execCommand(): Command {
  return new Command('exec')
    .description('run one more command in a live session')
    .argument('<session>', 'session id, or the start of one')
    .argument('<command...>', 'the command and its arguments')
    .addOption(logDirOption())
    .option('--cwd <dir>', "directory in the guest (default: the session's workspace)")
    .option('--tty', 'give the command a terminal (default: when stdin and stdout are one)')
    .option('--no-tty', 'give the command pipes')
    .option('--root', 'run as guest root, where the policy says `execution.user: root`', false)
    .passThroughOptions()
    .action(async (id: string, words: string[], options: ExecOptions) => {
      // After the session id everything is the command's own, the `--` before it included.
      const argv = words[0] === '--' ? words.slice(1) : words;
      process.exitCode = await exec(id, argv, options);
    });
}

interface ExecOptions {
  logDir?: string;
  cwd?: string;
  tty?: boolean;
  root: boolean;
}

async function exec(id: string, argv: string[], options: ExecOptions): Promise<number> {
  const { state } = findLiveSession(logDirectory(process.env, options.logDir), id);
  const tty = options.tty ?? isTerminal();
  const client = await requestSession(
    state,
    {
      op: 'exec',
      argv,
      cwd: options.cwd ?? state.workspace,
      environment: [['TERM', process.env['TERM'] ?? 'dumb']],
      asRoot: options.root,
      ...(tty ? { terminal: terminalSize() } : {}),
    },
    { stdout: outputStream(), stderr: errorStream() },
  );
  return attachClient(client, tty, argv[0] ?? '');
}

/** Passes stdio to a command behind a control socket; resolves with its exit code. */
export async function attachClient(
  client: ControlClient,
  tty: boolean,
  name: string,
): Promise<number> {
  const release = bindInput(
    {
      write: (chunk) => client.sendInput(chunk),
      end: () => client.endInput(),
      onDrain: (listener) => client.onDrain(listener),
      signal: (signal) => client.signal(signal),
      resize: (rows, columns) => client.resize(rows, columns),
    },
    tty && isTerminal(),
  );
  try {
    return exitCodeOf(await client.result, name);
  } finally {
    release();
  }
}

function exitCodeOf(result: ClientResult, name: string): number {
  if (result.kind === 'exit') {
    const { code, signal } = result.result;
    if (typeof signal !== 'number' && typeof code !== 'number') return EXIT.failed;
    return reportEnd(result.result as unknown as ProcessExit, name);
  }
  const { message, denied, path } = result.failure;
  if (denied !== undefined) return reportDenied(String(path), denied as Decision);
  err(`agent-sandbox: ${String(message)}`);
  return EXIT.failed;
}

export function psCommand(): Command {
  return new Command('ps')
    .description('list sessions')
    .addOption(logDirOption())
    .option('-a, --all', 'ended sessions too', false)
    .option('--json', 'one JSON array', false)
    .action((options: { logDir?: string; all: boolean; json: boolean }) => {
      const directory = logDirectory(process.env, options.logDir);
      sweepDeadSessions(directory, new Date());
      const sessions = listSessions(directory).filter((session) => options.all || session.alive);
      if (options.json) json(sessions.map(({ state, alive }) => ({ ...state, alive })));
      else printTable(sessions);
    });
}

function printTable(sessions: FoundSession[]): void {
  const rows = [
    ['SESSION', 'STATUS', 'STARTED', 'ISOLATION', 'WORKSPACE', 'COMMAND'],
    ...sessions.map(({ state }) => [
      state.id,
      state.status,
      state.startedAt.replace(/\.\d+Z$/, 'Z'),
      state.isolation ?? '-',
      state.workspace,
      state.command.join(' ').slice(0, 60),
    ]),
  ];
  const widths =
    rows[0]?.map((_cell, column) => Math.max(...rows.map((row) => (row[column] ?? '').length))) ??
    [];
  for (const row of rows)
    out(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}

export function stopCommand(): Command {
  return new Command('stop')
    .description('end a live session')
    .argument('<session>', 'session id, or the start of one')
    .addOption(logDirOption())
    .action(async (id: string, options: { logDir?: string }) => {
      const { state } = findLiveSession(logDirectory(process.env, options.logDir), id);
      const client = await requestSession(
        state,
        { op: 'stop' },
        { stdout: process.stdout, stderr: process.stderr },
      );
      await client.result;
      out(state.id);
    });
}
