// What the host side costs: deciding, recording, memory, and several sessions at once.

import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import type { Settings } from './main.ts';
import { must } from './program.ts';
import { mustRunSandbox } from './sandbox.ts';
import { median } from './table.ts';
import type { Row } from './table.ts';

const SESSIONS = 8;
const MEGABYTE = 1024 * 1024;

/** Figures of the small benches, each a program that prints one line of JSON. */
export function measureParts(settings: Settings): Row[] {
  const rows: Row[] = [];
  const log = runPart(settings, 'log');
  const appends = log?.['appendPerSecond'];
  if (appends !== undefined) {
    rows.push({
      group: 'host',
      name: 'log records, hashed and written',
      unit: '1/s',
      ours: appends,
      rivals: [],
      target: { text: '>= 20000', isKept: appends >= 20_000 },
    });
  }
  const decide = runPart(settings, 'decide');
  const microseconds = decide?.['medianMicroseconds'];
  if (microseconds !== undefined) {
    const naive = decide?.['naiveMicroseconds'];
    rows.push({
      group: 'host',
      name: 'a decision among 300 rules, median',
      unit: 'us',
      ours: microseconds,
      rivals: naive === undefined ? [] : [{ name: 'rules tried one by one', value: naive }],
      target: { text: '<= 5 us', isKept: microseconds <= 5 },
    });
  }
  return rows;
}

function runPart(settings: Settings, name: string): Record<string, number> | undefined {
  const file = join(import.meta.dirname, '../dist', `bench-${name}.js`);
  if (!existsSync(file)) {
    settings.skip(name, `there is no bench/${name}.ts`);
    return undefined;
  }
  settings.say(name);
  const line = must(process.execPath, [file]).trim().split('\n').at(-1) ?? '{}';
  return JSON.parse(line) as Record<string, number>;
}

export async function measureSessions(settings: Settings): Promise<Row[]> {
  const workspaces = Array.from({ length: SESSIONS }, (_, index) =>
    join(settings.fast, `session-${index}`),
  );
  for (const folder of workspaces) mkdirSync(folder, { recursive: true });
  const work = ['/bin/bash', '-c', 'ls -R /usr/share/doc > /dev/null; sleep 1'];
  const run = (workspace: string): ReturnType<typeof mustRunSandbox> =>
    mustRunSandbox({ home: settings.logs, workspace, command: work });

  settings.say('one session');
  const single = [];
  for (let round = 0; round < settings.rounds; round++)
    single.push(await run(workspaces[0] ?? '.'));
  settings.say(`${SESSIONS} sessions at once`);
  const begun = performance.now();
  await Promise.all(workspaces.map(run));
  const together = (performance.now() - begun) / 1000;
  const resident = median(single.map((one) => one.resident)) / MEGABYTE;
  const alone = median(single.map((one) => one.milliseconds)) / 1000;
  return [
    {
      group: 'host',
      name: 'host process, most memory resident in a session',
      unit: 'MB',
      ours: resident,
      rivals: [],
      target: { text: '<= 160 MB', isKept: resident <= 160 },
    },
    {
      group: 'host',
      name: `${SESSIONS} sessions at once, until the last has ended`,
      unit: 's',
      ours: together,
      rivals: [{ name: `${SESSIONS} one after another`, value: alone * SESSIONS }],
      target: { text: 'all succeed', isKept: true },
    },
  ];
}
