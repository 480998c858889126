// What a session writes about itself before anything runs: the first records of its log, and its state for others.

import { messageOf } from '../model/error.ts';
import type { Isolation } from '../model/event.ts';
import type { SessionState } from '../model/session.ts';
import type { Accelerator } from '../engine/engine.ts';
import { ownMark } from '../engine/process.ts';
import { openLog, type Log } from '../log/writer.ts';
import { sessionFiles } from './live-session.ts';
import type { SessionPlan } from './plan.ts';

export function isolationOf(accelerator: Accelerator): Isolation {
  return accelerator === 'tcg' ? 'emulated' : 'hardware';
}

/** Opens the log with who acts, under which policy, and what of it was clamped. */
export function openSessionLog(plan: SessionPlan, id: string, directory: string): Log {
  const log = openLog({
    file: sessionFiles(directory).log,
    context: {
      session: id,
      ...(plan.parent === undefined ? {} : { parent: plan.parent.id }),
      actor: plan.actor,
      ...(plan.run === undefined ? {} : { run: plan.run }),
      policyDigest: plan.policy.digest,
      isolation: isolationOf(plan.accelerator),
    },
  });
  log.append({
    type: 'session.start',
    command: plan.command[0] ?? '',
    workspace: plan.policy.workspace,
  });
  for (const layer of plan.policy.layers)
    log.append({ type: 'policy.load', layer: layer.name, file: layer.file, digest: layer.digest });
  for (const { rule, by, message } of plan.policy.clamps) {
    const { id, place, file, line, layer } = rule;
    const named = { ...(id !== undefined && { id }), place, file, line, layer };
    log.append({ type: 'policy.clamp', rule: named, by, reason: message });
  }
  return log;
}

export function initialState(
  plan: SessionPlan,
  id: string,
  runtimeDirectory: string,
): SessionState {
  return {
    version: 1,
    id,
    ...(plan.parent === undefined ? {} : { parent: plan.parent.id }),
    status: 'starting',
    pid: process.pid,
    process: ownMark(),
    command: plan.command,
    workspace: plan.policy.workspace,
    runtimeDirectory,
    policyDigest: plan.policy.digest,
    startedAt: new Date().toISOString(),
  };
}

/** The last record of a session that never ran. */
export function endFailed(log: Log, error: unknown): void {
  try {
    log.end({ type: 'session.end', reason: 'failed-to-start', detail: messageOf(error) });
  } catch {
    log.close(); // the log is what failed; without its end it reads as incomplete
  }
}
