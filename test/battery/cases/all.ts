// The whole battery in the order it runs.
import type { Case } from '../case.ts';
import { CREDENTIALS } from './credentials.ts';
import { FILESYSTEM } from './filesystem.ts';
import { GOVERNANCE } from './governance.ts';
import { KERNEL } from './kernel.ts';
import { LEGITIMATE } from './legitimate.ts';
import { NETWORK } from './network.ts';

const CASES: readonly Case[] = [
  ...NETWORK,
  ...FILESYSTEM,
  ...KERNEL,
  ...GOVERNANCE,
  ...CREDENTIALS,
];

export interface Part {
  /** work that must succeed, before the attacks and after them */
  legitimate: readonly Case[];
  attacks: readonly Case[];
}

/** Halves that take about as long, for two cores; each half runs in a rig of its own. */
export const PARTS = {
  network: { legitimate: everySecond(LEGITIMATE, 0), attacks: NETWORK },
  machine: {
    legitimate: everySecond(LEGITIMATE, 1),
    attacks: CASES.filter((test) => !NETWORK.includes(test)),
  },
} satisfies Record<string, Part>;

export type PartName = keyof typeof PARTS;

/** Cases that a sandbox which is none must fail. */
export const SELFTEST: readonly Case[] = CASES.filter((test) =>
  ['N02', 'N29', 'N38', 'F01', 'F14', 'K05'].includes(test.id),
);

function everySecond(cases: readonly Case[], from: number): Case[] {
  return cases.filter((_, at) => at % 2 === from);
}
