// The records of a log as rows of the page's timeline. Invariant: a page has so many rows at most; denials and events are
// kept before allows, and what is left out is counted.

import { readLines } from '../../log/lines.ts';
import { parseRecord, type LogRecord } from '../../log/record.ts';
import { visible } from '../bounded.ts';
import type { RuleDenials } from '../denial-groups.ts';
import { remedyLine, remedyOf } from '../remedy.ts';
import { describe } from '../session-facts.ts';
import type { SessionReport } from '../session-report.ts';

/** rows of allows, and of all others */
const MAX_ROWS = 10_000;
const MAX_REQUEST = 400;
const MAX_TEXTS = 20_000;

export const SURFACES = ['network', 'filesystem', 'execution', 'credentials', 'mcp', 'session'];
export const EFFECTS = ['allow', 'deny', 'audit', 'event'];

/** ms since `start`, index of the effect, of the surface, text, index of the rule or -1, of the reason or -1, count */
export type Row = [number, number, number, string, number, number, number];

export interface PageRows {
  /** ms since the epoch */
  start: number;
  rows: Row[];
  /** id, place, and for denials what to do about it */
  rules: [string, string, string][];
  reasons: string[];
  /** records that have no row */
  omitted: { allows: number; others: number };
}

export function readRows(file: string, report: SessionReport): PageRows {
  const start = Date.parse(report.startedAt);
  const page: PageRows = {
    start: Number.isFinite(start) ? start : 0,
    rows: [],
    rules: [],
    reasons: [],
    omitted: { allows: 0, others: 0 },
  };
  const toIndex = { rules: createIndex(page.rules), reasons: createIndex(page.reasons) };
  const remedies = createRemedies(report);
  let allows = 0;
  for (const line of readLines(file)) {
    const record = line.isTooLong ? undefined : parseRecord(line.bytes);
    if (record === undefined || record.type === 'checkpoint') continue;
    const effect = effectOf(record);
    const isAllow = effect === 'allow';
    if (isAllow ? allows >= MAX_ROWS : page.rows.length - allows >= MAX_ROWS) {
      page.omitted[isAllow ? 'allows' : 'others'] += 1;
      continue;
    }
    if (isAllow) allows += 1;
    page.rows.push(toRow(record, effect));
  }
  return page;

  function toRow(record: LogRecord, effect: string): Row {
    const { rule, reason = '', count = 1 } = record;
    const isEvent = effect === 'event';
    const time = Date.parse(record.time) - page.start;
    const at = Math.max(0, SURFACES.indexOf(isEvent ? 'session' : (record.surface ?? '')));
    const surface = record.surface !== undefined && isEvent ? SURFACES.indexOf(record.surface) : at;
    const text = isEvent
      ? `${visible(record.type, 40)} ${visible(nameOf(record), 100)} ${describe(record, nameOf(record))}`
      : visible(record.request, MAX_REQUEST);
    return [
      Number.isFinite(time) ? time : 0,
      EFFECTS.indexOf(effect),
      surface < 0 ? SURFACES.length - 1 : surface,
      text.replaceAll('  ', ' ').trim(),
      rule === undefined ? -1 : toIndex.rules(keyOf(record), () => toRule(record)),
      isEvent || reason === '' ? -1 : toIndex.reasons(reason, () => visible(reason)),
      count,
    ];
  }

  function toRule(record: LogRecord): [string, string, string] {
    const { id, file: path, line } = record.rule ?? { id: '', file: '', line: 0 };
    const place = line > 0 ? `${path}:${line}` : path;
    return [visible(id), visible(place), remedies(record)];
  }
}

/** What an event is about, where it has a name of its own. */
function nameOf({ fields }: LogRecord): unknown {
  return fields['credential'] ?? fields['alert'] ?? fields['layer'] ?? fields['server'];
}

function effectOf({ type, effect, enforced }: LogRecord): string {
  if (type !== 'decision') return 'event';
  if (effect === 'allow') return 'allow';
  return enforced === false ? 'audit' : 'deny';
}

function keyOf({ rule, surface, effect, enforced }: LogRecord): string {
  return JSON.stringify([surface, rule?.id, rule?.file, rule?.line, effect, enforced]);
}

/** Numbers things in order of appearance; -1 where there are too many. */
function createIndex<V>(list: V[]): (key: string, make: () => V) => number {
  const known = new Map<string, number>();
  return (key, make) => {
    const at = known.get(key);
    if (at !== undefined) return at;
    if (list.length >= MAX_TEXTS) return -1;
    known.set(key, list.length);
    list.push(make());
    return list.length - 1;
  };
}

function createRemedies({ denials, layers }: SessionReport): (record: LogRecord) => string {
  const key = (surface: string, id: string, place: string): string =>
    JSON.stringify([surface, id, place]);
  const known = new Map<string, RuleDenials>(
    denials.map((one) => [key(one.surface, one.rule.id, `${one.rule.file}:${one.rule.line}`), one]),
  );
  return ({ rule, surface, effect }) => {
    if (effect !== 'deny' || rule === undefined) return '';
    const id = key(visible(surface, 40), visible(rule.id), `${visible(rule.file)}:${rule.line}`);
    const own = known.get(id);
    return own === undefined ? '' : remedyLine(remedyOf(own, layers), (text) => text);
  };
}
