// What a step's session has left in the step's own directory.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { EffectivePolicy, WorkflowHandover } from '../model/policy.ts';
import { listSessions } from '../session/find.ts';

export interface SessionFiles {
  id: string;
  directory: string;
  log: string;
  policy: string;
  /** the host process lives */
  isAlive: boolean;
}

/** Of the step's directory: below it, sessions, policies and what is sent from it. */
export const sessionsOf = (directory: string): string => join(directory, 'sessions');

/** The session that the step has started; those that it started itself in turn have a log of their own. */
export function findSession(directory: string): SessionFiles | undefined {
  const sessions = sessionsOf(directory);
  if (!existsSync(sessions)) return undefined;
  const own = listSessions(sessions).filter(({ state }) => state.parent === undefined);
  const [session] = own;
  if (session === undefined) return undefined;
  return {
    id: session.state.id,
    directory: session.directory,
    log: join(session.directory, 'decisions.jsonl'),
    policy: join(session.directory, 'effective-policy.json'),
    isAlive: session.alive,
  };
}

/** What may be handed on, as the policy had it that the session ran under; nothing where that cannot be read. */
export function handoverOf({ policy }: SessionFiles): WorkflowHandover {
  try {
    return (JSON.parse(readFileSync(policy, 'utf8')) as EffectivePolicy).workflow;
  } catch {
    return { outputs: false, env: [], path: false };
  }
}
