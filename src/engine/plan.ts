// Puts together what one start needs: the shape of the machine, the jail, and the command that runs QEMU in it.

import type { Socket } from 'node:net';
import { SandboxError } from '../model/error.ts';
import {
  type ArgumentOptions,
  type Shape,
  chooseCpuModel,
  chooseMachine,
  chooseWindow,
  kernelLine,
  machineArguments,
} from './arguments.ts';
import { createControlGroup } from './cgroup.ts';
import { prepareMemoryShim } from './compile.ts';
import { type Emulator, findEmulator } from './emulator.ts';
import type { Image, MachineOptions } from './engine.ts';
import { clockRate, processorIdentity } from './host.ts';
import { prepareImage } from './image.ts';
import { type JailTools, type Passage, insidePath, jailCommand } from './jail.ts';
import { chooseJail } from './jail-choice.ts';
import { DESCRIPTORS, type Launched, launch } from './launch.ts';
import { machineName } from './orphans.ts';

/** Everything that is the same for each start of one kind of machine. */
export interface Plan {
  image: Image;
  emulator: Emulator;
  shape: Shape;
  jail: JailTools;
  /** the library QEMU needs to copy from a file it may only read; absent where QEMU can do so itself */
  shim: string | undefined;
  /** the host's processor, where the guest sees it as it is */
  processor: string | undefined;
}

export type PlanOptions = Pick<MachineOptions, 'cpus' | 'memory' | 'accelerator' | 'cache'> &
  Pick<MachineOptions, 'search' | 'guest' | 'onProgress'>;

const MiB = 1024 * 1024;
const LEAST_MEMORY = 128 * MiB;
const MOST_PROCESSORS = 64;

export async function makePlan(options: PlanOptions): Promise<Plan> {
  checkSize(options);
  const image = await prepareImage(options);
  const { architecture } = image;
  const emulator = await findEmulator({ ...options, architecture });
  const rate = options.accelerator === 'tcg' ? await clockRate(options) : undefined;
  const machine = chooseMachine(architecture, options.accelerator);
  const shape: Shape = {
    architecture,
    accelerator: options.accelerator,
    machine,
    cpuModel: chooseCpuModel(architecture, options.accelerator),
    cpus: options.cpus,
    // QEMU wants whole pages of any size the host may have.
    memory: Math.floor(options.memory / MiB) * MiB,
    kernelLine: kernelLine(architecture, options.accelerator, rate),
    window: chooseWindow(machine, options.accelerator),
  };
  const shim = emulator.readOnlyMemory ? undefined : (await prepareMemoryShim(options)).file;
  const processor = options.accelerator === 'tcg' ? undefined : processorIdentity();
  const jail = await chooseJail({ ...options, emulator });
  return { image, emulator, shape, jail, shim, processor };
}

function checkSize({ cpus, memory }: PlanOptions): void {
  const fault =
    !Number.isInteger(cpus) || cpus < 1 || cpus > MOST_PROCESSORS
      ? `a machine has 1 to ${MOST_PROCESSORS} processors, not ${cpus}`
      : memory < LEAST_MEMORY
        ? `a guest needs ${LEAST_MEMORY / MiB} MiB of memory at least, not ${Math.floor(memory / MiB)}`
        : undefined;
  if (fault === undefined) return;
  throw new SandboxError({
    kind: 'usage',
    code: 'ENGINE_SIZE',
    message: fault,
    hint: 'change limits.cpus and limits.memory in the policy, or --cpus and --memory',
  });
}

export interface Start {
  mux: Socket;
  fs: Socket;
  console: string;
  /** file of the window, where the shape has one */
  window?: string | undefined;
  /** `write`: the file becomes the snapshot's memory; `copy`: the guest gets a private copy of it */
  memory?: { file: string; use: 'write' | 'copy' };
  /** folder QEMU may write into, shown as `/guest/exchange` */
  exchange?: string;
  incoming: boolean;
  timeout: number;
}

export interface StartedQemu extends Launched {
  /** a control group holds it */
  controlGroup: boolean;
}

export async function startQemu(plan: Plan, start: Start): Promise<StartedQemu> {
  const kernel = passage('kernel', start.incoming ? plan.image.stub : plan.image.kernel);
  const initrd = start.incoming ? undefined : passage('initrd', plan.image.initrd);
  const { memory, passages, environment } = memoryPassages(plan, start.memory);
  if (start.exchange !== undefined)
    passages.push({ ...passage('exchange', start.exchange), writable: true });
  const window =
    start.window === undefined ? undefined : { ...passage('window', start.window), writable: true };
  if (window) passages.push(window);
  const group = createControlGroup(plan.shape);
  const args = machineArguments({
    name: machineName(),
    shape: plan.shape,
    image: {
      kernel: insidePath(plan.jail, kernel),
      ...(initrd === undefined ? {} : { initrd: insidePath(plan.jail, initrd) }),
    },
    descriptors: DESCRIPTORS,
    memory,
    ...(window && { window: insidePath(plan.jail, window) }),
    incoming: start.incoming,
  });
  const jail = {
    tools: plan.jail,
    emulator: plan.emulator,
    passages: [kernel, ...(initrd === undefined ? [] : [initrd]), ...passages],
    devices: devicesOf(plan),
    environment,
    ...(group === undefined ? {} : { controlGroup: group.folder }),
    noFiles: start.memory?.use !== 'write',
  };
  try {
    const qemu = await launch({
      ...start,
      command: jailCommand(jail, [plan.emulator.file, ...args]),
    });
    void qemu.exited.then(() => group?.remove());
    return { ...qemu, controlGroup: group?.holds(qemu.pid) ?? false };
  } catch (error) {
    group?.remove();
    throw error;
  }
}

/** Device nodes QEMU opens. */
export function devicesOf(plan: Plan): string[] {
  return plan.shape.accelerator === 'kvm' ? ['/dev/kvm'] : [];
}

function memoryPassages(
  plan: Plan,
  asked: Start['memory'],
): { memory: ArgumentOptions['memory']; passages: Passage[]; environment: Record<string, string> } {
  if (!asked) return { memory: undefined, passages: [], environment: {} };
  const entry = { ...passage('memory', asked.file), writable: asked.use === 'write' };
  const file = insidePath(plan.jail, entry);
  const memory = { file, use: asked.use, readOnlyOption: plan.emulator.readOnlyMemory };
  if (asked.use === 'write' || plan.shim === undefined)
    return { memory, passages: [entry], environment: {} };
  const shim = passage('memory.so', plan.shim);
  const environment = { LD_PRELOAD: insidePath(plan.jail, shim), AGENT_SANDBOX_MEMORY: file };
  return { memory, passages: [entry, shim], environment };
}

function passage(name: string, file: string): Passage {
  return { name, file, writable: false };
}
