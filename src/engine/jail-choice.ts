// Which jail this machine allows: each kind is tried by running QEMU in it, the strongest that works is remembered.

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../model/error.ts';
import type { Emulator } from './emulator.ts';
import { fingerprintOf, hashBytes } from './fingerprint.ts';
import { kernelIdentity } from './host.ts';
import { type JailTools, jailCommand } from './jail.ts';
import { findProgram, runProgram } from './program.ts';
import { openCache } from './store.ts';

export interface JailChoiceOptions {
  cache: string;
  emulator: Emulator;
  search?: readonly string[];
  /** ask anew, whatever is remembered */
  fresh?: boolean;
}

interface Verdict {
  key: string;
  tools: JailTools;
}

const TRIAL_LIMIT = 20_000;

/** Where a distribution forbids namespaces to ordinary users. */
const RESTRICTIONS: readonly string[] = [
  '/proc/sys/kernel/apparmor_restrict_unprivileged_userns',
  '/proc/sys/kernel/unprivileged_userns_clone',
  '/proc/sys/user/max_user_namespaces',
];

export async function chooseJail(options: JailChoiceOptions): Promise<JailTools> {
  const found = installedTools(options.search);
  const key = keyOf(found, options.emulator);
  const record = join(options.cache, `jail-${process.getuid?.() ?? 0}.json`);
  const known = options.fresh === true ? undefined : readVerdict(record);
  if (known?.key === key) return known.tools;
  const tools = await tryKinds(found, options.emulator);
  openCache(options.cache);
  writeFileSync(`${record}.${process.pid}`, JSON.stringify({ key, tools }), { mode: 0o600 });
  renameSync(`${record}.${process.pid}`, record);
  return tools;
}

/** After a jail that worked once failed: the next start tries all kinds again. */
export function forgetJail(cache: string): void {
  rmSync(join(cache, `jail-${process.getuid?.() ?? 0}.json`), { force: true });
}

async function tryKinds(found: Omit<JailTools, 'kind'>, emulator: Emulator): Promise<JailTools> {
  const failures: string[] = [];
  for (const kind of ['bubblewrap', 'unshare'] as const) {
    if (found[kind] === undefined) {
      failures.push(`${kind} is not installed`);
      continue;
    }
    const failure = await tryJail({ ...found, kind }, emulator);
    if (failure === undefined) return withNotice({ ...found, kind }, failures);
    failures.push(`${kind} does not work here (${failure})`);
  }
  const alone: JailTools = { ...found, kind: 'seccomp' };
  const failure = await tryJail(alone, emulator);
  if (failure === undefined || alone.setpriv === undefined) return withNotice(alone, failures);
  // A container may take even the right to give rights up.
  failures.push(`setpriv does not work here (${failure})`);
  delete alone.setpriv;
  return withNotice(alone, failures);
}

async function tryJail(tools: JailTools, emulator: Emulator): Promise<string | undefined> {
  const options = { tools, emulator, passages: [], devices: [], environment: {}, noFiles: true };
  const [program, ...args] = jailCommand(options, [emulator.file, '--version']);
  try {
    const result = await runProgram(program ?? '', args, { timeout: TRIAL_LIMIT });
    if (result.code === 0) return undefined;
    return result.stderr.trim().split('\n').at(-1) ?? `exit code ${result.code}`;
  } catch (error) {
    return messageOf(error);
  }
}

function withNotice(tools: JailTools, failures: readonly string[]): JailTools {
  if (failures.length === 0) return tools;
  const rest =
    tools.kind === 'seccomp'
      ? 'QEMU is confined by its seccomp filter alone'
      : 'QEMU has no network and sees no other process, but it sees the files of its user';
  return { ...tools, notice: `${failures.join('; ')}: ${rest}` };
}

function installedTools(search?: readonly string[]): Omit<JailTools, 'kind'> {
  const places = {
    bubblewrap: findProgram('bwrap', search),
    unshare: findProgram('unshare', search),
    setpriv: findProgram('setpriv', search),
    environment: findProgram('env', search),
  };
  const found: Omit<JailTools, 'kind'> = { shell: '/bin/sh' };
  for (const name of ['bubblewrap', 'unshare', 'setpriv', 'environment'] as const) {
    const file = places[name];
    if (file !== undefined) found[name] = file;
  }
  return found;
}

function keyOf(found: Omit<JailTools, 'kind'>, emulator: Emulator): string {
  const programs = [found.bubblewrap, found.unshare, found.setpriv].map((file) => {
    return file === undefined ? 'none' : JSON.stringify(fingerprintOf(file) ?? file);
  });
  const restrictions = RESTRICTIONS.map((file) => {
    try {
      return readFileSync(file, 'utf8').trim();
    } catch {
      return ''; // this kernel has no such switch
    }
  });
  const parts = [
    kernelIdentity(),
    JSON.stringify(emulator.fingerprint),
    ...programs,
    ...restrictions,
  ];
  return hashBytes(Buffer.from(parts.join('\n'))).slice(0, 24);
}

function readVerdict(record: string): Verdict | undefined {
  try {
    const value = JSON.parse(readFileSync(record, 'utf8')) as Verdict;
    return typeof value.tools?.kind === 'string' ? value : undefined;
  } catch {
    return undefined; // never tried
  }
}
