// Records of what is no decision: how a judged call went, and what a server or an agent did that it should not.

import { escapeText } from '../../policy/request-syntax.ts';
import type { Finding } from './content.ts';
import type { Drift } from './pins.ts';
import type { Core } from './state.ts';

/** Records of one kind and place; what comes after these is counted only. */
const MOST_EQUAL = 20;

/** Kinds and places that are counted each. */
const MOST_KINDS = 1000;

const counts = new WeakMap<Core, Map<string, number>>();

/** Something that a server or an agent should not have done. Repeated ones are recorded the first 20 times. */
export function note(
  core: Core,
  server: string,
  reason: string,
  facts: Record<string, unknown> = {},
): void {
  const known = counts.get(core) ?? new Map<string, number>();
  counts.set(core, known);
  const own = JSON.stringify([server, reason]);
  // A server that always does something new is one kind from here on.
  const key = known.size < MOST_KINDS || known.has(own) ? own : 'others';
  const count = (known.get(key) ?? 0) + 1;
  known.set(key, count);
  if (count > MOST_EQUAL) return;
  core.options.point.append({ type: 'alert', surface: 'mcp', server, reason, ...facts });
}

/** What was found in a message; never the values. */
export function noteFindings(core: Core, server: string, way: 'in' | 'out', all: Finding[]): void {
  for (const { detector, place, fingerprint } of all.slice(0, 16))
    note(core, server, `content-${way}:${detector}`, {
      place: escapeText(place.slice(0, 256)),
      ...(fingerprint !== undefined && { fingerprint }),
    });
}

export function noteDrift(core: Core, drifts: readonly Drift[]): void {
  const read = core.options.content.name;
  for (const { server, kind, name, change, difference } of drifts.slice(0, 64))
    note(core, server, `drift:${kind}:${escapeText(read(name).slice(0, 128))}`, {
      change,
      difference: read(difference.slice(0, 32).join('\n')),
    });
}

export interface Outcome {
  server: string;
  method: string;
  /** of the tool or prompt; the URI of a resource */
  name?: string;
  status:
    'ok' | 'error' | 'blocked' | 'upstream' | 'cancelled' | 'timeout' | 'limit' | 'input-required';
  ms: number;
  bytesOut: number;
  bytesIn: number;
}

export function recordOutcome(core: Core, { name, ms, ...outcome }: Outcome): void {
  core.options.point.append({
    type: 'outcome',
    surface: 'mcp',
    ...outcome,
    ...(name !== undefined && { name: escapeText(core.options.content.name(name).slice(0, 256)) }),
    ms: Math.round(ms * 10) / 10,
  });
}
