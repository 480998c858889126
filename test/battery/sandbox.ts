// Drives the program under test the way a user does: `run`, `exec`, `stop`.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { readLines, type Position } from '../../src/log/lines.ts';
import { parseRecord, type LogRecord } from '../../src/log/record.ts';
import { readState } from '../../src/session/state.ts';
import { runProgram, type Executor, type RunOutput } from './executor.ts';
import type { Rig } from './rig.ts';

export interface SandboxOptions {
  name: string;
  policy: string;
  /** command of `run`; waits for ever when absent */
  command?: readonly string[];
  options?: readonly string[];
  workspace?: string;
}

export interface Sandbox extends Executor {
  id: string;
  directory: string;
  host: ChildProcess;
  /** of the `run` process */
  exited: Promise<RunOutput>;
}

const START_LIMIT_MS = 90_000;
const CASE_LIMIT_MS = 180_000;

/** `agent-sandbox ARGV...` to its end. */
export function runCli(
  rig: Rig,
  argv: readonly string[],
  limit: number = CASE_LIMIT_MS,
  directory?: string,
): Promise<RunOutput> {
  return runProgram(process.execPath, [rig.program, ...argv], {
    environment: rig.environment,
    limit,
    ...(directory !== undefined && { directory }),
  });
}

/** Starts a session and waits until it takes commands. */
export async function startSandbox(rig: Rig, options: SandboxOptions): Promise<Sandbox> {
  const workspace = options.workspace ?? rig.newWorkspace(options.name);
  const policy = rig.writePolicy(options.name, options.policy);
  const logs = join(rig.logs, options.name);
  const command = options.command ?? ['sleep', '1000000'];
  const argv = [
    'run',
    '--policy',
    policy,
    '--workspace',
    workspace,
    '--log-dir',
    logs,
    ...(options.options ?? []),
    '--',
    ...command,
  ];
  const host = spawn(process.execPath, [rig.program, ...argv], {
    cwd: workspace,
    env: rig.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = collect(host);
  const directory = await waitForSession(logs, exited);
  const state = readState(directory);
  if (state === undefined) throw new Error(`no session.json in ${directory}`);
  const file = join(directory, 'decisions.jsonl');
  const position: Position = { offset: 0, lines: 0 };
  return {
    id: state.id,
    directory,
    host,
    exited,
    workspace,
    hostRoot: '/',
    run: (caseArgv, principal) =>
      runCli(rig, [
        'exec',
        ...(principal === 'root' ? ['--root'] : []),
        '--log-dir',
        logs,
        state.id,
        '--',
        ...caseArgv,
      ]),
    takeRecords: () => readRecords(file, position),
    isAlive: () => host.exitCode === null && host.signalCode === null,
    close: async () => {
      if (host.exitCode === null && host.signalCode === null)
        await runCli(rig, ['stop', '--log-dir', logs, state.id]);
      await Promise.race([exited, sleep(10_000, undefined, { ref: false })]);
      if (host.exitCode === null && host.signalCode === null) host.kill('SIGKILL');
      await exited;
    },
  };
}

function readRecords(file: string, position: Position): LogRecord[] {
  const records: LogRecord[] = [];
  for (const line of readLines(file, position)) {
    const record = line.isComplete ? parseRecord(line.bytes) : undefined;
    if (record) records.push(record);
  }
  return records;
}

async function collect(host: ChildProcess): Promise<RunOutput> {
  let out = '';
  let err = '';
  host.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
  host.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
  const [code] = (await once(host, 'close')) as [number | null];
  return { code, out, err };
}

async function waitForSession(logs: string, exited: Promise<RunOutput>): Promise<string> {
  let ended: RunOutput | undefined;
  void exited.then((output) => (ended = output));
  for (let waited = 0; waited < START_LIMIT_MS; waited += 50) {
    for (const name of listed(logs)) {
      const directory = join(logs, name);
      const state = readState(directory);
      if (state !== undefined && state.status !== 'starting') return directory;
    }
    if (ended)
      throw new Error(`the session did not start: exit ${ended.code}: ${ended.err.slice(-2000)}`);
    await sleep(50);
  }
  throw new Error('the session did not start in time');
}

function listed(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // not made yet
  }
}
