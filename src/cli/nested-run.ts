// `run` inside a session: asks the host for a narrower session and passes stdio through. Nothing is enforced here: the host
// puts whatever it is sent within the policy of the session it comes from.

import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { SandboxError, messageOf } from '../model/error.ts';
import { requestAt } from '../session/client.ts';
import type { RunOptions } from './run-options.ts';
import { attachClient } from './session-commands.ts';
import { errorStream, isTerminal, outputStream, terminalSize } from './stdio.ts';
import { variables } from './variables.ts';

/** where guest init listens for its host */
const HOST_SOCKET = '/run/agent-sandbox/host.sock';

/** True inside a session. */
export function isNested(environment: Readonly<Record<string, string | undefined>>): boolean {
  return environment['AGENT_SANDBOX_SESSION'] !== undefined && existsSync(HOST_SOCKET);
}

export async function runNested(argv: string[], options: RunOptions): Promise<number> {
  refuseOthers(options);
  const tty = options.tty ?? isTerminal();
  const request = {
    op: 'run',
    argv,
    cwd: realpathSync(process.cwd()),
    environment: variables(options.env, process.env),
    ...(options.policy === undefined ? {} : { policy: readPolicy(options.policy) }),
    ...(tty ? { terminal: terminalSize() } : {}),
  };
  const streams = { stdout: outputStream(), stderr: errorStream() };
  const client = await requestAt(HOST_SOCKET, 'the host', request, streams);
  return attachClient(client, tty, argv[0] ?? '');
}

// The host decides all else for the child as it did for the parent; an option it would not hear must not look taken.
function refuseOthers(options: RunOptions): void {
  const given = (
    [
      'orgPolicy',
      'teamPolicy',
      'workspace',
      'workspaceAccess',
      'mode',
      'cpus',
      'memory',
      'timeout',
    ] as const
  ).filter((name) => options[name] !== undefined);
  if (given.length === 0) return;
  throw new SandboxError({
    kind: 'usage',
    code: 'RUN_NESTED_OPTION',
    message: `inside a session \`run\` takes --policy, --env and --tty only; given: ${given.join(', ')}`,
    hint: 'write limits into the policy named by --policy',
  });
}

function readPolicy(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new SandboxError({
      kind: 'usage',
      code: 'RUN_NO_POLICY',
      message: `the policy '${file}' cannot be read: ${messageOf(error)}`,
      cause: error,
    });
  }
}
