// What was denied, read from a session's log and said in a few lines. The log holds what the guest chose to ask: it is
// read within limits, and nothing of it reaches the reader raw.

import { readLines } from '../log/lines.ts';
import { parseRecord } from '../log/record.ts';
import { toMessage } from '../log/redact.ts';
import { createDenialCollector } from './denial-groups.ts';

const MAX_SHOWN = 10;
const MAX_REQUEST = 300;
const MAX_REASON = 200;

export interface DenialGroup {
  request: string;
  rule: { id: string; file: string; line: number };
  reason: string;
  count: number;
  /** false: audit mode let it through */
  enforced: boolean;
}

export interface Denials {
  /** most frequent first, then in order of appearance */
  groups: DenialGroup[];
  /** denied requests, those beyond the groups included */
  total: number;
  /** of `total`, those that audit mode let through */
  audited: number;
  /** denials that no group stands for */
  ungrouped: number;
}

export interface RenderOptions {
  /** how the user calls this session in `agent-sandbox log show` */
  session?: string;
  isColoured?: boolean;
}

export function readDenials(file: string): Denials {
  const collector = createDenialCollector();
  for (const line of readLines(file)) {
    const record = line.isTooLong ? undefined : parseRecord(line.bytes);
    if (record !== undefined) collector.add(record);
  }
  const { rules, ...totals } = collector.finish();
  const groups = rules
    .flatMap(({ rule, enforced, requests }) => requests.map((one) => ({ ...one, rule, enforced })))
    .sort((a, b) => b.count - a.count || a.at - b.at);
  return { groups, ...totals };
}

/** The summary for stderr, ending in a newline; empty when nothing was denied. */
export function renderDenials(denials: Denials, options: RenderOptions = {}): string {
  if (denials.total === 0) return '';
  const paint = options.isColoured ? colour : plain;
  const shown = denials.groups.slice(0, MAX_SHOWN);
  const hidden = denials.groups.slice(MAX_SHOWN);
  const lines = [paint('31;1', `agent-sandbox: ${headline(denials)}`)];
  for (const group of shown) lines.push(...renderGroup(group, paint));
  if (hidden.length > 0 || denials.ungrouped > 0) {
    const more = denials.ungrouped > 0 ? `${hidden.length}+` : String(hidden.length);
    lines.push(
      `  and ${more} more: agent-sandbox log show ${options.session ?? ''}${options.session ? ' ' : ''}--effect deny`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function headline({ total, audited }: Denials): string {
  if (audited === total)
    return `${plural(total)} would have been denied (audit mode let them through)`;
  const denied = `${plural(total - audited)} denied`;
  return audited > 0
    ? `${denied}, ${audited} more would have been (audit mode let them through)`
    : denied;
}

function plural(count: number): string {
  return count === 1 ? '1 request' : `${count} requests`;
}

function renderGroup(group: DenialGroup, paint: Paint): string[] {
  const times = group.count > 1 ? `  (${group.count} times)` : '';
  const audit = group.enforced ? '' : '  (audit: let through)';
  const lines = [
    `  ${paint('1', toMessage(group.request, MAX_REQUEST))}${times}${audit}`,
    `    ${ruleLine(group)}`,
  ];
  if (canChange(group))
    lines.push(
      paint(
        '2',
        `    to change it: agent-sandbox policy explain ${quoteShell(toMessage(group.request, MAX_REQUEST))}`,
      ),
    );
  return lines;
}

function ruleLine({ rule, reason }: DenialGroup): string {
  const why = reason === '' ? '' : `: ${toMessage(reason, MAX_REASON)}`;
  if (rule.id === 'builtin/default')
    return `no rule allows it${why === '' || /no rule/i.test(why) ? '' : why}`;
  if (rule.id.startsWith('builtin/'))
    return `${toMessage(rule.id, MAX_REASON)}${why}; built in, no policy can allow it`;
  const place =
    rule.line > 0
      ? `${toMessage(rule.file, MAX_REASON)}:${rule.line}`
      : toMessage(rule.file, MAX_REASON);
  return `rule ${toMessage(rule.id, MAX_REASON)} ${place}${why}`;
}

/** Whether an edit of some policy could allow it. */
function canChange({ rule }: DenialGroup): boolean {
  return rule.id === 'builtin/default' || !rule.id.startsWith('builtin/');
}

function quoteShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

type Paint = (code: string, text: string) => string;

function plain(_code: string, text: string): string {
  return text;
}

function colour(code: string, text: string): string {
  return `\u001b[${code}m${text}\u001b[0m`;
}
