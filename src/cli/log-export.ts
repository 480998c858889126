// `log export`: a session's log in the words of another program.

import { Command, Option } from 'commander';

import { toJsonLine } from '../log/redact.ts';
import { SandboxError } from '../model/error.ts';
import { readSessionReport } from '../report/session-report.ts';
import { toSarif } from '../report/sarif.ts';
import { logDirectory } from './directories.ts';
import { resolveLogTarget } from './log-target.ts';
import { err, out } from './output.ts';
import { version } from './version.ts';

/** Denied requests told apart: more than one file of SARIF takes. */
const MAX_REQUESTS = 25_000;

interface ExportOptions {
  logDir?: string;
  format: string;
}

export function exportCommand(): Command {
  return new Command('export')
    .description('print denials for code scanning, as SARIF 2.1.0')
    .argument(
      '[session]',
      'session id, its directory or its log file (default: the newest session)',
    )
    .addOption(
      new Option('--log-dir <dir>', 'where session directories are made').env(
        'AGENT_SANDBOX_LOG_DIR',
      ),
    )
    .requiredOption('--format <format>', 'sarif')
    .action((target: string | undefined, options: ExportOptions) => {
      assertFormat(options.format);
      const { file } = resolveLogTarget(target, logDirectory(process.env, options.logDir));
      const report = readSessionReport(file, { maxRequests: MAX_REQUESTS });
      out(toJsonLine(JSON.stringify(toSarif([report], { version }))));
      const { status, message } = report.verification;
      if (status !== 'ok') err(`agent-sandbox: the log is ${status}: ${message}`);
    });
}

function assertFormat(format: string): void {
  if (format === 'sarif') return;
  const isPlanned = format === 'otlp' || format === 'ocsf';
  throw new SandboxError({
    kind: 'usage',
    code: 'LOG_FORMAT',
    message: isPlanned
      ? `this version does not export ${format}`
      : `"${format}" is no format of an export`,
    hint: 'use --format sarif, or read the lines with `agent-sandbox log show --json`',
  });
}
