// The one formula: a request is allowed iff no layer denies it, some layer allows it, and for every layer above that one
// which has a ceiling, the request lies within that layer's `max` or its own `allow`. Worked out for a set of access
// levels at once, one bit each.
import type { DefaultGrant, EffectivePolicy } from '../model/policy.ts';
import type { Entry } from './compile.ts';

const ALL = 7;

export interface Outcome {
  /** levels that are allowed */
  allowed: number;
  /** levels that some layer denies */
  denied: number;
  /** per layer: the levels its ceilings above leave it */
  room: number[];
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

    let granted = 0;
    let room = ALL;
    let stated = 0;
    let statedRoom = ALL;
    const rooms = new Array<number>(count).fill(0);
    for (let i = 0; i < count; i++) {
      const bound = bounds[i];
      const own = allow[i] ?? 0;
      rooms[i] = room;
      granted |= own & room;
      if (bound === undefined) continue;
      if (bound.narrows) stated |= own & statedRoom;
      if (!bound.hasCeiling) continue;
      const within = (ceiling[i] ?? 0) | own;
      room &= within;
      if (bound.narrows || bound.maxNarrows) statedRoom &= within;
    }
    const byDefault = isNarrowed ? defaults & stated : defaults;
    return { allowed: (granted | byDefault) & ~denied, denied, room: rooms, byDefault };
  };
}
