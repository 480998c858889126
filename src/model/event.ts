// One record of the decision log (CONTRACT §4), and what its writer adds.

import type { Effect, RuleReference } from './decision.ts';
import type { Actor, Agent, Run } from './identity.ts';
import type { Mode } from './policy.ts';
import type { Surface } from './request.ts';

export type Isolation = 'hardware' | 'emulated';

/** Facts that stand in every record of one session. */
export interface SessionContext {
  /** session id */
  session: string;
  /** session id of the session that started this one */
  parent?: string;
  actor: Actor;
  run?: Run;
  policyDigest: string;
  isolation: Isolation;
}

/** What is recorded of a message besides the request: nothing of its values. */
export interface MessageFacts {
  /** JSON-RPC method */
  method: string;
  /** names of the arguments of a call, at most 64 */
  arguments?: string[];
  /** `hmac-sha256:` of the canonical message under a key of the session's own: equal messages can be told to be equal */
  digest: string;
  /** of the message that was judged */
  bytes: number;
}

export interface DecisionEvent {
  type: 'decision';
  surface: Surface;
  /** the request in the grammar of CONTRACT §1, e.g. `connect github.com:443` */
  request: string;
  effect: Effect;
  /** false in audit mode: what would have been denied was let through */
  enforced: boolean;
  mode: Mode;
  rule: RuleReference;
  reason: string;
  agent?: Agent;
  /** of a message between the agent and a tool server */
  mcp?: MessageFacts;
  /** how many equal allows this record stands for, when more than one */
  count?: number;
}

/** Any other record: `type` and facts without secrets, bodies, header, query or argument values. */
export interface LifecycleEvent {
  type:
    | 'session.start'
    | 'policy.load'
    | 'policy.clamp'
    | 'outcome'
    | 'credential.mint'
    | 'credential.inject'
    | 'credential.refuse'
    | 'credential.revoke'
    | 'credential.reflected'
    | 'exception.used'
    | 'alert'
    | 'checkpoint'
    | 'log.gap';
  [field: string]: unknown;
}

/** The last record of a session; the writer adds `count` and `head`. */
export interface SessionEndEvent {
  type: 'session.end';
  [field: string]: unknown;
}

export type LogEvent = DecisionEvent | LifecycleEvent | SessionEndEvent;

/** Where enforcement points put their records. `append` returns only once the record is written; it throws `LOG_UNWRITABLE`. */
export interface EventLog {
  append(event: DecisionEvent | LifecycleEvent): { seq: number; id: string };
  /** false once a record could not be written or the session has ended, in whichever thread: nothing may be allowed any more */
  readonly isOpen?: boolean;
}
