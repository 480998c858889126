// After the step, whatever became of it: its session ended, its credentials revoked, what it came to shown, its files gone.

import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { readJobContext } from '../github/context.ts';
import { workflowCommand } from '../github/commands.ts';
import { messageOf } from '../model/error.ts';
import { sweepDeadSessions } from '../session/find.ts';
import { sweepCredentials } from '../session/sweep-credentials.ts';
import { readInputs } from './inputs.ts';
import { removeHandover } from './handover.ts';
import { jobGitHub } from './github.ts';
import { notice, publish } from './publish.ts';
import { findSession, sessionsOf } from './session-files.ts';
import { readState } from './state.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface PostOptions {
  environment: Environment;
  write: (text: string) => void;
}

/** in `ms`: a host process that was told to end has this long */
const PATIENCE = 5_000;

/** Exit code: 1 where something of the step is left that could act, or its log is not what it must be. */
export async function afterStep({ environment, write }: PostOptions): Promise<number> {
  const state = readState(environment);
  if (state === undefined) return 0; // it had not begun: `main` has said why
  const { directory, handover } = state;
  let isClean = await endSession(directory, write);
  const sessions = sessionsOf(directory);
  const journal = join(dirname(directory), 'live-credentials');
  try {
    sweepDeadSessions(sessions, new Date());
    await sweepCredentials(journal, environment, (message) =>
      notice(write, 'credentials', message),
    );
  } catch (error) {
    isClean = false;
    fault(write, `credentials of the step may live until they expire: ${messageOf(error)}`);
  }
  if (!state.isReported) isClean = (await report(directory, environment, write)) && isClean;
  // What was uploaded is kept by GitHub, and the log by the runner until its job ends: a later step may read it.
  rmSync(join(directory, 'policy'), { recursive: true, force: true });
  removeHandover(handover);
  return isClean ? 0 : 1;
}

async function endSession(directory: string, write: (text: string) => void): Promise<boolean> {
  for (const end = Date.now() + PATIENCE; ;) {
    const session = findSession(directory);
    if (session?.isAlive !== true) return true;
    if (Date.now() > end) {
      fault(write, `the session ${session.id} is still running after its step`);
      return false;
    }
    await delay(100);
  }
}

/** `main` was cancelled or killed: what its session came to is shown all the same. */
async function report(
  directory: string,
  environment: Environment,
  write: (text: string) => void,
): Promise<boolean> {
  const session = findSession(directory);
  if (session === undefined) return true;
  try {
    const context = readJobContext(environment);
    const inputs = readInputs(environment);
    const github = jobGitHub(context, inputs.token, environment, (message) =>
      notice(write, 'notice', message),
    );
    await publish({ session, context, github, inputs, environment, guestSummary: '', write });
    return true;
  } catch (error) {
    fault(write, `what the session came to cannot be shown: ${messageOf(error)}`);
    return false;
  }
}

function fault(write: (text: string) => void, message: string): void {
  write(workflowCommand('error', { title: 'agent-sandbox' }, message));
}
