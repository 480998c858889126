// A tool server in a microVM of its own, under the policy of its entry. It comes up when it is first needed, and again when it was
// lost; each session of the agent gets a process of its own in it.
// Invariant: nothing of the server runs outside of its machine, and the machine ends with the session it serves.

import { createCounters } from '../enforce/tally.ts';
import type { ServerProcess, SpawnServer } from '../enforce/mcp/stdio/server-process.ts';
import type { GuestProcess } from '../guest/exec.ts';
import { SandboxError, messageOf } from '../model/error.ts';
import type { EffectivePolicy } from '../model/policy.ts';
import { createDecider } from '../policy/decide.ts';
import type { ParentSession, SessionPlan } from './plan.ts';
import type { Session } from './session.ts';
import { isInside } from './shares.ts';

const SIGKILL = 9;
/** machines of one server in a session, the first included */
const MOST_STARTS = 4;
/** in `ms`, before the second; twice as long before each further one */
const BACKOFF = 500;

export interface ToolServerOptions {
  /** of the session that is served */
  plan: SessionPlan;
  own: Omit<ParentSession, 'depth' | 'counters' | 'injector'>;
  /** as the policy calls it */
  server: string;
  /** what its machine may do */
  policy: EffectivePolicy;
  command: readonly string[];
  environment: readonly (readonly [string, string])[];
  start: (plan: SessionPlan) => Promise<Session>;
  /** a machine of it is up, or could not be */
  onEvent: (event: { server: string; session?: string; fault?: string }) => void;
}

export interface ToolServer {
  spawn: SpawnServer;
  /** Brings the machine up ahead of its first use. */
  warm(): void;
  close(): Promise<void>;
}

export function createToolServer(options: ToolServerOptions): ToolServer {
  const { plan, own, server, policy, command, onEvent } = options;
  const cwd = workingDirectory(policy);
  let machine: Promise<Session> | undefined;
  let starts = 0;
  let isClosed = false;

  async function bringUp(): Promise<Session> {
    if (isClosed) throw gone(server, 'the session it serves is over');
    if (starts >= MOST_STARTS) throw gone(server, `its machine was lost ${starts} times`);
    if (starts > 0)
      await new Promise((resolve) => setTimeout(resolve, BACKOFF * 2 ** (starts - 1)));
    starts += 1;
    const session = await options.start({
      ...plan,
      policy,
      command: [...command],
      // It has an end of its own accord: its denials are its own, not a reason to stop the agent.
      parent: { ...own, counters: createCounters(), depth: 1 },
      onProgress: () => undefined,
    });
    if (isClosed) {
      await session.stop('stopped', 'the session it serves is over');
      throw gone(server, 'the session it serves is over');
    }
    void session.ended.then(() => (machine = undefined));
    onEvent({ server, session: session.id });
    return session;
  }

  const up = (): Promise<Session> => {
    machine ??= bringUp().catch((error: unknown) => {
      machine = undefined;
      onEvent({ server, fault: messageOf(error) });
      throw error;
    });
    return machine;
  };

  return {
    async spawn() {
      const session = await up();
      const started = await session.start({
        argv: [...command],
        cwd,
        environment: options.environment,
      });
      if (started.kind === 'denied')
        throw gone(server, `its policy does not let it run '${started.path}'`);
      return processOf(started.process);
    },
    warm: () => void up().catch(() => undefined),
    async close() {
      isClosed = true;
      const session = await machine?.catch(() => undefined);
      await session?.stop('stopped', 'the session it serves is over');
    },
  };
}

function processOf(process: GuestProcess): ServerProcess {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    exited: process.exited.then(
      () => undefined,
      () => undefined,
    ),
    kill: () => process.signal(SIGKILL),
  };
}

/** The workspace where anything in it may be read, as paths of the command are meant; the root where not. */
function workingDirectory(policy: EffectivePolicy): string {
  const { workspace, layers } = policy;
  const isNamed = layers
    .filter(({ name }) => name !== 'builtin')
    .some(({ filesystem }) =>
      filesystem.allow.some(({ path }) => path === workspace || isInside(path, workspace)),
    );
  const isReadable = createDecider(policy)({ kind: 'read', path: workspace }).effect === 'allow';
  return isNamed || isReadable ? workspace : '/';
}

function gone(server: string, why: string): SandboxError {
  return new SandboxError({
    kind: 'upstream',
    code: 'MCP_SERVER_GONE',
    message: `the tool server "${server}" cannot be had: ${why}`,
  });
}
