// The rig itself: runs inside the closed namespace and writes its results as JSON. node battery.mjs OPTIONS_JSON
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { PARTS, type PartName } from './cases/all.ts';
import type { Case, Result } from './case.ts';
import { makeCertificates } from './certificate.ts';
import { createGround } from './ground.ts';
import { serveNames } from './names.ts';
import { furnishNamespace, watchPackets } from './namespace.ts';
import { serveOrigins } from './origins.ts';
import { compareResidue, takeResidue } from './residue.ts';
import { createRig, type Rig } from './rig.ts';
import { createRunner } from './runner.ts';
import { runSelftest } from './selftest.ts';

export interface BatteryOptions {
  part: PartName;
  root: string;
  repository: string;
  cache: string;
  path: string;
  /** only these cases, all when empty */
  only: string[];
}

export interface BatteryReport {
  results: Result[];
  /** legitimate work after the attacks */
  after: Result[];
  residue: string[];
  /** what a deliberately broken sandbox is found to be */
  selftest: Result[];
}

const options = JSON.parse(process.argv[2] ?? '{}') as BatteryOptions;
const ground = createGround();
const rig = createRig({ ...options, ground });
furnishNamespace(rig);
mkdirSync(join(options.root, 'certificates'), { recursive: true });
const stopNames = await serveNames(ground);
const stopOrigins = await serveOrigins(ground, makeCertificates(rig));
const watcher = await watchPackets(rig, ground);
try {
  writeFileSync(join(options.root, 'report.json'), JSON.stringify(await run(rig)));
} finally {
  watcher.kill();
  stopNames();
  stopOrigins();
}

async function run(within: Rig): Promise<BatteryReport> {
  const before = takeResidue(within);
  const note = (line: string): void => void process.stderr.write(`${line}\n`);
  const wanted = (list: readonly Case[]): Case[] =>
    list.filter((test) => options.only.length === 0 || options.only.includes(test.id));
  const { legitimate, attacks } = PARTS[options.part];
  const runner = createRunner(within, note);
  try {
    await runner.runAll(wanted(legitimate));
    await runner.runAll(wanted(attacks));
    const results = runner.results.splice(0);
    await runner.runAll(wanted(legitimate).filter((test) => test.own === undefined));
    const after = runner.results.splice(0);
    await runner.close();
    const residue = compareResidue(before, takeResidue(within));
    for (const item of residue) note(`! left behind: ${item}`);
    return { results, after, residue, selftest: await runSelftest(within, note) };
  } finally {
    await runner.close();
  }
}
