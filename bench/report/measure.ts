// What a report costs: reading a long log and saying it to GitHub, and a page of 10,000 records in a browser.

import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

import { openLog } from '../../src/log/writer.ts';
import { verifyLog } from '../../src/log/verify.ts';
import { annotationsOf } from '../../src/report/annotations.ts';
import { checkRunOutput } from '../../src/report/check-run.ts';
import { readSessionReport } from '../../src/report/session-report.ts';
import { renderSummary } from '../../src/report/summary.ts';
import { workflowCommandsOf } from '../../src/report/workflow-commands.ts';
import { writeReport } from '../../src/report/write.ts';
import type { Settings } from '../main.ts';
import { median, type Row } from '../table.ts';

const LONG = 100_000;
const ON_A_PAGE = 10_000;
const BROWSER = '/usr/bin/chromium';

export async function measureReport(settings: Settings): Promise<Row[]> {
  const directory = join(settings.fast, 'report');
  mkdirSync(directory, { recursive: true });
  try {
    return [...measureSummary(settings, directory), ...(await measurePage(settings, directory))];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function measureSummary(settings: Settings, directory: string): Row[] {
  settings.say(`a report of ${LONG} records`);
  const file = join(directory, 'long.jsonl');
  writeLog(file, LONG);
  const fallback = { path: '.github/workflows/agent.yml', line: 1 };
  const ours: number[] = [];
  const verified: number[] = [];
  const busy: number[] = [];
  for (let round = 0; round < settings.rounds; round += 1) {
    verified.push(timed(() => verifyLog(file)));
    const before = process.cpuUsage();
    ours.push(
      timed(() => {
        const report = readSessionReport(file);
        renderSummary(report);
        checkRunOutput(report);
        workflowCommandsOf(annotationsOf(report, { fallback }));
      }),
    );
    const { user, system } = process.cpuUsage(before);
    busy.push((user + system) / 1e6);
  }
  const seconds = median(ours);
  return [
    {
      group: 'report',
      name: 'summary and annotations of 100,000 records',
      unit: 's',
      ours: seconds,
      rivals: [{ name: 'verifying the log alone', value: median(verified) }],
      target: { text: '<= 2 s', isKept: seconds <= 2 },
    },
    {
      group: 'report',
      name: 'the same, in processor time',
      unit: 's',
      ours: median(busy),
      rivals: [],
    },
  ];
}

async function measurePage(settings: Settings, directory: string): Promise<Row[]> {
  if (!existsSync(BROWSER)) {
    settings.skip('a page in a browser', `there is no ${BROWSER}`);
    return [];
  }
  settings.say(`a page of ${ON_A_PAGE} records`);
  const file = join(directory, 'page.jsonl');
  writeLog(file, ON_A_PAGE);
  const written = Array.from({ length: settings.rounds }, () =>
    timed(() => writeReport(file, directory)),
  );
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const browser = await chromium.launch({ executablePath: BROWSER, args });
  try {
    const loads: number[] = [];
    for (let round = 0; round < settings.rounds; round += 1) {
      const page = await browser.newPage();
      const start = performance.now();
      await page.goto(`file://${join(directory, 'report.html')}`);
      await page.waitForSelector('html[data-ready] .record');
      loads.push((performance.now() - start) / 1000);
      await page.close();
    }
    const seconds = median(loads);
    return [
      {
        group: 'report',
        name: 'page of 10,000 records written',
        unit: 's',
        ours: median(written),
        rivals: [],
      },
      {
        group: 'report',
        name: 'page of 10,000 records loaded in Chromium',
        unit: 's',
        ours: seconds,
        rivals: [],
        target: { text: '<= 1 s', isKept: seconds <= 1 },
      },
    ];
  } finally {
    await browser.close();
  }
}

/** In seconds. */
function timed(run: () => unknown): number {
  const start = performance.now();
  run();
  return (performance.now() - start) / 1000;
}

/** One denial in three, by 40 rules. */
function writeLog(file: string, records: number): void {
  const log = openLog({
    file,
    context: {
      session: '20261121-101112-abcdef',
      actor: { login: 'octocat', id: '583231', assurance: 'platform-env' },
      run: {
        repository: 'acme/app',
        runId: '1234567890',
        attempt: 1,
        job: 'agent',
        sha: '0'.repeat(40),
      },
      policyDigest: `sha256:${'0'.repeat(64)}`,
      isolation: 'hardware',
    },
  });
  log.append({ type: 'session.start', command: 'claude', workspace: '/home/runner/app' });
  for (let i = 0; i < records - 2; i += 1) {
    const isNetwork = i % 2 === 0;
    log.append({
      type: 'decision',
      surface: isNetwork ? 'network' : 'filesystem',
      request: isNetwork
        ? `GET https://api${i % 97}.example.com/repos/acme/app/issues/${i}`
        : `write /home/runner/app/src/module-${i}.ts`,
      effect: i % 3 === 0 ? 'deny' : 'allow',
      enforced: true,
      mode: 'enforce',
      rule: {
        id: `repo/rule-${i % 40}`,
        file: '.github/agent-sandbox.yml',
        line: 1 + (i % 40),
        layer: 'repo',
      },
      reason: 'as the policy says',
      agent: { command: 'claude', pid: 812, executable: '/usr/bin/node' },
    });
  }
  log.end({ type: 'session.end', reason: 'finished' });
}
