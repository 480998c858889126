// Who ran what under which policy, and how it ended: the records of a session that are no decisions.

import type { LogRecord } from '../log/record.ts';
import { visible } from './bounded.ts';

const MAX_LAYERS = 100;
const MAX_LISTED = 100;

export interface PolicyLayer {
  layer: string;
  file: string;
  digest: string;
}

export interface Note {
  /** ISO 8601 */
  time: string;
  /** what kind of note it is, in a word: `placeholder`, `mcp.drift`, an exception's id */
  name: string;
  /** one sentence or a list of `name=value` */
  detail: string;
}

/** A list that keeps the first 100 and counts the others. */
export interface Noted {
  count: number;
  first: Note[];
}

export interface SessionFacts {
  session: string;
  parent?: string;
  actor: { login: string; id?: string; assurance: string };
  run: Partial<Record<RunField, string>>;
  command: string;
  workspace: string;
  /** ISO 8601; '' for a log without a record */
  startedAt: string;
  /** of `session.end`, else of the last record */
  endedAt: string;
  durationMs: number;
  /** absent where the log has no `session.end` */
  end?: { reason: string; detail: string; faults: string[] };
  isolation: string;
  policyDigest: string;
  layers: PolicyLayer[];
  clamps: Noted;
  exceptions: Noted;
  alerts: Noted;
  /** places where the log says that records are missing */
  gaps: Noted;
}

const RUN_FIELDS = [
  'repository',
  'runId',
  'attempt',
  'job',
  'workflowRef',
  'event',
  'sha',
  'pullRequest',
] as const;
export type RunField = (typeof RUN_FIELDS)[number];

export interface FactCollector {
  add(record: LogRecord): void;
  finish(): SessionFacts;
}

export function createFactCollector(): FactCollector {
  const noted = (): Noted => ({ count: 0, first: [] });
  const facts: SessionFacts = {
    session: '',
    actor: { login: '', assurance: '' },
    run: {},
    command: '',
    workspace: '',
    startedAt: '',
    endedAt: '',
    durationMs: 0,
    isolation: '',
    policyDigest: '',
    layers: [],
    clamps: noted(),
    exceptions: noted(),
    alerts: noted(),
    gaps: noted(),
  };
  let isFirst = true;
  let lastTime = '';

  return {
    add(record) {
      if (isFirst) readContext(record, facts);
      isFirst = false;
      if (record.time !== lastTime) lastTime = record.time;
      if (record.type !== 'decision') readEvent(record, facts);
    },
    finish() {
      facts.endedAt = visible(lastTime, 40);
      const duration = Date.parse(facts.endedAt) - Date.parse(facts.startedAt);
      facts.durationMs = Number.isFinite(duration) ? Math.max(0, duration) : 0;
      return facts;
    },
  };
}

/** What stands in every record of a session. */
function readContext({ time, session, fields }: LogRecord, facts: SessionFacts): void {
  facts.startedAt = visible(time, 40);
  facts.session = visible(session, 100);
  facts.isolation = visible(fields['isolation'], 40);
  facts.policyDigest = visible(fields['policyDigest'], 100);
  if (typeof fields['parent'] === 'string') facts.parent = visible(fields['parent'], 100);
  const actor = objectOf(fields['actor']);
  facts.actor = { login: visible(actor['login'], 100), assurance: visible(actor['assurance'], 40) };
  if (typeof actor['id'] === 'string') facts.actor.id = visible(actor['id'], 40);
  const run = objectOf(fields['run']);
  for (const name of RUN_FIELDS) {
    const value = run[name];
    if (typeof value === 'string' || typeof value === 'number')
      facts.run[name] = visible(String(value), 200);
  }
}

function readEvent(record: LogRecord, facts: SessionFacts): void {
  const { type, fields, reason } = record;
  switch (type) {
    case 'session.start':
      facts.command = visible(fields['command'], 200);
      facts.workspace = visible(fields['workspace'], 300);
      return;
    case 'session.end':
      facts.end = {
        reason: visible(reason, 40),
        detail: visible(fields['detail']),
        faults: listOf(fields['faults'])
          .slice(0, 20)
          .map((fault) => visible(fault)),
      };
      return;
    case 'policy.load':
      if (facts.layers.length < MAX_LAYERS)
        facts.layers.push({
          layer: visible(fields['layer'], 40),
          file: visible(fields['file']),
          digest: visible(fields['digest'], 100),
        });
      return;
    case 'policy.clamp':
      return note(facts.clamps, record, record.rule?.id || textAt(fields['rule'], 'place'));
    case 'exception.used':
      return note(facts.exceptions, record, fields['exception']);
    case 'alert':
      return note(facts.alerts, record, fields['alert'] ?? reason);
    case 'log.gap':
      return note(facts.gaps, record, 'gap');
  }
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
  'alert',
  'exception',
  'policyDigest',
  'isolation',
  'prev',
  'seal',
]);

function note(noted: Noted, record: LogRecord, name: unknown): void {
  noted.count += 1;
  if (noted.first.length >= MAX_LISTED) return;
  noted.first.push({
    time: visible(record.time, 40),
    name: visible(name, 100),
    detail: describe(record, name),
  });
}

/** The fields that a record of this type alone has; all of them but its name. */
export function describe(record: LogRecord, name?: unknown, max: number = 500): string {
  if (typeof record.fields['detail'] === 'string') return visible(record.fields['detail'], max);
  const own = Object.entries(record.fields).filter(
    ([field, value]) => !ALWAYS_THERE.has(field) && value !== name,
  );
  const [only] = own;
  if (own.length === 1 && only?.[0] === 'reason') return visible(only[1], max);
  return visible(
    own
      .slice(0, 20)
      .map(
        ([field, value]) => `${field}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
      )
      .join(' '),
    max,
  );
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function textAt(value: unknown, name: string): unknown {
  return objectOf(value)[name];
}
