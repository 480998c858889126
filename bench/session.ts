// What a process of the bench has of a session: its policy and its hashed log.

import { join } from 'node:path';

import { openLog, type Log } from '../src/log/writer.ts';
import type { EffectivePolicy } from '../src/model/policy.ts';
import { loadEffectivePolicy } from '../src/source/load.ts';

/** `file`: the policy; `folder`: where it works and writes. Throws where the policy has faults. */
export function openBenchSession(
  file: string,
  folder: string,
): { policy: EffectivePolicy; log: Log } {
  const { policy, diagnostics } = loadEffectivePolicy({
    workspace: folder,
    home: folder,
    environment: {},
    packageRoot: join(import.meta.dirname, '..'),
    directory: folder,
    policy: file,
    platform: process.platform,
    hidden: [],
    limits: {},
  });
  if (policy === undefined) throw new Error(JSON.stringify(diagnostics));
  const log = openLog({
    file: join(folder, `decisions-${process.pid}.jsonl`),
    context: {
      session: 'bench',
      actor: { login: 'bench', assurance: 'os-user' },
      policyDigest: policy.digest,
      isolation: 'emulated',
    },
  });
  return { policy, log };
}
