// The chain of the decision log: how an event becomes a line, and how each line holds the one before. No I/O.
//
//   first    {"v":1,"seq":0,...,"prev":"sha256:000..."}
//   next     {"v":1,"seq":n,...,"prev":"sha256:<bytes of line n-1 without its newline>"}
//   last     {"v":1,...,"type":"session.end",...,"count":<lines>,"head":<equal to prev>,"prev":...,
//             "seal":"sha256:<bytes of this line before ,"seal">"}
//
// The seal is there because no later line holds the last one. Invariant: a line is never longer than MAX_LINE.

import { hash } from 'node:crypto';

import type { LogEvent, SessionContext } from '../model/event.ts';
import { createBudget, toJson, toJsonLine, type Budget } from './redact.ts';

export const VERSION = 1;
/** Upper bound of a line in bytes; readers refuse a longer one. */
export const MAX_LINE = 1 << 20;

const SEAL_FIELD = ',"seal":"';
// Fields that follow `run`, in this order; any other field of an event follows these, sorted by name.
const ORDER = [
  'agent',
  'surface',
  'request',
  'effect',
  'enforced',
  'mode',
  'rule',
  'reason',
  'count',
];
// Set by the writer alone: an event cannot bring its own.
const RESERVED = new Set([
  'v',
  'seq',
  'time',
  'id',
  'type',
  'session',
  'parent',
  'actor',
  'run',
  'truncated',
  'policyDigest',
  'isolation',
  'head',
  'prev',
  'seal',
]);

/** The parts of a line that are the same in every record of a session, as JSON text. */
export interface ContextText {
  front: string;
  back: string;
  truncated: boolean;
}

export interface LinePlace {
  seq: number;
  time: string;
  id: string;
  /** digest of the line before, `sha256:...` */
  prev: string;
}

export function toContextText(context: SessionContext): ContextText {
  const budget = createBudget();
  const front = ['session', 'parent', 'actor', 'run']
    .map((name) => field(name, Reflect.get(context, name), budget))
    .join('');
  const back = ['policyDigest', 'isolation']
    .map((name) => field(name, Reflect.get(context, name), budget))
    .join('');
  return { front, back, truncated: budget.truncated };
}

/** The bytes of one record, newline included. */
export function buildLine(event: LogEvent, context: ContextText, place: LinePlace): Buffer {
  const budget = createBudget();
  const { type } = event;
  const isEnd = type === 'session.end';
  const extra = Object.keys(event).filter((name) => !RESERVED.has(name) && !ORDER.includes(name));
  let own = '';
  for (const name of ORDER)
    if (!(isEnd && name === 'count')) own += field(name, Reflect.get(event, name), budget);
  for (const name of extra.sort()) own += field(name, Reflect.get(event, name), budget);
  if (budget.truncated || context.truncated) own += ',"truncated":true';
  const ending = isEnd ? `,"count":${place.seq + 1},"head":"${place.prev}"` : '';
  const start = `{"v":${VERSION},"seq":${place.seq},"time":"${place.time}"${field('id', place.id, budget)}${field('type', type, budget)}`;
  const text = toJsonLine(
    `${start}${context.front}${own}${ending}${context.back},"prev":"${place.prev}"`,
  );
  return Buffer.from(
    isEnd ? `${text}${SEAL_FIELD}${digestOf(Buffer.from(text))}"}\n` : `${text}}\n`,
  );
}

/** `sha256:` of a line's bytes without the newline. */
export function digestOf(line: Uint8Array): string {
  return `sha256:${hash('sha256', line, 'hex')}`;
}

/** What `prev` of the first line says. */
export const NO_PREVIOUS: string = `sha256:${'0'.repeat(64)}`;

/** Whether the seal of a `session.end` line (without its newline) holds. */
export function isSealed(line: Buffer): boolean {
  const at = line.lastIndexOf(SEAL_FIELD);
  return (
    at >= 0 && line.toString('latin1', at) === `${SEAL_FIELD}${digestOf(line.subarray(0, at))}"}`
  );
}

function field(name: string, value: unknown, budget: Budget): string {
  const text = toJson(value, budget);
  return text === undefined ? '' : `,${toJson(name, budget)}:${text}`;
}
