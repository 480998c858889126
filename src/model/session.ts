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
  /** `PID-START-NAMESPACE` of the host process, to tell a reused pid and one of another PID namespace */
  process: string;
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
