// Reads what vendors answer. Invariant: every field is checked before it is used, and none of it gets into an error.

import type { Secret } from '../model/secret.ts';
import { upstreamFault } from './fault.ts';
import type { HttpResponse } from './http.ts';
import { answeredSecret } from './usable.ts';

export interface Answer {
  /** who answered, for errors: `the token endpoint` */
  from: string;
  fields: Readonly<Record<string, unknown>>;
}

const LONGEST_TEXT = 64 * 1024;

/** The JSON object of an answer whose status is among `good`. */
export function readAnswer(response: HttpResponse, from: string, good: readonly number[]): Answer {
  if (!good.includes(response.status))
    throw upstreamFault('PROVIDER_REFUSED', `${from} answered with ${response.status}`);
  return { from, fields: readObject(response.body, from) };
}

function readObject(body: string, from: string): Record<string, unknown> {
  const value = parse(body);
  if (isRecord(value)) return value;
  throw upstreamFault('PROVIDER_ANSWER', `${from} answered with something else than a JSON object`);
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined; // The parser's message quotes the body.
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An own field: what an answer inherits from `Object` is none of it. */
export function fieldOf(answer: Answer, name: string): unknown {
  return Object.hasOwn(answer.fields, name) ? answer.fields[name] : undefined;
}

export function textOf(answer: Answer, name: string): string {
  const value = fieldOf(answer, name);
  if (typeof value === 'string' && value !== '' && value.length <= LONGEST_TEXT) return value;
  throw wrong(answer, name, 'a text');
}

export function recordOf(answer: Answer, name: string): Record<string, unknown> {
  const value = fieldOf(answer, name);
  if (isRecord(value)) return value;
  throw wrong(answer, name, 'an object');
}

export function listOf(answer: Answer, name: string): unknown[] {
  const value = fieldOf(answer, name);
  if (Array.isArray(value)) return value;
  throw wrong(answer, name, 'a list');
}

/** A positive whole number, as a number. */
export function countOf(answer: Answer, name: string): number {
  const value = fieldOf(answer, name);
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  throw wrong(answer, name, 'a positive number');
}

export function secretOf(answer: Answer, name: string): Secret {
  const value = fieldOf(answer, name);
  if (typeof value !== 'string') throw wrong(answer, name, 'a text');
  return answeredSecret(value, `'${name}' of ${answer.from}`);
}

function wrong(answer: Answer, name: string, expected: string): Error {
  return upstreamFault('PROVIDER_ANSWER', `expected ${expected} in '${name}' of ${answer.from}`);
}
