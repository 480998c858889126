// Which accelerator runs guests on this machine: proven by booting one, since a device that opens proves nothing.
// Invariant: an accelerator somebody asked for by name is used or refused, never replaced.

import {
  accessSync,
  constants,
  existsSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { SandboxError, messageOf } from '../model/error.ts';
import { withBootedGuest } from './boot.ts';
import type { Accelerator, Progress } from './engine.ts';
import { hashBytes } from './fingerprint.ts';
import { kernelIdentity, processorIdentity } from './host.ts';
import { type Plan, makePlan } from './plan.ts';
import { openCache } from './store.ts';

export type HardwareAccelerator = Exclude<Accelerator, 'tcg'>;

export interface Verdict {
  accelerator: HardwareAccelerator;
  usable: boolean;
  /** one sentence for people */
  reason: string;
  /** what to do about it */
  hint?: string;
  /** from an earlier boot */
  remembered: boolean;
}

export interface ProbeOptions {
  cache: string;
  onProgress?: Progress;
  search?: readonly string[];
  guest?: string;
  /** boot again, whatever is remembered */
  fresh?: boolean;
  /** the device node, for tests */
  device?: string;
}

export type EngineChoice = 'auto' | Accelerator;

const DEVICE = '/dev/kvm';
/** A guest that has hardware under it greets in a second. */
const BOOT_LIMIT = 10_000;
const PROBE_MEMORY = 256 * 1024 * 1024;

/** The accelerator to use. For `auto` the hardware's where it works; a name is taken literally. */
export async function chooseAccelerator(
  choice: EngineChoice,
  options: ProbeOptions,
): Promise<Accelerator> {
  if (choice === 'tcg') return 'tcg';
  if (choice === 'auto') {
    const verdict = await probeAccelerator(options);
    return verdict?.usable === true ? verdict.accelerator : 'tcg';
  }
  if (choice !== hardwareOf(process.platform)) {
    throw unusable(
      choice,
      `${choice} does not exist on this system`,
      'leave the choice to the program: --engine auto',
    );
  }
  const verdict = await probeAccelerator(options);
  if (verdict?.usable === true) return choice;
  throw unusable(
    choice,
    verdict?.reason ?? `${choice} does not exist on this system`,
    verdict?.hint,
  );
}

/** What the hardware of this machine can do; undefined where QEMU knows no accelerator for it. */
export async function probeAccelerator(options: ProbeOptions): Promise<Verdict | undefined> {
  const accelerator = hardwareOf(process.platform);
  if (accelerator === undefined) return undefined;
  const blocked = accelerator === 'kvm' ? deviceFault(options.device ?? DEVICE) : undefined;
  if (blocked) return { accelerator, usable: false, remembered: false, ...blocked };
  const plan = await makePlan({ ...options, cpus: 1, memory: PROBE_MEMORY, accelerator });
  const record = join(options.cache, `accelerator-${accelerator}.json`);
  const key = keyOf(plan);
  const known = options.fresh === true ? undefined : readVerdict(record);
  if (known?.key === key) return { ...known.verdict, remembered: true };
  options.onProgress?.(`trying ${accelerator} by booting a guest with it`);
  const verdict = await bootTrial(plan, accelerator);
  openCache(options.cache);
  writeFileSync(`${record}.${process.pid}`, JSON.stringify({ key, verdict }), { mode: 0o600 });
  renameSync(`${record}.${process.pid}`, record);
  return verdict;
}

function hardwareOf(platform: NodeJS.Platform): HardwareAccelerator | undefined {
  if (platform === 'linux') return 'kvm';
  if (platform === 'darwin') return 'hvf';
  return undefined;
}

/** Faults that need no boot to be seen, and are looked for each time: they go away by a command. */
function deviceFault(device: string): { reason: string; hint: string } | undefined {
  if (!existsSync(device)) {
    return {
      reason: `${device} does not exist: the processor's virtualisation is off, hidden, or its module is not loaded`,
      hint: 'turn virtualisation on in the firmware, or nested virtualisation in the hypervisor this machine runs on',
    };
  }
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
    return undefined;
  } catch {
    return {
      reason: `${device} may not be opened by this user`,
      hint: `add the user to the device's group: sudo usermod -aG kvm "$USER", then log in again`,
    };
  }
}

async function bootTrial(plan: Plan, accelerator: HardwareAccelerator): Promise<Verdict> {
  try {
    await withBootedGuest(plan, { limit: BOOT_LIMIT }, () => Promise.resolve());
    return {
      accelerator,
      usable: true,
      reason: `a guest boots with ${accelerator}`,
      remembered: false,
    };
  } catch (error) {
    return {
      accelerator,
      usable: false,
      reason: `a guest does not boot with ${accelerator}: ${messageOf(error)}`,
      hint: 'use a machine whose virtualisation works for guests of a stock kernel; emulation is used meanwhile',
      remembered: false,
    };
  }
}

/** What changes the answer. The image is left out: a guest that boots on the hardware does so with each of our inits. */
function keyOf(plan: Plan): string {
  const { emulator, shape, jail, image } = plan;
  const parts = [
    emulator.version,
    JSON.stringify(emulator.fingerprint),
    kernelIdentity(),
    processorIdentity(),
  ];
  return hashBytes(
    Buffer.from([...parts, shape.machine, jail.kind, image.release].join('\n')),
  ).slice(0, 24);
}

function readVerdict(record: string): { key: string; verdict: Verdict } | undefined {
  try {
    const value = JSON.parse(readFileSync(record, 'utf8')) as { key: string; verdict: Verdict };
    return typeof value.verdict?.usable === 'boolean' ? value : undefined;
  } catch {
    return undefined; // never tried
  }
}

function unusable(
  choice: string,
  reason: string,
  hint = 'use --engine auto, or --engine tcg for emulation',
): SandboxError {
  return new SandboxError({
    kind: 'environment',
    code: 'ENGINE_ACCELERATOR',
    message: `the engine ${choice} was asked for and cannot be used: ${reason}`,
    hint,
  });
}
