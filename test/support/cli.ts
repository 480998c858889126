// Runs the built program as a user would: its own process, a scrubbed environment, a workspace and a log directory of its own.

import { spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const PROGRAM = join(import.meta.dirname, '../../bin/agent-sandbox.js');

export interface CliResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface LogRecord {
  type: string;
  request?: string;
  effect?: string;
  surface?: string;
  reason?: string;
  rule?: { id: string; file: string; line: number };
  [field: string]: unknown;
}

/** A workspace with its own logs, removed by `remove`. */
export class CliRig {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'cli-test-')));
  readonly workspace = join(this.root, 'workspace');
  readonly logs = join(this.root, 'logs');

  constructor() {
    mkdirSync(this.workspace);
  }

  /** Writes a file of the workspace and returns its path. */
  write(name: string, text: string): string {
    const file = join(this.workspace, name);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  read(name: string): string {
    return readFileSync(join(this.workspace, name), 'utf8');
  }

  /** Writes a policy outside the workspace and returns its path. */
  policy(text: string): string {
    const file = join(this.root, 'policy.yml');
    writeFileSync(file, text);
    return file;
  }

  start(args: readonly string[], env: Record<string, string> = {}): ReturnType<typeof spawn> {
    return spawn(process.execPath, [PROGRAM, ...args], {
      cwd: this.workspace,
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: process.env['HOME'] ?? '/root',
        AGENT_SANDBOX_LOG_DIR: this.logs,
        ...(process.env['AGENT_SANDBOX_CACHE_DIR'] === undefined
          ? {}
          : { AGENT_SANDBOX_CACHE_DIR: process.env['AGENT_SANDBOX_CACHE_DIR'] }),
        ...env,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }

  async cli(
    args: readonly string[],
    options: { input?: string | Buffer; env?: Record<string, string> } = {},
  ): Promise<CliResult> {
    const child = this.start(args, options.env);
    child.stdin?.on('error', () => undefined); // a command may end without reading its input
    child.stdin?.end(options.input ?? '');
    return collect(child);
  }

  /** `run` with a policy text (none: the builtin layer alone). */
  async run(
    command: readonly string[],
    options: { policy?: string; args?: readonly string[]; input?: string | Buffer } = {},
  ): Promise<CliResult> {
    const policy = options.policy === undefined ? [] : ['--policy', this.policy(options.policy)];
    return this.cli(['run', ...policy, ...(options.args ?? []), '--', ...command], {
      input: options.input ?? '',
    });
  }

  /** Directories of all sessions, oldest first. */
  sessions(): string[] {
    try {
      return readdirSync(this.logs)
        .sort()
        .map((name) => join(this.logs, name));
    } catch {
      return [];
    }
  }

  /** Records of the newest session. */
  records(): LogRecord[] {
    const directory = this.sessions().at(-1);
    if (directory === undefined) return [];
    return readFileSync(join(directory, 'decisions.jsonl'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as LogRecord);
  }

  denials(): LogRecord[] {
    return this.records().filter(
      (record) => record.type === 'decision' && record.effect === 'deny',
    );
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

export async function collect(child: ReturnType<typeof spawn>): Promise<CliResult> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>(
    (resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exit, name) => resolve([exit, name]));
    },
  );
  return {
    code,
    signal,
    stdout: Buffer.concat(stdout).toString('utf8'),
    stderr: Buffer.concat(stderr).toString('utf8'),
  };
}
