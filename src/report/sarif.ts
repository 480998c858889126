// Denials as SARIF 2.1.0, for code scanning: one run for each session, one result for each denied request.
// Source: OASIS SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html); GitHub takes 20 runs of
// 25,000 results each (https://docs.github.com/code-security, "SARIF support for code scanning").

import { createHash } from 'node:crypto';

import type { Location, Log, Notification, ReportingDescriptor, Result, Run } from 'sarif';

import type { DeniedRequest, RuleDenials } from './denial-groups.ts';
import { remedyLine, remedyOf } from './remedy.ts';
import type { SessionReport } from './session-report.ts';
import { surfaceName } from './summary.ts';
import { faultOf, requests, verdictOf } from './verdict.ts';

const MAX_RUNS = 20;
const MAX_RESULTS = 25_000;
const INFORMATION = 'https://github.com/gov/agent-sandbox';

export interface SarifOptions {
  /** of this program */
  version: string;
}

/** Sessions beyond the twentieth are left out, which the last run says. */
export function toSarif(reports: readonly SessionReport[], options: SarifOptions): Log {
  const runs = reports.slice(0, MAX_RUNS).map((report) => toRun(report, options));
  const left = reports.length - runs.length;
  if (left > 0)
    notify(
      runs.at(-1),
      'warning',
      `${left} more sessions are left out: a file has ${MAX_RUNS} runs at most`,
    );
  return { version: '2.1.0', $schema: 'https://json.schemastore.org/sarif-2.1.0.json', runs };
}

function toRun(report: SessionReport, { version }: SarifOptions): Run {
  const rules: ReportingDescriptor[] = [];
  const indexes = new Map<string, number>();
  const results: Result[] = [];
  let left = report.omitted.denials;
  for (const denials of report.denials) {
    const id = ruleIdOf(denials);
    const ruleIndex = indexes.get(id) ?? rules.length;
    if (ruleIndex === rules.length) rules.push(toRule(id, denials, report));
    indexes.set(id, ruleIndex);
    for (const request of denials.requests) {
      if (results.length < MAX_RESULTS)
        results.push(toResult(request, denials, { ruleId: id, ruleIndex, report }));
      else left += request.count;
    }
  }
  const run: Run = {
    tool: {
      driver: { name: 'agent-sandbox', version, informationUri: INFORMATION, rules },
    },
    automationDetails: { id: `agent-sandbox/${report.session}` },
    invocations: [
      { executionSuccessful: verdictOf(report) !== 'failed', toolExecutionNotifications: [] },
    ],
    columnKind: 'utf16CodeUnits',
    results,
  };
  if (left > 0)
    notify(run, 'warning', `${requests(left)} denied beyond these results are in the log alone`);
  const fault = faultOf(report);
  if (fault !== undefined) notify(run, 'error', `${fault.text} ${fault.detail}`.trim());
  return run;
}

function notify(run: Run | undefined, level: Notification['level'] & string, text: string): void {
  run?.invocations?.[0]?.toolExecutionNotifications?.push({ level, message: { text } });
}

/** A policy may be cut into several rules of one name; what was let through is told apart by its level alone. */
function ruleIdOf({ surface, rule }: RuleDenials): string {
  return `${surfaceName(surface)}/${rule.id}`;
}

function toRule(id: string, denials: RuleDenials, { layers }: SessionReport): ReportingDescriptor {
  const { rule, reason } = denials;
  return {
    id,
    shortDescription: { text: `Requests denied by ${rule.id}` },
    fullDescription: { text: reason === '' ? `Denied by ${rule.id}` : reason },
    help: { text: remedyLine(remedyOf(denials, layers), (text) => text) },
    properties: { tags: ['agent-sandbox', surfaceName(denials.surface)] },
  };
}

function toResult(
  { request, reason, count }: DeniedRequest,
  denials: RuleDenials,
  { ruleId, ruleIndex, report }: { ruleId: string; ruleIndex: number; report: SessionReport },
): Result {
  const { enforced } = denials;
  const word = enforced ? 'Denied' : 'Would have been denied';
  return {
    ruleId,
    ruleIndex,
    level: enforced ? 'error' : 'warning',
    kind: 'fail',
    message: { text: `${word}: ${request}${reason === '' ? '' : ` (${reason})`}` },
    locations: locationsOf(denials, report),
    occurrenceCount: Math.max(1, count),
    // The same request by the same rule is one finding, however many sessions make it.
    partialFingerprints: { 'request/v1': digestOf([ruleId, String(enforced), request].join('\n')) },
  };
}

function locationsOf({ rule }: RuleDenials, { layers }: SessionReport): Location[] {
  const own = layers.find(({ layer }) => layer === 'repo');
  const isWritten = rule.line > 0 && rule.layer === 'repo';
  const path = isWritten ? rule.file : (own?.file ?? '.github/agent-sandbox.yml');
  return [
    {
      physicalLocation: {
        artifactLocation: { uri: path.split('/').map(encodeURIComponent).join('/') },
        region: { startLine: isWritten ? rule.line : 1 },
      },
    },
  ];
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
