// What all calls of the session come to (`mcp.limits`). Invariant: once one of the numbers is reached, nothing more goes to any server, whatever
// the agent begins anew; what was refused is counted by none.

import type { McpLimits } from '../../model/mcp.ts';
import { formatDuration, formatSize } from '../../policy/quantity.ts';

export type BudgetCheck = 'mcp-calls' | 'mcp-egress' | 'mcp-ingress' | 'mcp-timeout';

/** There is no room left. `reason`: one clause for the agent and the record. */
export interface Overdrawn {
  check: BudgetCheck;
  reason: string;
}

export interface Budget {
  /** One more message, of so many bytes, that goes to a server. */
  send(bytes: number): Overdrawn | undefined;
  /** Bytes that came from one. */
  receive(bytes: number): Overdrawn | undefined;
  /** of one call */
  timeout: { ms: number; over: Overdrawn } | undefined;
}

export function createBudget({ calls, egress, ingress, timeout }: McpLimits): Budget {
  let sent = 0;
  let bytesOut = 0;
  let bytesIn = 0;
  let isOutSpent = false;
  const tooMuchIn = (): Overdrawn | undefined =>
    ingress !== undefined && bytesIn > ingress
      ? {
          check: 'mcp-ingress',
          reason: `the session takes ${formatSize(ingress)} from tool servers (mcp.limits.ingress), and this was more`,
        }
      : undefined;
  return {
    send(bytes) {
      const full = tooMuchIn();
      if (full !== undefined) return full;
      if (calls !== undefined && sent >= calls)
        return {
          check: 'mcp-calls',
          reason: `the session makes ${calls} ${calls === 1 ? 'call' : 'calls'} of tool servers (mcp.limits.calls), and this would be one more`,
        };
      isOutSpent ||= egress !== undefined && bytesOut + bytes > egress;
      if (isOutSpent)
        return {
          check: 'mcp-egress',
          reason: `the session sends ${formatSize(egress ?? 0)} to tool servers (mcp.limits.egress), and this would be more`,
        };
      sent += 1;
      bytesOut += bytes;
      return undefined;
    },
    receive(bytes) {
      bytesIn += bytes;
      return tooMuchIn();
    },
    timeout:
      timeout === undefined
        ? undefined
        : {
            ms: timeout,
            over: {
              check: 'mcp-timeout',
              reason: `a call of a tool server takes ${formatDuration(timeout)} (mcp.limits.timeout), and this took longer`,
            },
          },
  };
}
