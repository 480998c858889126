// Calls that a server has answered with questions: how often it may ask, and that an answer and its state come back with the call
// that they belong to and no other. https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr

import { createHash } from 'node:crypto';

import type { JsonObject } from '../../model/credential.ts';

/** Which calls of one server wait for answers of the agent. Bounded; the oldest is forgotten. */
export interface Rounds {
  /** Whether a state that comes back is one of this call's: a reason why not. */
  check(call: string, params: JsonObject): string | undefined;
  /** The server asks back; a reason why it may not any more. */
  ask(call: string, state: string | undefined): string | undefined;
  done(call: string): void;
}

const MOST_CALLS = 1000;
const MOST_STATES = 16;

export function createRounds(most: number): Rounds {
  const open = new Map<string, { count: number; states: Set<string> }>();
  return {
    check: (call, params) => {
      const { requestState, inputResponses } = params;
      // What answers hold no rule for arguments has judged: they go only where a question was passed on.
      if (inputResponses !== undefined && !open.has(call))
        return 'the server has not asked back for this call';
      if (requestState === undefined) return undefined;
      const isGiven =
        typeof requestState === 'string' &&
        open.get(call)?.states.has(hashOf(requestState)) === true;
      if (!isGiven) return 'the state is not one that the server gave with this call';
      return undefined;
    },
    ask: (call, state) => {
      const known = open.get(call) ?? { count: 0, states: new Set<string>() };
      open.delete(call);
      known.count += 1;
      if (known.count > most) return 'the server has asked back too often';
      if (state !== undefined) known.states.add(hashOf(state));
      if (known.states.size > MOST_STATES) return 'the server has asked back too often';
      open.set(call, known);
      const [oldest] = open.keys();
      if (open.size > MOST_CALLS && oldest !== undefined) open.delete(oldest);
      return undefined;
    },
    done: (call) => void open.delete(call),
  };
}

/** By which a call and its retries are known to be one. */
export function callKey(method: string, params: JsonObject): string {
  const { name, uri, arguments: args } = params;
  return hashOf(JSON.stringify([method, name ?? uri ?? null, args ?? null]));
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64');
