// The whole battery in the order it runs.
import type { Case } from '../case.ts';
import { FILESYSTEM } from './filesystem.ts';
import { GOVERNANCE } from './governance.ts';
import { KERNEL } from './kernel.ts';
import { LEGITIMATE } from './legitimate.ts';
import { NETWORK } from './network.ts';

export { LEGITIMATE };

export const CASES: readonly Case[] = [...NETWORK, ...FILESYSTEM, ...KERNEL, ...GOVERNANCE];

/** Cases that a sandbox which is none must fail. */
export const SELFTEST: readonly Case[] = CASES.filter((test) =>
  ['N02', 'N29', 'N38', 'F01', 'F14', 'K05'].includes(test.id),
);
