// One line of a decision log as data. A log may come from anywhere: a field of the wrong type counts as absent.

import { isAscii } from 'node:buffer';

import type { Effect } from '../model/decision.ts';

export interface LogRecord {
  v: number;
  seq: number;
  time: string;
  id: string;
  type: string;
  session: string;
  prev: string;
  surface?: string;
  request?: string;
  effect?: Effect;
  enforced?: boolean;
  mode?: string;
  rule?: { id: string; file: string; line: number; layer: string };
  reason?: string;
  count?: number;
  head?: string;
  agent?: { command: string; pid?: number; executable?: string };
  /** every field as it stands in the line */
  fields: Readonly<Record<string, unknown>>;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The record of a line, or undefined when the line is not one. */
export function parseRecord(bytes: Uint8Array): LogRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(textOf(bytes));
  } catch {
    return undefined; // not UTF-8, or not JSON: the caller says where
  }
  if (!isObject(value)) return undefined;
  const { v, seq, time, id, type, session, prev } = value;
  if (!isCount(v) || !isCount(seq)) return undefined;
  if (typeof time !== 'string' || typeof id !== 'string' || typeof type !== 'string')
    return undefined;
  if (typeof session !== 'string' || typeof prev !== 'string') return undefined;
  const record: LogRecord = { v, seq, time, id, type, session, prev, fields: value };
  readDecision(value, record);
  return record;
}

/** Most lines have ASCII alone, of which there is no wrong UTF-8. */
function textOf(bytes: Uint8Array): string {
  if (!isAscii(bytes)) return decoder.decode(bytes);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function readDecision(value: Record<string, unknown>, record: LogRecord): void {
  for (const name of ['surface', 'request', 'mode', 'reason', 'head'] as const) {
    const text = value[name];
    if (typeof text === 'string') record[name] = text;
  }
  if (value['effect'] === 'allow' || value['effect'] === 'deny') record.effect = value['effect'];
  if (typeof value['enforced'] === 'boolean') record.enforced = value['enforced'];
  if (isCount(value['count'])) record.count = value['count'];
  const rule = value['rule'];
  if (isObject(rule))
    record.rule = {
      id: text(rule['id']),
      file: text(rule['file']),
      line: isCount(rule['line']) ? rule['line'] : 0,
      layer: text(rule['layer']),
    };
  const agent = value['agent'];
  if (isObject(agent)) {
    record.agent = { command: text(agent['command']) };
    if (isCount(agent['pid'])) record.agent.pid = agent['pid'];
    if (typeof agent['executable'] === 'string') record.agent.executable = agent['executable'];
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
