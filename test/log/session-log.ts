// A log in a directory of its own, for tests.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { DecisionEvent, SessionContext } from '../../src/model/event.ts';
import { openLog, type Log } from '../../src/log/writer.ts';

export const CONTEXT: SessionContext = {
  session: '20261121-101112-abcdef',
  actor: { login: 'octocat', id: '583231', assurance: 'platform-env' },
  run: { repository: 'acme/app', runId: '77', attempt: 1, pullRequest: 17 },
  policyDigest: `sha256:${'a'.repeat(64)}`,
  isolation: 'emulated',
};

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'agent-sandbox-test-'));
}

export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}

export function toDecision(changes: Partial<DecisionEvent> = {}): DecisionEvent {
  return {
    type: 'decision',
    surface: 'network',
    request: 'connect evil.example.com:443',
    effect: 'deny',
    enforced: true,
    mode: 'enforce',
    rule: {
      id: 'repo/network.deny[0]',
      file: '.github/agent-sandbox.yml',
      line: 12,
      layer: 'repo',
    },
    reason: 'paste sites are not a way out',
    ...changes,
  };
}

/** A finished log of `count` records, session.start and session.end included. */
export function writeSample(file: string, count: number): Log {
  const log = openLog({ file, context: CONTEXT });
  log.append({ type: 'session.start', command: 'claude' });
  for (let i = 0; i < count - 2; i += 1) {
    log.append(toDecision({ request: `connect host-${i}.example.com:443` }));
  }
  log.end({ type: 'session.end', reason: 'finished' });
  return log;
}

export function readRecords(file: string): Record<string, unknown>[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}
