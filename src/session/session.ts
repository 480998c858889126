// A session as its callers see it.

import type { Use } from '../enforce/credential/broker.ts';
import type { GuestProcess } from '../guest/exec.ts';
import type { Decision } from '../model/decision.ts';
import type { CommandSpec } from './plan.ts';

/** Why a session ended. */
export type EndReason =
  | 'finished'
  | 'stopped'
  | 'timeout'
  | 'denials'
  | 'log-unwritable'
  | 'guest-fault'
  | 'machine-lost'
  | 'tool-server'
  | 'filesystem-fault';

export interface SessionEnd {
  reason: EndReason;
  /** one sentence for people where the reason is a fault */
  detail?: string;
  denials: number;
  /** what was minted and used of what the policy grants */
  credentials: Use[];
  logFile: string;
}

export type CommandStart =
  { kind: 'started'; process: GuestProcess } | { kind: 'denied'; decision: Decision; path: string };

export interface Session {
  readonly id: string;
  readonly directory: string;
  readonly isolation: 'hardware' | 'emulated';
  /** Judges and starts a command. A denial is a value. */
  start(spec: CommandSpec): Promise<CommandStart>;
  /** Ends the session for `reason`; resolves when everything of it is gone. Safe to call again. */
  stop(reason: EndReason, detail?: string): Promise<SessionEnd>;
  /** resolves when the session is gone, whatever ended it */
  readonly ended: Promise<SessionEnd>;
}
