// Puts together what one start needs: the shape of the machine, the jail, and the command that runs QEMU in it.

import type { Socket } from 'node:net';
import {
  chooseCpuModel,
  chooseMachine,
  kernelLine,
  machineArguments,
  type Shape,
} from './arguments.ts';
import { prepareMemoryShim } from './compile.ts';
import { type Emulator, findEmulator } from './emulator.ts';
import type { Image, MachineOptions } from './engine.ts';
import { clockRate, processorIdentity } from './host.ts';
import { prepareImage } from './image.ts';
import {
  type JailTools,
  type Passage,
  findJailTools,
  insidePath,
  jailCommand,
  jailUser,
} from './jail.ts';
import { DESCRIPTORS, type Launched, launch } from './launch.ts';

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

export interface PlanOptions extends Pick<
  MachineOptions,
  'cpus' | 'memory' | 'accelerator' | 'cache' | 'search' | 'guest' | 'onProgress'
> {
  image?: Image;
}

export async function makePlan(options: PlanOptions): Promise<Plan> {
  const image = options.image ?? (await prepareImage(options));
  const { architecture } = image;
  const emulator = await findEmulator({ ...options, architecture });
  const rate = await clockRate(options);
  const shape: Shape = {
    architecture,
    accelerator: options.accelerator,
    machine: chooseMachine(architecture, options.accelerator),
    cpuModel: chooseCpuModel(architecture, options.accelerator),
    cpus: options.cpus,
    memory: options.memory,
    kernelLine: kernelLine(architecture, options.accelerator, rate),
  };
  const shim = emulator.readOnlyMemory ? undefined : (await prepareMemoryShim(options)).file;
  const processor = options.accelerator === 'tcg' ? undefined : processorIdentity();
  return { image, emulator, shape, jail: findJailTools(options.search), shim, processor };
}

export interface Start {
  mux: Socket;
  fs: Socket;
  console: string;
  /** `write`: the file becomes the snapshot's memory; `copy`: the guest gets a private copy of it */
  memory?: { file: string; use: 'write' | 'copy' };
  /** folder QEMU may write into, shown as `/guest/state` */
  exchange?: string;
  incoming: boolean;
  timeout: number;
}

export function startQemu(plan: Plan, start: Start): Promise<Launched> {
  const passage = (name: string, file: string, writable = false): Passage => ({
    name,
    file,
    writable,
  });
  const kernel = passage('kernel', plan.image.kernel);
  const initrd = passage('initrd', plan.image.initrd);
  const passages = [kernel, initrd];
  const environment: Record<string, string> = {};
  let memory;
  if (start.memory) {
    const { file, use } = start.memory;
    const entry = passage('memory', file, use === 'write');
    passages.push(entry);
    memory = {
      file: insidePath(plan.jail, entry),
      use,
      readOnlyOption: plan.emulator.readOnlyMemory,
    };
    if (use === 'copy' && plan.shim !== undefined) {
      const shim = passage('memory.so', plan.shim);
      passages.push(shim);
      environment.LD_PRELOAD = insidePath(plan.jail, shim);
      environment.AGENT_SANDBOX_MEMORY = memory.file;
    }
  }
  if (start.exchange !== undefined) passages.push(passage('exchange', start.exchange, true));
  const user = jailUser(plan.jail);
  const args = machineArguments({
    shape: plan.shape,
    image: { kernel: insidePath(plan.jail, kernel), initrd: insidePath(plan.jail, initrd) },
    descriptors: DESCRIPTORS,
    memory,
    incoming: start.incoming,
  });
  const command = jailCommand(
    {
      tools: plan.jail,
      emulator: plan.emulator,
      passages,
      devices: plan.shape.accelerator === 'kvm' ? ['/dev/kvm'] : [],
      environment,
      ...(user ? { user } : {}),
      noFiles: start.memory?.use !== 'write',
    },
    [plan.emulator.file, ...args],
  );
  return launch({
    command,
    mux: start.mux,
    fs: start.fs,
    console: start.console,
    timeout: start.timeout,
  });
}
