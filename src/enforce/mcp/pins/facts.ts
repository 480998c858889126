// What a server says of itself beside what was reviewed of it.

import type { JsonObject } from '../../../model/credential.ts';
import { canonicalJson } from '../../../policy/canonical.ts';
import { isQuarantining, textFindings } from '../content/definition.ts';
import type { Drift, ServerFacts } from '../pins.ts';
import { withoutDrawings } from './admissible.ts';
import { difference } from './difference.ts';

/** characters; more is not read by a model with any profit */
const LONGEST_INSTRUCTIONS = 64 * 1024;
const LONGEST_FACTS = 64 * 1024;

/** As they are reviewed: without icons. */
export function plainFacts(facts: ServerFacts): ServerFacts {
  return { ...facts, serverInfo: withoutDrawings(facts.serverInfo) };
}

/** Facts that nobody has reviewed: what keeps the server away from the agent. */
export function suspiciousFacts(server: string, facts: ServerFacts): Drift[] {
  const refuse = (name: string, difference: string[]): Drift => {
    return { server, kind: 'server', name, change: 'refused', difference };
  };
  const { instructions = '', serverInfo, capabilities } = facts;
  if (instructions.length > LONGEST_INSTRUCTIONS) return [refuse('instructions', ['limit:text'])];
  const size = JSON.stringify(serverInfo).length + JSON.stringify(capabilities).length;
  if (size > LONGEST_FACTS) return [refuse('capabilities', ['limit:size'])];
  const found = [
    ...textFindings(instructions, 'instructions'),
    ...textFindings(JSON.stringify(serverInfo), 'serverInfo'),
  ].filter(isQuarantining);
  return found.map(({ detector, place }) => refuse(place, [detector]));
}

/** A new version is news. Anything else makes it another server than the one that was reviewed. */
export function driftOfFacts(server: string, before: ServerFacts, now: ServerFacts): Drift[] {
  const drifts: Drift[] = [];
  const add = (name: string, change: Drift['change'], lines: string[]): void => {
    const isNews = change === 'changed' && name === 'serverInfo';
    drifts.push({
      server,
      kind: 'server',
      name,
      change,
      difference: lines,
      ...(isNews ? { isNews } : {}),
    });
  };
  const info = difference(withoutVersion(before.serverInfo), withoutVersion(now.serverInfo));
  if (info.length > 0) add('serverInfo', 'refused', info);
  else if (before.serverInfo.version !== now.serverInfo.version)
    add('serverInfo', 'changed', difference(before.serverInfo, now.serverInfo));
  if (before.instructions !== now.instructions)
    add('instructions', 'changed', difference(before.instructions, now.instructions));
  if (!areSameAbilities(before, now))
    add('capabilities', 'changed', difference(before.capabilities, now.capabilities));
  return drifts;
}

function withoutVersion({ version: _, ...rest }: JsonObject): JsonObject {
  return rest;
}

/** In the other era a server has other fields for the same; it may not have more abilities. */
function areSameAbilities(before: ServerFacts, now: ServerFacts): boolean {
  if (before.era === now.era)
    return canonicalJson(before.capabilities) === canonicalJson(now.capabilities);
  return Object.keys(now.capabilities).every((name) => Object.hasOwn(before.capabilities, name));
}
