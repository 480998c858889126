// Calls that a server has answered with questions: how often it may ask, and that an answer and its state come back with the call
// that they belong to and no other. https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr

import { createHash } from 'node:crypto';

import type { JsonObject } from '../../model/credential.ts';

/** Which calls of one server wait for answers of the agent. Bounded; the oldest is forgotten. */
export interface Rounds {
  /** Whether answers and a state that come back belong to a question of this call's: a reason why not. */
  check(call: string, params: JsonObject): string | undefined;
  /** The server asks back for what was called with `params`; a reason why it may not any more. */
  ask(call: string, params: JsonObject, state: string | undefined): string | undefined;
  /** What was called with `params` is answered. */
  done(call: string, params: JsonObject): void;
}

/** One call from its first question on. Calls of the same name and arguments may wait side by side. */
interface Round {
  count: number;
  states: Set<string>;
}

const MOST_CALLS = 1000;
const MOST_ROUNDS = 16;

export function createRounds(most: number): Rounds {
  const open = new Map<string, Round[]>();
  /** The round that a retry belongs to: by its state, or else the newest. */
  const find = (call: string, { requestState, inputResponses }: JsonObject): Round | undefined => {
    if (requestState === undefined && inputResponses === undefined) return undefined;
    const rounds = open.get(call) ?? [];
    if (requestState === undefined) return rounds.at(-1);
    if (typeof requestState !== 'string') return undefined;
    const hash = hashOf(requestState);
    return rounds.findLast(({ states }) => states.has(hash));
  };
  return {
    check: (call, params) => {
      // What answers hold no rule for arguments has judged: they go only where a question was passed on.
      if (params['inputResponses'] !== undefined && !open.has(call))
        return 'the server has not asked back for this call';
      if (params['requestState'] !== undefined && find(call, params) === undefined)
        return 'the state is not one that the server gave with this call';
      return undefined;
    },
    ask: (call, params, state) => {
      const round = find(call, params) ?? { count: 0, states: new Set<string>() };
      if (round.count >= most) return 'the server has asked back too often';
      round.count += 1;
      if (state !== undefined) round.states.add(hashOf(state));
      const others = (open.get(call) ?? []).filter((one) => one !== round);
      open.delete(call);
      open.set(call, [...others.slice(1 - MOST_ROUNDS), round]);
      const [oldest] = open.keys();
      if (open.size > MOST_CALLS && oldest !== undefined) open.delete(oldest);
      return undefined;
    },
    done: (call, params) => {
      const round = find(call, params);
      if (round === undefined) return;
      const others = (open.get(call) ?? []).filter((one) => one !== round);
      if (others.length === 0) open.delete(call);
      else open.set(call, others);
    },
  };
}

/** By which a call and its retries are known to be one. */
export function callKey(method: string, params: JsonObject): string {
  const { name, uri, arguments: args } = params;
  return hashOf(JSON.stringify([method, name ?? uri ?? null, args ?? null]));
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64');
