// File work through the share, against the guest's own tmpfs and against 9p and virtiofs in VMs of the same size.

import { rmSync } from 'node:fs';
import { join } from 'node:path';

import type { Settings } from './main.ts';
import { prepareRivalGuest } from './rival-guest.ts';
import type { RivalGuest } from './rival-guest.ts';
import { missingFor, runRival } from './rival-machine.ts';
import type { Technology } from './rival-machine.ts';
import { mustRunSandbox } from './sandbox.ts';
import { median } from './table.ts';
import type { Row } from './table.ts';
import { copyTemplate, makeTemplate } from './trees.ts';

/** Seconds by place (ours, tmpfs, 9p, ...) and work. */
type Times = Map<string, Map<string, number[]>>;

const WARM = new Set(['git-status-warm', 'small-read-warm']);

export async function measureFiles(settings: Settings): Promise<Row[]> {
  const template = join(settings.fast, 'template');
  settings.say('making the files to work on');
  makeTemplate(template, settings.files);
  const rivals = await availableRivals(settings);
  const times: Times = new Map();
  for (let round = 1; round <= settings.rounds; round++) {
    await inCopy(settings, template, 'sandbox', async (share) => {
      settings.say(`files, round ${round} of ${settings.rounds}: agent-sandbox`);
      const script =
        '/bin/bash workload.sh share . && cp -a . ~/base && git -C ~/base/git status > /dev/null; /bin/bash workload.sh tmpfs ~/base';
      const size = ['--cpus', String(settings.cpus), '--memory', `${settings.memoryMib}MiB`];
      const policy = ['--policy', join(settings.fast, 'policy.yml')];
      const run = await mustRunSandbox({
        home: settings.logs,
        workspace: share,
        options: [...size, ...policy],
        command: ['/bin/bash', '-c', script],
      });
      collect(times, run.output, { share: 'ours', tmpfs: 'tmpfs' });
    });
    for (const { technology, guest } of rivals) {
      await inCopy(settings, template, technology, async (share) => {
        settings.say(`files, round ${round} of ${settings.rounds}: ${technology}`);
        const { accelerator, cpus, memoryMib, clockKilohertz } = settings;
        const output = await runRival({
          guest,
          technology,
          share,
          accelerator,
          cpus,
          memoryMib,
          clockKilohertz,
        });
        collect(times, output, { share: technology });
      }).catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error);
        settings.skip(`${technology}, round ${round}`, why);
      });
    }
  }
  rmSync(template, { recursive: true, force: true });
  return toRows(times);
}

async function availableRivals(
  settings: Settings,
): Promise<{ technology: Technology; guest: RivalGuest }[]> {
  const usable = settings.rivals.filter((technology) => {
    const why = missingFor(technology);
    if (why !== undefined) settings.skip(`${technology} as a rival`, why);
    return why === undefined;
  });
  if (usable.length === 0) return [];
  try {
    settings.say('preparing the guest of the rivals');
    const guest = await prepareRivalGuest(settings.cache);
    return usable.map((technology) => ({ technology, guest }));
  } catch (error) {
    settings.skip('all rivals for files', error instanceof Error ? error.message : String(error));
    return [];
  }
}

/** Each guest gets files of its own, so that none finds what another has changed. */
async function inCopy(
  settings: Settings,
  template: string,
  name: string,
  work: (share: string) => Promise<void>,
): Promise<void> {
  const share = join(settings.fast, `share-${name}`);
  copyTemplate(template, share);
  try {
    await work(share);
  } finally {
    rmSync(share, { recursive: true, force: true });
  }
}

function collect(times: Times, output: string, places: Record<string, string>): void {
  let count = 0;
  for (const [, label = '', work = '', microseconds, code] of output.matchAll(
    /^ROW (\S+) (\S+) (\d+) (\d+)\r?$/gm,
  )) {
    const place = places[label];
    if (place === undefined) continue;
    if (code !== '0') throw new Error(`${work} failed in ${place}: ${output.trim().slice(-1000)}`);
    const works = times.get(place) ?? new Map<string, number[]>();
    times.set(place, works);
    works.set(work, [...(works.get(work) ?? []), Number(microseconds) / 1e6]);
    count += 1;
  }
  if (count === 0) throw new Error(`the guest printed no times: ${output.trim().slice(-1000)}`);
}

function toRows(times: Times): Row[] {
  const ours = times.get('ours') ?? new Map<string, number[]>();
  return [...ours].map(([work, seconds]) => {
    const value = median(seconds);
    const rivals = [...times]
      .filter(([place]) => place !== 'ours')
      .map(([name, works]) => ({ name, value: median(works.get(work) ?? []) }));
    return {
      group: 'files',
      name: work,
      unit: 's',
      ours: value,
      rivals,
      target: targetOf(work, value, rivals),
    };
  });
}

function targetOf(
  work: string,
  ours: number,
  rivals: Row['rivals'],
): { text: string; isKept: boolean } {
  const bounds: [string, number][] = [
    ['9p', 1],
    ['virtiofs', 1.5],
    ...(WARM.has(work) ? [['tmpfs', 1.3] as [string, number]] : []),
  ];
  const known = bounds.flatMap(([name, factor]) => {
    const rival = rivals.find((candidate) => candidate.name === name);
    return rival === undefined ? [] : [{ name, factor, isKept: ours <= rival.value * factor }];
  });
  return {
    text: known
      .map(({ name, factor, isKept }) => `${isKept ? '' : '! '}<= ${factor}x ${name}`)
      .join(', '),
    isKept: known.every(({ isKept }) => isKept),
  };
}
