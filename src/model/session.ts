// What a session is to the outside: the content of session.json.

import type { Isolation } from './event.ts';

export type SessionStatus = 'starting' | 'running' | 'ended' | 'failed';

export interface SessionState {
  version: 1;
  id: string;
  /** the session that started this one */
  parent?: string;
  status: SessionStatus;
  /** process id of the host process */
  pid: number;
  /** start time of the host process in clock ticks since boot, to tell a reused pid; absent where unknown */
  pidStart?: number;
  command: string[];
  workspace: string;
  /** directory of the session's sockets, outside the log directory because socket paths must be short */
  runtimeDirectory: string;
  isolation?: Isolation;
  policyDigest?: string;
  /** ISO 8601 */
  startedAt: string;
  endedAt?: string;
  exitCode?: number;
  denials?: number;
}
