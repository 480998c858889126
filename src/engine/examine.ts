// What this machine can do for guests, found by trying. Invariant: a finding is never silent about a fault, and each
// fault comes with its next step.

import { readFileSync, statfsSync } from 'node:fs';
import { freemem } from 'node:os';
import { dirname } from 'node:path';
import { SandboxError, messageOf } from '../model/error.ts';
import { type EngineChoice, probeAccelerator } from './accelerator.ts';
import { createControlGroup } from './cgroup.ts';
import { prepareInit } from './compile.ts';
import { findEmulator } from './emulator.ts';
import type { Accelerator, Architecture, Progress } from './engine.ts';
import { hostArchitecture } from './image.ts';
import { chooseJail } from './jail-choice.ts';
import { cachedKernel } from './kernel.ts';
import { listRequirements } from './packages.ts';
import { makePlan } from './plan.ts';
import { openSnapshot, snapshotFolder } from './snapshot.ts';
import { tryMachine } from './trial.ts';

export interface Finding {
  /** stable name */
  check: string;
  state: 'good' | 'warning' | 'fault';
  /** one sentence */
  detail: string;
  /** next step */
  hint?: string;
}

export interface Examination {
  usable: boolean;
  accelerator?: Accelerator;
  isolation?: 'hardware' | 'emulated';
  findings: Finding[];
}

export interface ExamineOptions {
  cache: string;
  engine: EngineChoice;
  cpus: number;
  memory: number;
  /** boot again to prove the accelerator, whatever is remembered */
  fresh: boolean;
  search?: readonly string[];
  guest?: string;
  onProgress?: Progress;
}

const SETUP = 'run `agent-sandbox setup`';
const MiB = 1024 * 1024;
/** A snapshot of the default size, its successor while it is built, a kernel and an image. */
const DISK_WANTED = 2048 * MiB;

export async function examineMachine(options: ExamineOptions): Promise<Examination> {
  const findings: Finding[] = [];
  const add = (check: string, state: Finding['state'], detail: string, hint?: string): void => {
    findings.push({ check, state, detail, ...(hint === undefined ? {} : { hint }) });
  };
  const attempt = async (check: string, work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      add(
        check,
        'fault',
        messageOf(error),
        error instanceof SandboxError ? (error.hint ?? SETUP) : SETUP,
      );
      return false;
    }
  };

  let architecture: Architecture = 'x86_64';
  const supported = await attempt('system', () => {
    architecture = hostArchitecture();
    add('system', 'good', `${process.platform} on ${architecture}`);
    return Promise.resolve();
  });
  if (!supported) return { usable: false, findings };
  examinePackages(options, architecture, add);
  const ready = await attempt('qemu', () => examineQemu(options, architecture, add));
  const built = await attempt('guest', () => examineGuest(options, architecture, add));
  examineSpaces(add);
  examineResources(options, add);
  let accelerator: Accelerator | undefined;
  if (ready && built) {
    await attempt('accelerator', async () => {
      accelerator = await examineAccelerator(options, add);
    });
    const chosen = accelerator;
    if (chosen !== undefined) {
      await attempt('snapshot', () => examineSnapshot(options, chosen, add));
      await attempt('start', () => examineStart(options, chosen, add));
    }
  }
  const usable = !findings.some((finding) => finding.state === 'fault');
  if (accelerator === undefined) return { usable, findings };
  return {
    usable,
    accelerator,
    isolation: accelerator === 'tcg' ? 'emulated' : 'hardware',
    findings,
  };
}

type Add = (check: string, state: Finding['state'], detail: string, hint?: string) => void;

function examinePackages(options: ExamineOptions, architecture: Architecture, add: Add): void {
  for (const { package: name, purpose, required, present } of listRequirements({
    ...options,
    architecture,
  })) {
    if (present) add('package', 'good', `${name} (${purpose})`);
    // Without a compiler a guest that was built earlier still runs: that is found out below.
    else
      add(
        'package',
        required && name.startsWith('qemu') ? 'fault' : 'warning',
        `${name} is missing (${purpose})`,
        SETUP,
      );
  }
}

async function examineQemu(
  options: ExamineOptions,
  architecture: Architecture,
  add: Add,
): Promise<void> {
  const emulator = await findEmulator({ ...options, architecture });
  add('qemu', 'good', `${emulator.file}, version ${emulator.version}`);
  const jail = await chooseJail({ ...options, emulator, fresh: true });
  const kind =
    jail.kind === 'bubblewrap'
      ? 'empty namespaces by bubblewrap, and its seccomp filter'
      : jail.kind;
  const hint =
    'install bubblewrap, and allow it user namespaces where the distribution forbids them';
  if (jail.notice === undefined) add('jail', 'good', `QEMU is confined: ${kind}`);
  else add('jail', 'warning', jail.notice, hint);
}

async function examineGuest(
  options: ExamineOptions,
  architecture: Architecture,
  add: Add,
): Promise<void> {
  const kernel = await cachedKernel({ ...options, architecture });
  if (kernel) add('kernel', 'good', `${kernel.release} from ${kernel.package}`);
  else throw missing('no guest kernel was fetched yet');
  const init = await prepareInit(options);
  add('guest', 'good', `init compiled (${init.sha256.slice(0, 12)})`);
}

async function examineAccelerator(options: ExamineOptions, add: Add): Promise<Accelerator> {
  if (options.engine === 'tcg') {
    add(
      'accelerator',
      'warning',
      'emulation (tcg) was asked for: slower, and not a security boundary',
    );
    return 'tcg';
  }
  const verdict = await probeAccelerator(options);
  if (verdict?.usable === true) {
    add(
      'accelerator',
      'good',
      `${verdict.reason}${verdict.remembered ? ', as an earlier boot showed' : ''}`,
    );
    return verdict.accelerator;
  }
  const reason = verdict?.reason ?? 'QEMU knows no accelerator for this system';
  if (options.engine !== 'auto') {
    add('accelerator', 'fault', reason, verdict?.hint);
    return 'tcg';
  }
  add(
    'accelerator',
    'warning',
    `guests are emulated, which is slower and not a security boundary: ${reason}`,
    verdict?.hint,
  );
  return 'tcg';
}

async function examineSnapshot(
  options: ExamineOptions,
  accelerator: Accelerator,
  add: Add,
): Promise<void> {
  const plan = await makePlan({ ...options, accelerator });
  const folder = snapshotFolder(options.cache, plan);
  const size = `${plan.shape.cpus} processors, ${plan.shape.memory / MiB} MiB`;
  if (await openSnapshot(folder, plan)) add('snapshot', 'good', `a guest is saved (${size})`);
  else
    add('snapshot', 'warning', `no guest is saved yet (${size}): the first start boots one`, SETUP);
}

async function examineStart(
  options: ExamineOptions,
  accelerator: Accelerator,
  add: Add,
): Promise<void> {
  const { machine, milliseconds } = await tryMachine({ ...options, accelerator });
  const how = machine.restored ? 'from its saved state' : 'by booting';
  const notes = machine.notices.filter((notice) => notice !== machine.jail.notice);
  const state = machine.restored || notes.length === 0 ? 'good' : 'warning';
  add(
    'start',
    state,
    `a guest started ${how} in ${milliseconds} ms${notes.length > 0 ? `; ${notes.join('; ')}` : ''}`,
  );
}

function examineSpaces(add: Add): void {
  if (process.platform !== 'linux') return;
  const restricted = readNumber('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === 1;
  const most = readNumber('/proc/sys/user/max_user_namespaces');
  const allowed = most !== 0 && readNumber('/proc/sys/kernel/unprivileged_userns_clone') !== 0;
  if (restricted)
    add(
      'namespaces',
      'warning',
      'AppArmor restricts user namespaces to programs with a profile',
      'see `sysctl kernel.apparmor_restrict_unprivileged_userns`',
    );
  else if (allowed) add('namespaces', 'good', 'user namespaces are allowed');
  else
    add(
      'namespaces',
      'warning',
      'user namespaces are forbidden',
      'see `sysctl user.max_user_namespaces`',
    );
  const group = createControlGroup({ memory: 1024 * MiB, cpus: 1, accelerator: 'tcg' });
  group?.remove();
  if (group) add('cgroup', 'good', 'QEMU is held to memory and processor time by a control group');
  else
    add(
      'cgroup',
      'warning',
      'no control group can be made here: only the size of the machine limits a guest',
      'start it as root or in a systemd session with cgroup version 2',
    );
}

function examineResources(options: ExamineOptions, add: Add): void {
  const free = freeDisk(options.cache);
  const space = `${Math.floor(free / MiB)} MiB free for kernels and saved guests`;
  if (free >= DISK_WANTED) add('disk', 'good', space);
  else
    add(
      'disk',
      free < DISK_WANTED / 4 ? 'fault' : 'warning',
      space,
      `free space in ${options.cache}`,
    );
  const available = availableMemory();
  const memory = `${Math.floor(available / MiB)} MiB of memory available, ${options.memory / MiB} MiB for a guest at most`;
  if (available >= options.memory) add('memory', 'good', memory);
  else add('memory', 'warning', memory, 'choose a smaller guest with --memory or limits.memory');
}

function freeDisk(cache: string): number {
  for (let folder = cache; ; folder = dirname(folder)) {
    try {
      const { bavail, bsize } = statfsSync(folder);
      return bavail * bsize;
    } catch (error) {
      // not made yet: its parent lies on the same disk
      if (folder === dirname(folder)) throw error;
    }
  }
}

function availableMemory(): number {
  try {
    const kilobytes = /^MemAvailable:\s+(\d+) kB$/m.exec(
      readFileSync('/proc/meminfo', 'utf8'),
    )?.[1];
    return kilobytes === undefined ? freemem() : Number(kilobytes) * 1024;
  } catch {
    return freemem(); // not Linux
  }
}

function readNumber(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8').trim());
  } catch {
    return undefined; // this kernel has no such switch
  }
}

function missing(message: string): SandboxError {
  return new SandboxError({ kind: 'environment', code: 'ENGINE_NO_KERNEL', message, hint: SETUP });
}
