// How long a sandbox takes to start: the whole command, and the guest alone against the same guest booted cold.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { loadEffectivePolicy } from '../src/source/load.ts';
import { timeGuestStart } from './guest-start.ts';
import type { Settings } from './main.ts';
import { mustRunSandbox } from './sandbox.ts';
import { median } from './table.ts';
import type { Row } from './table.ts';

const RUNS_PER_ROUND = 5;

export async function measureStart(settings: Settings): Promise<Row[]> {
  const workspace = join(settings.fast, 'empty');
  mkdirSync(workspace, { recursive: true });
  const { policy } = loadEffectivePolicy({
    workspace,
    home: process.env['HOME'] ?? '/root',
    environment: process.env,
    packageRoot: join(import.meta.dirname, '..'),
    directory: workspace,
    platform: process.platform,
    hidden: [],
    limits: {},
  });
  if (policy === undefined) throw new Error('the policy of an empty workspace is invalid');
  const guest = { policy, accelerator: settings.accelerator, cache: settings.sandboxCache };
  const run = (): ReturnType<typeof mustRunSandbox> =>
    mustRunSandbox({ home: settings.logs, workspace, command: ['true'] });

  settings.say('starts: preparing the snapshot');
  await run();
  const whole: number[] = [];
  const restored: number[] = [];
  const cold: number[] = [];
  for (let round = 1; round <= settings.rounds; round++) {
    settings.say(`starts, round ${round} of ${settings.rounds}`);
    for (let count = 0; count < RUNS_PER_ROUND; count++) {
      whole.push((await run()).milliseconds / 1000);
      const start = await timeGuestStart({ ...guest, cold: false });
      if (!start.restored) throw new Error('the guest was booted although there is a snapshot');
      restored.push(start.firstInstruction / 1000);
    }
    cold.push((await timeGuestStart({ ...guest, cold: true })).firstInstruction / 1000);
  }
  const rivals = [
    { name: 'the same guest booted cold, to its first instruction', value: median(cold) },
  ];
  return [
    {
      group: 'start',
      name: 'agent-sandbox run -- true, whole process',
      unit: 's',
      ours: median(whole),
      rivals,
      target: { text: '<= 0.40 s', isKept: median(whole) <= 0.4 },
    },
    {
      group: 'start',
      name: 'QEMU start to first instruction of the command',
      unit: 's',
      ours: median(restored),
      rivals,
      target: {
        text: '<= 0.15 s and 6x faster',
        isKept: median(restored) <= 0.15 && median(restored) * 6 <= median(cold),
      },
    },
  ];
}
