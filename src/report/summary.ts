// The summary of a session in Markdown: the verdict first, then what was denied and how to change that, then what the
// guest got. Made for a job's summary, which GitHub drops as a whole beyond 1 MiB.

import type { RuleDenials } from './denial-groups.ts';
import { code, details, fenced, joinBlocks, link } from './markdown.ts';
import { remedyOf } from './remedy.ts';
import type { SessionReport } from './session-report.ts';
import { inventory } from './summary-inventory.ts';
import { faultOf, formatCount, requests, sentenceOf, titleOf, verdictOf } from './verdict.ts';

/** 1 MiB is dropped as a whole: https://docs.github.com/actions, "Adding a job summary". In bytes, with some to spare. */
export const SUMMARY_LIMIT = 1_000_000;
const MAX_RULES = 50;
const MAX_SAMPLES = 5;
const NOTICE =
  '**Cut here:** there is more in this session than a summary may hold. The log and `report.html` have all of it.';

export interface SummaryOptions {
  /** where the artifact with the log can be had */
  artifactUrl?: string | undefined;
  /** in bytes of UTF-8 */
  limit?: number;
}

export function renderSummary(report: SessionReport, options: SummaryOptions = {}): string {
  const { artifactUrl, limit = SUMMARY_LIMIT } = options;
  const artifact = artifactUrl === undefined ? undefined : link('log and report', artifactUrl);
  const blocks = [
    `## agent-sandbox: ${titleOf(report)}`,
    verdictBlock(report),
    artifact === undefined ? '' : `Everything in one place: ${artifact}.`,
    ...denialBlocks(report),
    ...inventory(report),
  ];
  return joinBlocks(blocks, limit, NOTICE);
}

/** An alert of GitHub's, green, amber or red. */
function verdictBlock(report: SessionReport): string {
  const fault = faultOf(report);
  const kind = { clean: 'TIP', denied: 'CAUTION', failed: 'CAUTION' }[verdictOf(report)];
  const isAudited = kind === 'TIP' && report.audited > 0;
  const lines = [`[!${isAudited ? 'WARNING' : kind}]`];
  if (fault !== undefined)
    lines.push(`**${fault.text}**${fault.detail === '' ? '' : ` ${code(fault.detail)}`}  `);
  lines.push(sentenceOf(report));
  return lines.map((line) => `> ${line}`).join('\n');
}

function denialBlocks(report: SessionReport): string[] {
  const blocks: string[] = [];
  for (const enforced of [true, false]) {
    const all = report.denials.filter((one) => one.enforced === enforced);
    const shown = all.slice(0, MAX_RULES);
    for (const surface of new Set(shown.map((one) => one.surface))) {
      const own = shown.filter((one) => one.surface === surface);
      const count = own.reduce((sum, one) => sum + one.count, 0);
      blocks.push(
        `### ${enforced ? 'Denied' : 'Would have been denied'}: ${surfaceName(surface)} (${formatCount(count)})`,
      );
      for (const one of own) blocks.push(...ruleBlocks(one, report));
    }
    if (all.length > shown.length)
      blocks.push(`And ${formatCount(all.length - shown.length)} more rules: see \`report.html\`.`);
  }
  if (report.omitted.denials > 0)
    blocks.push(
      `${requests(report.omitted.denials)} more are counted, and not shown one by one; the log has all of them.`,
    );
  return blocks;
}

const SURFACES: Readonly<Record<string, string>> = {
  network: 'network',
  filesystem: 'filesystem',
  execution: 'execution',
  credentials: 'credentials',
  mcp: 'tools',
};

/** A name of ours for a surface: a log from elsewhere may hold any word. */
export function surfaceName(surface: string): string {
  return Object.hasOwn(SURFACES, surface) ? (SURFACES[surface] ?? '') : 'other';
}

function ruleBlocks(denials: RuleDenials, report: SessionReport): string[] {
  const { rule, reason, count, requests: all } = denials;
  const place = rule.line > 0 ? `${rule.file}:${rule.line}` : rule.file;
  const why = reason === '' ? '' : `: ${code(reason)}`;
  const by = `**${formatCount(count)} ×** by ${code(rule.id)} at ${code(place)}${why}`;
  const samples = all
    .slice(0, MAX_SAMPLES)
    .map((one) => `- ${code(one.request)}${one.count > 1 ? ` × ${formatCount(one.count)}` : ''}`);
  const left = count - all.slice(0, MAX_SAMPLES).reduce((sum, one) => sum + one.count, 0);
  if (left > 0) samples.push(`- and ${formatCount(left)} more`);
  return [by, samples.join('\n'), remedyBlock(denials, report)];
}

function remedyBlock(denials: RuleDenials, { layers }: SessionReport): string {
  const remedy = remedyOf(denials, layers);
  switch (remedy.kind) {
    case 'none':
      return remedy.why;
    case 'change':
      return `To allow it, remove or narrow ${code(remedy.rule)} at ${code(remedy.place)} (${remedy.owner}).`;
    case 'add': {
      const left = remedy.left > 0 ? `\n\nThis leaves out ${requests(remedy.left)}.` : '';
      return details(
        'To allow it',
        `Add to ${code(remedy.file)} (${remedy.owner}):\n\n${fenced('yaml', remedy.yaml)}${left}`,
      );
    }
  }
}
