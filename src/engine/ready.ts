// Makes a machine ready for sessions, step by step, each only where it is missing: packages, kernel, image, accelerator,
// snapshot. Invariant: nothing is installed without consent.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../model/error.ts';
import { type EngineChoice, chooseAccelerator } from './accelerator.ts';
import type { Accelerator, Progress } from './engine.ts';
import { hostArchitecture, prepareImage } from './image.ts';
import {
  type Requirement,
  type InstallOptions,
  installCommand,
  installPackages,
  listRequirements,
  refreshLists,
} from './packages.ts';
import { makePlan } from './plan.ts';
import { prepareSnapshot } from './snapshot.ts';
import { sweepStale } from './sweep.ts';

export interface ReadyOptions {
  cache: string;
  engine: EngineChoice;
  cpus: number;
  memory: number;
  /** `setup` installs all it can use and saves a guest ahead; a start installs what it cannot do without */
  thorough: boolean;
  /** answers whether `packages` may be installed; the command is what would be run */
  consent: (packages: readonly string[], command: string) => Promise<boolean>;
  interactive: boolean;
  env?: Record<string, string>;
  search?: readonly string[];
  guest?: string;
  onProgress?: Progress;
}

export interface Readiness {
  accelerator: Accelerator;
  /** one line for each thing that was done; empty when all was there */
  done: string[];
}

export async function makeReady(options: ReadyOptions): Promise<Readiness> {
  const done: string[] = [];
  const architecture = hostArchitecture();
  const missing = listRequirements({ ...options, architecture }).filter((one) => !one.present);
  const wanted = missing.filter((one) => options.thorough || isNeeded(one, options));
  if (wanted.length > 0) done.push(await install(wanted, options));

  const noted = (line: string): void => {
    done.push(line);
    options.onProgress?.(line);
  };
  sweepStale(options.cache);
  await imageWithLists({ ...options, onProgress: noted });
  const accelerator = await chooseAccelerator(options.engine, { ...options, onProgress: noted });
  if (options.thorough) {
    const plan = await makePlan({ ...options, accelerator, onProgress: noted });
    await prepareSnapshot(options.cache, plan, noted);
  }
  return { accelerator, done };
}

/** A compiler is needed until the init is compiled, and no longer. */
function isNeeded(requirement: Requirement, options: ReadyOptions): boolean {
  if (!requirement.required) return false;
  const isCompiler = requirement.package === 'gcc' || requirement.package === 'libc6-dev';
  return !isCompiler || !existsSync(join(options.cache, 'images'));
}

async function install(wanted: readonly Requirement[], options: ReadyOptions): Promise<string> {
  const packages = wanted.map((one) => one.package);
  const command = installCommand(packages);
  if (!(await options.consent(packages, command))) {
    const list = wanted.map((one) => `${one.package} (${one.purpose})`).join(', ');
    throw new SandboxError({
      kind: 'environment',
      code: 'ENGINE_NOT_READY',
      message: `this machine lacks ${list}`,
      hint: `run \`agent-sandbox setup --yes\`, or by hand: ${command}`,
    });
  }
  await installPackages(packages, installOptions(options));
  return `installed ${packages.join(', ')}`;
}

/** A fresh machine has no package lists: they are fetched when the kernel cannot be found without them. */
async function imageWithLists(options: ReadyOptions): Promise<void> {
  try {
    await prepareImage(options);
  } catch (error) {
    const isListless = error instanceof SandboxError && error.code === 'ENGINE_NO_KERNEL_IN_LISTS';
    if (!isListless || !(await options.consent([], 'apt-get update'))) throw error;
    await refreshLists(installOptions(options));
    await prepareImage(options);
  }
}

function installOptions(options: ReadyOptions): InstallOptions {
  return {
    interactive: options.interactive,
    ...(options.search === undefined ? {} : { search: options.search }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
  };
}
