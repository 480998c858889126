// What a check run shows, within the limits of GitHub's API, and what it concludes.
// Source: https://docs.github.com/rest/checks/runs: `summary` and `text` take 65,535 characters, a title 255.

import type { SessionReport } from './session-report.ts';
import { renderSummary, type SummaryOptions } from './summary.ts';
import { titleOf, verdictOf } from './verdict.ts';

const MAX_TITLE = 255;
/** A text has no more characters than bytes of UTF-8, in whatever unit they are counted. */
const MAX_TEXT = 65_535;

export interface CheckRunOutput {
  title: string;
  /** Markdown */
  summary: string;
  text?: string;
}

export type FailOn = 'denial' | 'never';

export function checkRunOutput(
  report: SessionReport,
  options: Pick<SummaryOptions, 'artifactUrl'> = {},
): CheckRunOutput {
  return {
    title: titleOf(report).slice(0, MAX_TITLE),
    summary: renderSummary(report, { ...options, limit: MAX_TEXT }),
  };
}

/** A session that failed is a failure whatever is asked for: nobody can say what it did. */
export function conclusionOf(
  report: SessionReport,
  failOn: FailOn,
): 'success' | 'neutral' | 'failure' {
  switch (verdictOf(report)) {
    case 'failed':
      return 'failure';
    case 'denied':
      return failOn === 'denial' ? 'failure' : 'neutral';
    case 'clean':
      return report.audited > 0 ? 'neutral' : 'success';
  }
}
