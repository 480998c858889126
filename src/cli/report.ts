// `report`: the HTML page of a session, made from its log alone.

import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, Option } from 'commander';

import { SandboxError } from '../model/error.ts';
import { renderPage } from '../report/page/page.ts';
import { readSessionReport } from '../report/session-report.ts';
import { titleOf, verdictOf } from '../report/verdict.ts';
import { writePage, writeReport } from '../report/write.ts';
import { logDirectory } from './directories.ts';
import { resolveLogTarget } from './log-target.ts';
import { err, json, out } from './output.ts';

interface ReportOptions {
  logDir?: string;
  out?: string;
  json: boolean;
}

export function reportCommand(): Command {
  return new Command('report')
    .description(
      'write the page of a session, and say where it is (exit 0; 1 where its log is not whole; 2 where there is no page)',
    )
    .argument(
      '[session]',
      'session id, its directory or its log file (default: the newest session)',
    )
    .addOption(
      new Option('--log-dir <dir>', 'where session directories are made').env(
        'AGENT_SANDBOX_LOG_DIR',
      ),
    )
    .option('--out <file>', 'where to write it (default: report.html beside the log)')
    .option('--json', 'what the page shows, as one JSON object', false)
    .action((target: string | undefined, options: ReportOptions) => {
      process.exitCode = report(target, options);
    });
}

function report(target: string | undefined, options: ReportOptions): number {
  try {
    const { file, directory } = resolveLogTarget(target, logDirectory(process.env, options.logDir));
    const session = readSessionReport(file);
    const page =
      options.out === undefined
        ? writeReport(file, directory, session)
        : writeTo(resolve(options.out), renderPage(file, session));
    const verdict = verdictOf(session);
    const { status, message } = session.verification;
    if (options.json) json({ page, verdict, title: titleOf(session), ...session });
    else out(page);
    if (status === 'ok') return 0;
    err(`agent-sandbox: the log is ${status}: ${message}`);
    return 1;
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error;
    err(`agent-sandbox: ${error.message}`);
    if (error.hint !== undefined) err(`  next: ${error.hint}`);
    return 2;
  }
}

function writeTo(target: string, page: string): string {
  if (statSync(target, { throwIfNoEntry: false })?.isDirectory() === true)
    throw new SandboxError({
      kind: 'usage',
      code: 'REPORT_UNWRITABLE',
      message: `"${target}" is a directory`,
      hint: 'name a file with --out',
    });
  writePage(page, target);
  return target;
}
