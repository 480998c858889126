// All a session is made from, checked before anything starts.

import type { Budget } from '../enforce/egress/budget.ts';
import type { Injector } from '../enforce/injection.ts';
import type { Quotas } from '../enforce/quotas.ts';
import type { Accelerator } from '../engine/engine.ts';
import type { McpLock } from '../model/mcp-lock.ts';
import type { Actor, Run } from '../model/identity.ts';
import type { EffectivePolicy } from '../model/policy.ts';

export type EngineChoice = 'auto' | 'kvm' | 'hvf' | 'tcg';

export interface TerminalSize {
  rows: number;
  columns: number;
}

/** The session that asked for another. What that one spends is spent by both. */
export interface ParentSession {
  id: string;
  depth: number;
  /** decisions of all points of both */
  counters: SharedArrayBuffer;
  /** bytes sent out */
  budget: Budget;
  /** what rules of its policy count */
  quotas: Quotas;
  /** its credentials go where its own requests could take them, and the child's policy lets them */
  injector?: Injector | undefined;
}

export interface SessionPlan {
  policy: EffectivePolicy;
  /** command of `run`, as typed; recorded without its arguments' values in `agent.command` */
  command: string[];
  /** directory in which session directories are made */
  logDirectory: string;
  /** directory of this package: templates for the policies of nested sessions */
  packageRoot: string;
  /** where what revokes a credential is kept while it lives; no guest sees it */
  journalDirectory: string;
  /** where kernels and snapshots are kept */
  cacheDirectory: string;
  /** where packages of tool servers are kept; no agent sees it */
  packagesDirectory: string;
  /** what was reviewed of the tool servers */
  toolLock?: McpLock;
  /** what was reviewed must be what is there, of every server that is required */
  frozenTools?: boolean;
  /** proven to work on this machine */
  accelerator: Accelerator;
  actor: Actor;
  run?: Run;
  /** session that asked for this one */
  parent?: ParentSession;
  /** the host's variables, from which the guest gets a few */
  hostEnvironment: Readonly<Record<string, string | undefined>>;
  /** one line for a person while something long is prepared */
  onProgress: (line: string) => void;
}

/** One command in a session. */
export interface CommandSpec {
  argv: string[];
  cwd: string;
  environment: readonly (readonly [string, string])[];
  /** absent: pipes */
  terminal?: TerminalSize;
  /** runs as guest root; only where the policy says `execution.user: root` */
  asRoot?: boolean;
}
