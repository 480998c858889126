// `log show`, `log tail`, `log verify` and `log export`: the decision log for people and for programs.

import { Command, Option } from 'commander';

import { readLines, type Line, type Position } from '../log/lines.ts';
import { parseRecord, type LogRecord } from '../log/record.ts';
import { toJsonLine, toMessage } from '../log/redact.ts';
import { verifyLog, type Verification } from '../log/verify.ts';
import { SandboxError } from '../model/error.ts';
import { isAlive, readState } from '../session/state.ts';
import { logDirectory } from './directories.ts';
import { resolveLogTarget, type LogTarget } from './log-target.ts';
import { exportCommand } from './log-export.ts';
import { err, json, out, paint } from './output.ts';

const POLL_MS = 100;
const SURFACES = ['network', 'filesystem', 'execution', 'credentials', 'mcp'];

interface LogOptions {
  logDir?: string;
  json: boolean;
}

interface ShowOptions extends LogOptions {
  surface?: string[];
  effect?: string;
  type?: string[];
  grep?: string;
}

export function logCommand(): Command {
  return new Command('log')
    .description('the decision log of a session')
    .addCommand(showCommand())
    .addCommand(tailCommand())
    .addCommand(verifyCommand())
    .addCommand(exportCommand());
}

function showCommand(): Command {
  return withTarget(new Command('show').description('print the records of a session'))
    .addOption(surfaceOption())
    .addOption(effectOption())
    .addOption(typeOption())
    .addOption(grepOption())
    .option('--json', 'the lines of the log as they are', false)
    .action((target: string | undefined, options: ShowOptions) => {
      const { file } = targetOf(target, options);
      const isWanted = createFilter(options);
      for (const line of readLines(file)) printLine(line, isWanted, options.json);
    });
}

function tailCommand(): Command {
  return withTarget(
    new Command('tail').description('print records as they are written, until the session ends'),
  )
    .addOption(surfaceOption())
    .addOption(effectOption())
    .addOption(typeOption())
    .addOption(grepOption())
    .option('--json', 'the lines of the log as they are', false)
    .action(async (target: string | undefined, options: ShowOptions) => {
      process.exitCode = await follow(targetOf(target, options), options);
    });
}

function verifyCommand(): Command {
  return withTarget(
    new Command('verify').description(
      'say whether the log is ok, tampered or incomplete (exit 0, 1, 1; 2 on error)',
    ),
  )
    .option('--json', 'one JSON object', false)
    .action((target: string | undefined, options: LogOptions) => {
      try {
        const { file } = targetOf(target, options);
        process.exitCode = printVerification(file, verifyLog(file), options.json);
      } catch (error) {
        if (!(error instanceof SandboxError)) throw error;
        err(
          `agent-sandbox: ${toMessage(error.message)}${error.hint === undefined ? '' : `\n  ${error.hint}`}`,
        );
        process.exitCode = 2;
      }
    });
}

function withTarget(command: Command): Command {
  return command
    .argument(
      '[session]',
      'session id, its directory or its log file (default: the newest session)',
    )
    .addOption(
      new Option('--log-dir <dir>', 'where session directories are made').env(
        'AGENT_SANDBOX_LOG_DIR',
      ),
    );
}

const surfaceOption = (): Option =>
  new Option('--surface <name...>', 'only these surfaces').choices(SURFACES);
const effectOption = (): Option =>
  new Option('--effect <effect>', 'only decisions of this effect').choices(['allow', 'deny']);
const typeOption = (): Option =>
  new Option('--type <type...>', 'only records of these types, e.g. session.start');
const grepOption = (): Option => new Option('--grep <text>', 'only records that hold this text');

function targetOf(target: string | undefined, options: LogOptions): LogTarget {
  return resolveLogTarget(target, logDirectory(process.env, options.logDir));
}

type Filter = (record: LogRecord, text: string) => boolean;

function createFilter(options: ShowOptions): Filter {
  const { surface, effect, type, grep } = options;
  return (record, text) =>
    (surface === undefined || (record.surface !== undefined && surface.includes(record.surface))) &&
    (effect === undefined || record.effect === effect) &&
    (type === undefined || type.includes(record.type)) &&
    (grep === undefined || text.includes(grep));
}

/** The record, whether printed or not; undefined for a line that is none. */
function printLine(line: Line, isWanted: Filter, asJson: boolean): LogRecord | undefined {
  const record = line.isTooLong || !line.isComplete ? undefined : parseRecord(line.bytes);
  if (record === undefined) {
    err(`agent-sandbox: line ${line.number} is not a record: see \`agent-sandbox log verify\``);
    return undefined;
  }
  const rendered = renderRecord(record);
  const raw = JSON.stringify(record.fields);
  if (!isWanted(record, `${rendered}\n${raw}`)) return record;
  out(asJson ? toJsonLine(raw) : rendered);
  return record;
}

function renderRecord(record: LogRecord): string {
  const time = toMessage(record.time, 40);
  if (record.type !== 'decision')
    return `${time}  ${paint('bold', toMessage(record.type, 40))}  ${describe(record)}`;
  const {
    effect = 'deny',
    enforced = true,
    surface = '',
    request = '',
    count = 1,
    rule,
    reason = '',
  } = record;
  const word =
    effect === 'allow'
      ? paint('green', 'allow')
      : enforced
        ? paint('red', 'deny ')
        : paint('yellow', 'audit');
  const place = rule === undefined || rule.line === 0 ? '' : ` ${rule.file}:${rule.line}`;
  const times = count > 1 ? ` x${count}` : '';
  const by = `${rule?.id ?? ''}${place}${effect === 'deny' && reason !== '' ? `: ${reason}` : ''}`;
  return `${time}  ${word}  ${toMessage(surface, 20).padEnd(11)} ${toMessage(request)}${times}  ${paint('dim', `[${toMessage(by)}]`)}`;
}

const ALWAYS_THERE = new Set([
  'v',
  'seq',
  'time',
  'id',
  'type',
  'session',
  'parent',
  'actor',
  'run',
  'policyDigest',
  'isolation',
  'prev',
  'seal',
]);

/** The fields that a record of this type alone has. */
function describe(record: LogRecord): string {
  return Object.entries(record.fields)
    .filter(([name]) => !ALWAYS_THERE.has(name))
    .map(([name, value]) =>
      toMessage(`${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`, 400),
    )
    .join(' ');
}

async function follow(target: LogTarget, options: ShowOptions): Promise<number> {
  const isWanted = createFilter(options);
  const position: Position = { offset: 0, lines: 0 };
  for (;;) {
    // Asked before reading: what was written before the writer died is still printed.
    const state = readState(target.directory);
    const isOver = state === undefined || !isAlive(state);
    for (const line of readLines(target.file, position)) {
      if (!line.isComplete && !line.isTooLong) break;
      const record = printLine(line, isWanted, options.json);
      if (record?.type === 'session.end') return 0;
      if (line.isTooLong) return 1;
    }
    if (isOver) {
      err('agent-sandbox: the session is gone and its log has no session.end');
      return 1;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function printVerification(file: string, verification: Verification, asJson: boolean): number {
  const { status, message } = verification;
  if (asJson) json({ file, ...verification });
  else {
    const word = paint(status === 'ok' ? 'green' : 'red', status);
    out(`${word}: ${toMessage(message)}`);
    if (status === 'ok') out(`head ${verification.head}`);
  }
  return status === 'ok' ? 0 : 1;
}
