// The escape battery: attacks run in real sessions, in a closed network namespace of their own.
// ONLY=N01,F04 runs some cases; the table is printed on stderr.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { cacheDirectory } from '../../src/cli/directories.ts';
import type { BatteryOptions, BatteryReport } from './battery.ts';
import type { Result } from './case.ts';
import { PARTS, SELFTEST, type PartName } from './cases/all.ts';
import { inNamespace, whyNoNamespace } from './namespace.ts';

const LIMIT_MS = 40 * 60_000;
/** More skipped cases than this, and the battery says nothing about this machine. */
const MAX_SKIPPED = 4;

/** Programs of the system alone: a version manager's shims take seconds in an emulated guest. */
const SYSTEM_PATH = [
  dirname(process.execPath),
  '/usr/local/bin',
  '/usr/bin',
  '/bin',
  '/usr/sbin',
  '/sbin',
].join(':');

const impossible = whyNoNamespace();
const only = (process.env['ONLY'] ?? '').split(',').filter((id) => id !== '');
const isWanted = (id: string): boolean => only.length === 0 || only.includes(id);

/** Runs one half of the battery, and makes a test of each of its cases. */
export function describeBattery(part: PartName): void {
  const { legitimate, attacks } = PARTS[part];
  const ids = [...new Set([...legitimate, ...attacks].map((test) => test.id))].filter(isWanted);
  const title = `the escape battery (${part})`;
  // Counted as skipped, with the reason.
  if (impossible !== undefined) it(title, (ctx) => ctx.skip(impossible));
  else if (ids.length === 0) it(title, (ctx) => ctx.skip(`none of ${only.join(', ')}`));
  else describe(title, () => describePart(part, ids));
}

function describePart(part: PartName, ids: readonly string[]): void {
  let root: string;
  let report: BatteryReport | undefined;

  beforeAll(async () => {
    const repository = resolve(import.meta.dirname, '../..');
    root = mkdtempSync(join(tmpdir(), 'asb-'));
    const rig = join(root, 'battery.mjs');
    await build({
      entryPoints: [join(import.meta.dirname, 'battery.ts')],
      outfile: rig,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
    });
    const options: BatteryOptions = {
      part,
      root,
      repository,
      cache: cacheDirectory(process.env),
      path: SYSTEM_PATH,
      only,
    };
    const child = spawn('unshare', inNamespace([process.execPath, rig, JSON.stringify(options)]), {
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    await once(child, 'close');
    const file = join(root, 'report.json');
    if (existsSync(file)) report = JSON.parse(readFileSync(file, 'utf8')) as BatteryReport;
  }, LIMIT_MS + 60_000);

  afterAll(() => {
    if (root !== undefined) rmSync(root, { recursive: true, force: true });
  });

  function found(): BatteryReport {
    if (report === undefined)
      throw new Error('the battery did not come to its end: see its output above');
    return report;
  }

  it.for(ids)('%s holds', (id, ctx) => {
    const results = found().results.filter((result) => result.id === id);
    expect(results.length).toBeGreaterThan(0);
    expect(results.filter((result) => !result.passed).map(describeFault)).toEqual([]);
    const skipped = results.find(
      (result) => result.verdict === 'SKIPPED' || result.verdict === 'NOT APPLICABLE',
    );
    if (skipped && results.every((result) => result.verdict === skipped.verdict))
      ctx.skip(`${skipped.verdict.toLowerCase()}: ${skipped.detail}`);
  });

  it('leaves legitimate work as it was', () => {
    const { after } = found();
    expect(after.filter((result) => !result.passed).map(describeFault)).toEqual([]);
    if (only.length === 0) expect(after.length).toBeGreaterThan(PARTS[part].legitimate.length - 2);
  });

  it('leaves nothing behind on the host', () => {
    expect(found().residue).toEqual([]);
  });

  it('skips no more than a few cases', () => {
    expect(
      found().results.filter((result) => result.verdict === 'SKIPPED').length,
    ).toBeLessThanOrEqual(MAX_SKIPPED);
  });

  it('finds a sandbox that is none escaped', () => {
    const { selftest } = found();
    expect(selftest.map(({ id, verdict, passed }) => ({ id, verdict, passed }))).toEqual(
      SELFTEST.map(({ id }) => ({ id, verdict: 'ESCAPED', passed: false })),
    );
  });
}

function describeFault(result: Result): string {
  return `${result.principal}: ${result.verdict}: ${result.detail} (control: ${result.control})`;
}
