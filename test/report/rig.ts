// A log with a bit of everything, for tests of reports. `guest` makes each text that a guest, a server or a forged log
// could have chosen.
import { join } from 'node:path';

import type { DecisionEvent } from '../../src/model/event.ts';
import { openLog, type Log } from '../../src/log/writer.ts';
import { CONTEXT, toDecision } from '../log/session-log.ts';

export const POLICY_FILE = '.github/agent-sandbox.yml';
export const BY_DEFAULT = {
  id: 'builtin/default',
  file: 'builtin',
  line: 0,
  layer: 'builtin',
} as const;

export function openSession(directory: string, name: string = 'decisions.jsonl'): Log {
  const log = openLog({ file: join(directory, name), context: CONTEXT });
  log.append({ type: 'session.start', command: 'claude', workspace: '/w' });
  log.append({ type: 'policy.load', layer: 'builtin', file: 'builtin', digest: 'sha256:b' });
  log.append({ type: 'policy.load', layer: 'repo', file: POLICY_FILE, digest: 'sha256:r' });
  return log;
}

export function allow(changes: Partial<DecisionEvent> = {}): DecisionEvent {
  return toDecision({ effect: 'allow', reason: 'allowed', ...changes });
}

/** Every kind of record, with `guest()` wherever somebody hostile chooses the text. */
export function writeHostile(log: Log, guest: () => string): void {
  const rule = { id: guest(), file: guest(), line: 3, layer: 'repo' } as const;
  log.append({ type: 'session.start', command: guest(), workspace: guest() });
  log.append({ type: 'policy.load', layer: guest(), file: guest(), digest: guest() });
  log.append({ type: 'policy.clamp', rule: { place: guest() }, by: guest(), reason: guest() });
  log.append(toDecision({ request: guest(), reason: guest() }));
  log.append(toDecision({ request: guest(), reason: guest(), rule, surface: 'mcp' }));
  log.append(toDecision({ request: guest(), rule, enforced: false, mode: 'audit' }));
  log.append(toDecision({ request: `connect ${guest()}:443`, rule: BY_DEFAULT }));
  log.append(toDecision({ request: `GET https://${guest()}/${guest()}`, rule: BY_DEFAULT }));
  log.append(toDecision({ request: `read /${guest()}`, rule: BY_DEFAULT, surface: 'filesystem' }));
  log.append(toDecision({ request: `tool ${guest()}/x`, rule: BY_DEFAULT, surface: 'mcp' }));
  log.append(toDecision({ request: `feature s/${guest()}`, rule: BY_DEFAULT, surface: 'mcp' }));
  log.append(allow({ request: `connect ${guest()}:443` }));
  log.append(allow({ request: `GET https://${guest()}/a` }));
  log.append(allow({ request: `write /${guest()}`, surface: 'filesystem' }));
  log.append(allow({ request: `tool ${guest()}/${guest()}`, surface: 'mcp' }));
  log.append({
    type: 'outcome',
    surface: 'mcp',
    server: guest(),
    method: 'tools/call',
    name: guest(),
    status: guest(),
  });
  log.append({
    type: 'credential.mint',
    credential: guest(),
    provider: guest(),
    notAfter: guest(),
  });
  log.append({
    type: 'credential.refuse',
    credential: guest(),
    provider: guest(),
    reason: guest(),
  });
  log.append({ type: 'exception.used', exception: guest(), reason: guest() });
  log.append({ type: 'alert', alert: guest(), detail: guest() });
  log.append({ type: 'log.gap', reason: guest() });
  log.end({ type: 'session.end', reason: guest(), detail: guest(), faults: [guest()] });
}
