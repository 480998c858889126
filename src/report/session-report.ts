// One session's log as a report: the data that every renderer here shows. Invariant: one pass, bounded memory, and no
// text that is not visible and short, whatever the log holds; the guest chose most of what stands in it.

import { readLines } from '../log/lines.ts';
import type { LogRecord } from '../log/record.ts';
import { createVerifier, type Verification } from '../log/verify.ts';
import { createBoundedMap, visible } from './bounded.ts';
import { createCredentialCollector, type CredentialFate } from './credential-fates.ts';
import { createDenialCollector, type RuleDenials } from './denial-groups.ts';
import { createFactCollector, type SessionFacts } from './session-facts.ts';
import { createUseCollector, type Uses } from './uses.ts';

export interface SurfaceCount {
  surface: string;
  allowed: number;
  denied: number;
  /** denials that audit mode let through */
  audited: number;
}

export interface SessionReport extends SessionFacts, Omit<Uses, 'omitted'> {
  /** `audit` if any decision was made so */
  mode: 'enforce' | 'audit';
  /** records that could be read */
  records: number;
  allowed: number;
  /** denied and refused */
  denied: number;
  /** denials that audit mode let through */
  audited: number;
  surfaces: SurfaceCount[];
  /** most frequent first */
  denials: RuleDenials[];
  credentials: CredentialFate[];
  /** what there was no room for: denials that no entry stands for; of the other lists, how often something was left out */
  omitted: Uses['omitted'] & { denials: number; credentials: number };
  /** whether the log is what its writer wrote */
  verification: Verification;
}

export interface ReportOptions {
  /** denied requests told apart; those beyond are counted with their rule */
  maxRequests?: number;
}

/**
 * Reads a log once. Throws `LOG_UNREADABLE` where there is none and `LOG_UNKNOWN_VERSION` where a newer program wrote it;
 * a log that was changed or cut is read as far as it can be, and `verification` says so.
 */
export function readSessionReport(file: string, options: ReportOptions = {}): SessionReport {
  const verifier = createVerifier();
  const facts = createFactCollector();
  const denials = createDenialCollector(options.maxRequests);
  const credentials = createCredentialCollector();
  const uses = createUseCollector();
  const decisions = createDecisionCounter();
  let records = 0;
  for (const line of readLines(file)) {
    const record = verifier.take(line);
    if (record === undefined) continue;
    records += 1;
    for (const collector of [facts, denials, credentials, uses, decisions]) collector.add(record);
  }
  const { rules, ungrouped } = denials.finish();
  const fates = credentials.finish();
  const { omitted, ...used } = uses.finish();
  return {
    ...facts.finish(),
    ...decisions.finish(),
    ...used,
    records,
    denials: rules,
    credentials: fates.credentials,
    omitted: { ...omitted, denials: ungrouped, credentials: fates.omitted },
    verification: verifier.finish(),
  };
}

const MAX_SURFACES = 20;

type DecisionCount = Pick<SessionReport, 'mode' | 'allowed' | 'denied' | 'audited' | 'surfaces'>;

function createDecisionCounter(): { add(record: LogRecord): void; finish(): DecisionCount } {
  const surfaces = createBoundedMap<SurfaceCount>(MAX_SURFACES);
  const count: DecisionCount = {
    mode: 'enforce',
    allowed: 0,
    denied: 0,
    audited: 0,
    surfaces: [],
  };
  return {
    add({ type, surface: name, effect, enforced = true, mode, count: times = 1 }) {
      if (type !== 'decision') return;
      if (mode === 'audit') count.mode = 'audit';
      const end = effect === 'allow' ? 'allowed' : enforced ? 'denied' : 'audited';
      count[end] += times;
      const surface = visible(name, 40);
      const own = surfaces.get(surface, () => ({ surface, allowed: 0, denied: 0, audited: 0 }));
      if (own) own[end] += times;
    },
    finish: () => ({ ...count, surfaces: surfaces.values() }),
  };
}
