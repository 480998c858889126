// Keeps what was reviewed of the servers: the lock file where there is one, else what was seen first in this session.
// Invariant: what an agent is shown and may call is what was reviewed, to the byte; what a server says later is only compared.

import type { Definition, DefinitionKind } from '../../../model/mcp.ts';
import type { McpLock } from '../../../model/mcp-lock.ts';
import { canonicalJson } from '../../../policy/canonical.ts';
import type { Drift, Pins } from '../pins.ts';
import { admit, isSuspicious } from './admissible.ts';
import type { Admission } from './admissible.ts';
import { difference } from './difference.ts';
import { driftOfFacts, plainFacts, suspiciousFacts } from './facts.ts';
import { isMendedDescription } from './lenient.ts';
import { KINDS } from './names.ts';
import { reviewedByLock, unreviewed } from './reviewed.ts';
import type { Reviewed } from './reviewed.ts';

export interface PinsOptions {
  /** checked by its reader; servers that are not in it are taken for what they are when first seen */
  lock?: McpLock;
  /** `description-lenient`: a description that says the same in other words is news only. `strict` unless said */
  drift?: 'strict' | 'description-lenient';
}

/** Definitions of one kind; a longer list quarantines its server. */
const MOST_DEFINITIONS = 2048;

export function createPins({ lock, drift: mode = 'strict' }: PinsOptions): Pins {
  const servers = new Map<string, Reviewed>();
  for (const [id, locked] of Object.entries(lock?.servers ?? {}))
    servers.set(id, reviewedByLock(locked));

  function heldOf(server: string): Reviewed {
    let held = servers.get(server);
    if (held === undefined) servers.set(server, (held = unreviewed()));
    return held;
  }

  function namesOfOthers(server: string, kind: DefinitionKind, name: string): string[] {
    return [...servers].flatMap(([id, { definitions }]) =>
      [...(definitions.get('tool')?.keys() ?? [])].filter(
        (other) => id !== server || kind !== 'tool' || other !== name,
      ),
    );
  }

  return {
    find: (server) => {
      const held = servers.get(server);
      if (held?.facts === undefined) return undefined;
      const list = (kind: DefinitionKind): Definition[] => [
        ...(held.definitions.get(kind)?.values() ?? []),
      ];
      const definitions = Object.fromEntries(KINDS.map((kind) => [kind, list(kind)]));
      return {
        facts: held.facts,
        definitions: definitions as Record<DefinitionKind, Definition[]>,
      };
    },
    isLocked: (server) => servers.get(server)?.isLocked ?? false,
    meet: (server, facts) => {
      const held = heldOf(server);
      const plain = plainFacts(facts);
      if (held.facts === undefined) {
        held.facts = plain;
        return settle(held, suspiciousFacts(server, plain));
      }
      return settle(held, driftOfFacts(server, held.facts, plain));
    },
    compare: (server, kind, live) => {
      const held = heldOf(server);
      if (live.length > MOST_DEFINITIONS)
        return settle(held, [
          { server, kind: 'server', name: kind, change: 'refused', difference: ['limit:count'] },
        ]);
      const admitted = admitAll(kind, live);
      const reviewed = held.definitions.get(kind);
      if (reviewed === undefined) {
        held.definitions.set(kind, new Map());
        return settle(held, takeFirst(held, server, kind, admitted));
      }
      const isMended = (before: Definition, now: Definition, name: string): boolean =>
        mode === 'description-lenient' &&
        isMendedDescription(before, now, namesOfOthers(server, kind, name));
      return settle(held, compareAll({ server, kind, reviewed, admitted, isMended }));
    },
    served: (server, kind) => {
      const held = servers.get(server);
      if (held === undefined || held.isQuarantined) return [];
      return [...(held.definitions.get(kind)?.values() ?? [])];
    },
    isServed: (server, kind, name) => {
      const held = servers.get(server);
      if (held === undefined || held.isQuarantined) return false;
      return (
        held.definitions.get(kind)?.has(name) === true && !held.quarantined.has(`${kind} ${name}`)
      );
    },
  };
}

/** Quarantines what drifted; what was told before is not told again. */
function settle(held: Reviewed, drifts: readonly Drift[]): Drift[] {
  return drifts.filter((drift) => {
    const { kind, name, change, isNews = false } = drift;
    if (!isNews && kind === 'server') held.isQuarantined = true;
    else if (!isNews && kind !== 'server' && held.definitions.get(kind)?.has(name) === true)
      held.quarantined.add(`${kind} ${name}`);
    const key = canonicalJson([kind, name, change, drift.difference]);
    if (held.told.has(key)) return false;
    if (held.told.size < 4 * MOST_DEFINITIONS) held.told.add(key);
    return true;
  });
}

interface Live {
  admission: Admission;
  /** another of the list has the same name: which of the two is meant nobody knows */
  isAmbiguous: boolean;
}

function admitAll(kind: DefinitionKind, live: readonly Definition[]): Live[] {
  const admissions = live.map((definition) => admit(kind, definition));
  const counts = new Map<string, number>();
  for (const { name } of admissions) counts.set(name, (counts.get(name) ?? 0) + 1);
  return admissions.map((admission) => ({
    admission,
    isAmbiguous: admission.name !== '' && (counts.get(admission.name) ?? 0) > 1,
  }));
}

/** Takes a first list for reviewed, but for what must not be served, and what somebody has to look at first. */
function takeFirst(
  held: Reviewed,
  server: string,
  kind: DefinitionKind,
  admitted: readonly Live[],
): Drift[] {
  const drifts: Drift[] = [];
  const list = held.definitions.get(kind);
  for (const { admission, isAmbiguous } of admitted) {
    const { name, definition } = admission;
    const why = reasons(admission, isAmbiguous);
    if (why.length === 0) list?.set(name, definition);
    else drifts.push({ server, kind, name, change: 'refused', difference: why });
  }
  return drifts;
}

/** Why it may not be served before somebody has reviewed it; or at all. */
function reasons(admission: Admission, isAmbiguous: boolean): string[] {
  const { faults, findings } = admission;
  const found = isSuspicious(admission) ? [...faults, ...findings] : faults;
  const lines = found.map(({ detector, place }) =>
    place === '' ? detector : `${detector}: ${place}`,
  );
  return isAmbiguous ? ['name: twice in one list', ...lines] : lines;
}

interface Comparison {
  server: string;
  kind: DefinitionKind;
  reviewed: ReadonlyMap<string, Definition>;
  admitted: readonly Live[];
  isMended: (before: Definition, now: Definition, name: string) => boolean;
}

function compareAll({ server, kind, reviewed, admitted, isMended }: Comparison): Drift[] {
  const drifts: Drift[] = [];
  const seen = new Set<string>();
  for (const { admission, isAmbiguous } of admitted) {
    const { name, definition, faults } = admission;
    const before = reviewed.get(name);
    if (before === undefined) {
      // Never served, so only told; what is refused says why.
      const why = reasons(admission, isAmbiguous);
      const change = why.length > 0 ? 'refused' : 'added';
      drifts.push({ server, kind, name, change, difference: why });
      continue;
    }
    seen.add(name);
    if (isAmbiguous || faults.length > 0)
      drifts.push({
        server,
        kind,
        name,
        change: 'refused',
        difference: reasons(admission, isAmbiguous),
      });
    else if (canonicalJson(before) !== canonicalJson(definition)) {
      const isNews = isMended(before, definition, name);
      const lines = difference(before, definition);
      drifts.push({
        server,
        kind,
        name,
        change: 'changed',
        difference: lines,
        ...(isNews ? { isNews } : {}),
      });
    }
  }
  for (const name of reviewed.keys())
    if (!seen.has(name)) drifts.push({ server, kind, name, change: 'removed', difference: [] });
  return drifts;
}
