// The one formula: a request is allowed iff no layer denies it, some layer allows it, and for every layer above that one
// which has a ceiling, the request lies within that layer's `max` or its own `allow`. Worked out for a set of access
// levels at once, one bit each.
import type { DefaultGrant, EffectivePolicy } from '../model/policy.ts';
import type { Entry } from './compile.ts';

const ALL = 127;

export interface Outcome {
  /** levels that are allowed */
  allowed: number;
  /** levels that some layer denies */
  denied: number;
  /** per layer: the levels that the ceilings above (and those of its peers) leave it */
  room: number[];
  /** per layer: the levels within its own ceiling; all where it has none */
  within: number[];
  /** levels the builtin layer's default grant gives, after what layers state */
  byDefault: number;
}

/** How a layer bounds those below it. */
interface Bound {
  hasCeiling: boolean;
  narrows: boolean;
  /** its `max` speaks of the section, so it bounds even what would narrow a default grant */
  maxNarrows: boolean;
}

export interface Formula {
  (entries: readonly Entry[]): Outcome;
}

/** Prepares the formula for one section of a policy; `grant` is the default grant of that section, if it has one. */
export function createFormula(policy: EffectivePolicy, grant: DefaultGrant | undefined): Formula {
  const bounds = policy.layers.map((layer): Bound => ({
    // Without `max` an org layer delegates nothing; any other layer passes on the ceiling above it.
    hasCeiling: layer.name !== 'builtin' && (layer.max !== undefined || layer.name === 'org'),
    narrows: grant !== undefined && layer.narrows.includes(grant),
    maxNarrows: grant !== undefined && (layer.max?.narrows.includes(grant) ?? false),
  }));
  const isNarrowed = bounds.some((bound) => bound.narrows);
  const count = bounds.length;
  const groups = groupsOf(policy);

  return (entries) => {
    const allow = new Array<number>(count).fill(0);
    const ceiling = new Array<number>(count).fill(0);
    let denied = 0;
    let defaults = 0;
    for (const { list, layer, bits, isDefault } of entries) {
      if (list === 'allow') {
        if (isDefault) defaults |= bits;
        else allow[layer] = (allow[layer] ?? 0) | bits;
      } else if (list === 'maxAllow') ceiling[layer] = (ceiling[layer] ?? 0) | bits;
      else if (list !== 'maxDeny') denied |= bits;
    }
    for (const { list, layer, bits } of entries)
      if (list === 'maxDeny') ceiling[layer] = (ceiling[layer] ?? 0) & ~bits;

    const within = bounds.map(({ hasCeiling }, i) =>
      hasCeiling ? (ceiling[i] ?? 0) | (allow[i] ?? 0) : ALL,
    );
    let granted = 0;
    let room = ALL;
    let stated = 0;
    let statedRoom = ALL;
    const rooms = new Array<number>(count).fill(0);
    for (const group of groups) {
      // A layer's own allows lie within its own ceiling, so taking the ceilings of the whole group first bounds each team
      // by the others, whatever their order, and nobody by itself.
      for (const i of group) {
        room &= within[i] ?? 0;
        if (bounds[i]?.narrows === true || bounds[i]?.maxNarrows === true)
          statedRoom &= within[i] ?? 0;
      }
      for (const i of group) {
        rooms[i] = room;
        granted |= (allow[i] ?? 0) & room;
        if (bounds[i]?.narrows === true) stated |= (allow[i] ?? 0) & statedRoom;
      }
    }
    const byDefault = isNarrowed ? defaults & stated : defaults;
    return { allowed: (granted | byDefault) & ~denied, denied, room: rooms, within, byDefault };
  };
}

/** Layers of one name stand side by side: teams have no order among themselves. */
function groupsOf(policy: EffectivePolicy): number[][] {
  const groups: number[][] = [];
  policy.layers.forEach((layer, i) => {
    if (i > 0 && policy.layers[i - 1]?.name === layer.name) groups.at(-1)?.push(i);
    else groups.push([i]);
  });
  return groups;
}
