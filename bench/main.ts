// Runs the rows that are asked for and prints them: a table for people, JSON for programs.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, homedir, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { chooseAccelerator } from '../src/engine/accelerator.ts';
import type { Accelerator } from '../src/engine/engine.ts';
import { clockRate } from '../src/engine/host.ts';
import { cacheDirectory } from '../src/cli/directories.ts';
import { measureCredentials } from './credentials/measure.ts';
import { measureEgress } from './egress/measure.ts';
import { measureFiles } from './files.ts';
import { measureParts, measureSessions } from './host.ts';
import { measureMcp } from './mcp/measure.ts';
import { must } from './program.ts';
import { measureReport } from './report/measure.ts';
import type { Technology } from './rival-machine.ts';
import { measureStart } from './start.ts';
import { formatRows } from './table.ts';
import type { Row, Skipped } from './table.ts';

export interface Settings {
  rounds: number;
  /** number of small files */
  files: number;
  /** calls of tools after which memory is compared */
  calls: number;
  rivals: Technology[];
  accelerator: Accelerator;
  cpus: number;
  memoryMib: number;
  clockKilohertz: number | undefined;
  /** folder in memory, where that may be mounted: the transport is measured, not the disk */
  fast: string;
  logs: string;
  /** what the bench fetches for itself */
  cache: string;
  sandboxCache: string;
  say: (what: string) => void;
  skip: (what: string, why: string) => void;
}

const GROUPS = [
  'start',
  'files',
  'parts',
  'sessions',
  'egress',
  'credentials',
  'mcp',
  'report',
] as const;
const HELP = `Usage: npm run bench -- [--groups ${GROUPS.join(',')}] [--rounds N] [--files N] [--calls N] [--rivals 9p,virtiofs,9p-loose] [--json FILE]
Compares agent-sandbox with its rivals on this machine. Let nothing else run meanwhile.`;

const { values } = parseArgs({
  options: {
    groups: { type: 'string', default: GROUPS.join(',') },
    rounds: { type: 'string', default: '3' },
    files: { type: 'string', default: '10000' },
    calls: { type: 'string', default: '100000' },
    rivals: { type: 'string', default: '9p,virtiofs' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) process.stdout.write(`${HELP}\n`);
else process.exitCode = await main();

async function main(): Promise<number> {
  const skipped: Skipped[] = [];
  const rows: Row[] = [];
  const fast = mkdtempSync(join(tmpdir(), 'agent-sandbox-bench-'));
  const isInMemory = mountMemory(fast);
  const sandboxCache = cacheDirectory(process.env);
  const cache = join(
    process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
    'agent-sandbox-bench',
  );
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  const say = (what: string): void => void process.stderr.write(`bench: ${what}\n`);
  const load = loadavg()[0] ?? 0;
  if (load > 0.5)
    say(
      `other programs are running (load ${load.toFixed(1)}): the figures will be worse than they are`,
    );
  try {
    const accelerator = await chooseAccelerator('auto', { cache: sandboxCache });
    const settings: Settings = {
      rounds: Number(values.rounds),
      files: Number(values.files),
      calls: Number(values.calls),
      rivals: values.rivals.split(',').filter(isTechnology),
      accelerator,
      cpus: Math.min(2, cpus().length),
      memoryMib: 2048,
      clockKilohertz: await clockRate({ cache: sandboxCache }),
      fast,
      logs: join(fast, 'logs'),
      cache,
      sandboxCache,
      say,
      skip: (what, why) => skipped.push({ what, why }),
    };
    writeFileSync(join(fast, 'policy.yml'), 'version: 1\n');
    const groups = values.groups.split(',');
    const measures: Record<(typeof GROUPS)[number], () => Row[] | Promise<Row[]>> = {
      parts: () => measureParts(settings),
      start: () => measureStart(settings),
      sessions: () => measureSessions(settings),
      files: () => measureFiles(settings),
      egress: () => measureEgress(settings),
      credentials: () => measureCredentials(settings),
      mcp: () => measureMcp(settings),
      report: () => measureReport(settings),
    };
    for (const group of GROUPS) {
      if (!groups.includes(group)) continue;
      try {
        rows.push(...(await measures[group]()));
      } catch (error) {
        skipped.push({ what: group, why: error instanceof Error ? error.message : String(error) });
        process.exitCode = 1;
      }
    }
    const result = {
      ...machineFacts(accelerator),
      rounds: settings.rounds,
      files: settings.files,
      rows,
      skipped,
    };
    process.stdout.write(`${describe(result)}\n\n${formatRows(rows)}\n`);
    for (const { what, why } of skipped) process.stdout.write(`skipped ${what}: ${why}\n`);
    process.stdout.write(`${JSON.stringify(result)}\n`);
    if (values.json !== undefined)
      writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
    return rows.length === 0 ? 1 : Number(process.exitCode ?? 0);
  } finally {
    if (isInMemory) must('umount', ['-l', fast]);
    rmSync(fast, { recursive: true, force: true });
  }
}

function isTechnology(name: string): name is Technology {
  return name === '9p' || name === '9p-loose' || name === 'virtiofs';
}

/** Where it may be done; otherwise the folder stays on the disk. */
function mountMemory(folder: string): boolean {
  return (
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'agent-sandbox-bench', folder]).status ===
    0
  );
}

interface MachineFacts {
  date: string;
  processor: string;
  processors: number;
  memoryGib: number;
  kernel: string;
  accelerator: Accelerator;
  qemu: string;
  node: string;
}

function machineFacts(accelerator: Accelerator): MachineFacts {
  return {
    date: new Date().toISOString(),
    processor: cpus()[0]?.model ?? 'unknown',
    processors: cpus().length,
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    accelerator,
    qemu: must('qemu-system-x86_64', ['--version']).split('\n')[0] ?? '',
    node: process.version,
  };
}

function describe(facts: MachineFacts & { rounds: number }): string {
  const { date, processor, processors, memoryGib, accelerator, qemu, node, rounds } = facts;
  return `${date.slice(0, 10)}, ${processors} x ${processor}, ${memoryGib} GiB, ${accelerator}, ${qemu}, Node ${node}; medians of ${rounds} rounds`;
}
