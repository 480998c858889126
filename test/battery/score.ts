// From what a run said, what the canaries noted and what is on record to a verdict.
import type { LogRecord } from '../../src/log/record.ts';
import type { Case, Result, Verdict } from './case.ts';
import type { RunOutput } from './executor.ts';
import type { Hit } from './ground.ts';

export interface Spoken {
  verdict: string;
  detail: string;
}

/** The CASE lines of one run. */
export function parseSpoken(id: string, output: RunOutput): Spoken[] {
  const spoken: Spoken[] = [];
  for (const line of output.out.split('\n')) {
    const [mark, name, verdict = '', ...detail] = line.split('|');
    if (mark === 'CASE' && name === id) spoken.push({ verdict, detail: detail.join(' ') });
  }
  return spoken;
}

export interface Evidence {
  spoken: Spoken[];
  hits: Hit[];
  /** what the harness found on the host */
  fault: string | undefined;
  output: RunOutput;
}

/** Escaped if the guest says so, or a canary, or the harness; a snippet that says nothing proves nothing. */
export function judge(test: Case, evidence: Evidence): { verdict: Verdict; detail: string } {
  const { spoken, fault, output } = evidence;
  const hits = evidence.hits.filter((hit) => !test.ignoreHits?.includes(hit.kind));
  const isLegitimate = test.expect === 'allow';
  const said = (verdict: string): Spoken | undefined =>
    spoken.find((line) => line.verdict === verdict);
  const escaped = said('ESCAPED');
  if (escaped) return { verdict: 'ESCAPED', detail: `guest: ${escaped.detail}` };
  if (!isLegitimate && hits[0])
    return {
      verdict: 'ESCAPED',
      detail: `${hits.length} hits outside, first: ${hits[0].kind} ${hits[0].detail}`,
    };
  if (fault !== undefined)
    return { verdict: isLegitimate ? 'BROKEN' : 'ESCAPED', detail: `host: ${fault}` };
  const broken = said('BROKEN');
  if (broken) return { verdict: 'BROKEN', detail: broken.detail };
  const skipped = said('SKIPPED');
  if (skipped) return { verdict: 'SKIPPED', detail: skipped.detail };
  const wanted = said(isLegitimate ? 'WORKS' : 'CONTAINED');
  if (wanted) return { verdict: isLegitimate ? 'WORKS' : 'CONTAINED', detail: wanted.detail };
  return {
    verdict: 'BROKEN',
    detail: `no verdict; exit ${output.code}: ${(output.err || output.out).slice(-300)}`,
  };
}

const SURFACES: Record<string, string> = { N: 'network', F: 'filesystem' };

/** Whether what a `deny` case attempted is on record as denied. */
export function isLogged(test: Case, records: readonly LogRecord[]): boolean {
  if (test.expect !== 'deny' || test.unlogged !== undefined) return true;
  const surface = SURFACES[test.id.charAt(0)];
  return records.some(
    (record) => record.effect === 'deny' && (surface === undefined || record.surface === surface),
  );
}

/** Why a record is no full decision record; undefined when it is. */
export function recordFault(record: LogRecord): string | undefined {
  if (record.type !== 'decision') return undefined;
  const { request = '', effect, rule, surface, mode, enforced } = record;
  if (
    request === '' ||
    effect === undefined ||
    surface === undefined ||
    mode === undefined ||
    enforced === undefined
  )
    return `record ${record.seq} lacks a field`;
  return rule === undefined || rule.id === '' ? `record ${record.seq} names no rule` : undefined;
}

export function passes(result: Pick<Result, 'verdict' | 'expect' | 'tier'>): boolean {
  const { verdict, expect, tier } = result;
  if (verdict === 'SKIPPED' || verdict === 'NOT APPLICABLE') return true; // counted, and capped by the gate
  if (expect === 'allow') return verdict === 'WORKS';
  if (tier === 'D') return verdict !== 'INVALID' && verdict !== 'BROKEN';
  return verdict === 'CONTAINED';
}
