// Records a second of the decision log, hashing and writing included: prints one line of JSON.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openLog } from '../src/log/writer.ts';
import { verifyLog } from '../src/log/verify.ts';
import type { DecisionEvent } from '../src/model/event.ts';

const RECORDS = 50_000;
const directory = mkdtempSync(join(tmpdir(), 'agent-sandbox-bench-'));
try {
  const file = join(directory, 'decisions.jsonl');
  const log = openLog({
    file,
    context: {
      session: '20261121-101112-abcdef',
      actor: { login: 'octocat', id: '583231', assurance: 'platform-env' },
      run: {
        repository: 'acme/app',
        repositoryId: '456789',
        runId: '1234567890',
        attempt: 1,
        job: 'build',
        event: 'push',
        sha: '0'.repeat(40),
      },
      policyDigest: `sha256:${'0'.repeat(64)}`,
      isolation: 'hardware',
    },
  });
  const start = performance.now();
  for (let i = 0; i < RECORDS; i += 1) log.append(toEvent(i));
  const { count } = log.end({ type: 'session.end' });
  const written = performance.now();
  const { status } = verifyLog(file);
  const verified = performance.now();
  const perSecond = (milliseconds: number): number => Math.round((count * 1000) / milliseconds);
  process.stdout.write(
    `${JSON.stringify({ bench: 'log', records: count, appendPerSecond: perSecond(written - start), verifyPerSecond: perSecond(verified - written), status })}\n`,
  );
} finally {
  rmSync(directory, { recursive: true, force: true });
}

function toEvent(i: number): DecisionEvent {
  return {
    type: 'decision',
    surface: 'network',
    request: `GET https://api.github.com/repos/acme/app/issues/${i}`,
    effect: 'allow',
    enforced: true,
    mode: 'enforce',
    rule: { id: 'repo/github-read', file: '.github/agent-sandbox.yml', line: 12, layer: 'repo' },
    reason: 'allowed by network.allow[0]',
    agent: { command: 'claude', pid: 812, executable: '/usr/bin/node' },
  };
}
