// Puts a session's page beside its log.

import { closeSync, constants, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';

import { messageOf, SandboxError } from '../model/error.ts';
import { renderPage } from './page/page.ts';
import type { SessionReport } from './session-report.ts';

export const PAGE_FILE = 'report.html';

/** Writes `report.html` into a directory and gives its path; a page that is there already is replaced as a whole. */
export function writeReport(file: string, directory: string, report?: SessionReport): string {
  const target = join(resolve(directory), PAGE_FILE);
  writePage(renderPage(file, report), target);
  return target;
}

/** The file is mode 0600, as the log is. Throws `REPORT_UNWRITABLE`. */
export function writePage(page: string, target: string): void {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const temporary = join(dirname(target), `.report-${randomBytes(6).toString('hex')}`);
  try {
    const fd = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      const bytes = Buffer.from(page);
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new SandboxError({
      kind: 'environment',
      code: 'REPORT_UNWRITABLE',
      message: `the report cannot be written to "${target}": ${messageOf(error)}`,
      hint: 'name another place with --out',
      cause: error,
    });
  }
}
