// Saves a booted guest once and hands it out to each session. A snapshot is a folder of three files: `memory` (the guest's
// RAM, mapped privately by each session), `state` (QEMU's devices), `manifest.json` (sizes, hashes, the guest's greeting).
// Invariants: a snapshot holds no session's data; it is complete and untouched, or it is built again.

import {
  chmodSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../model/error.ts';
import { type BootedGuest, withBootedGuest } from './boot.ts';
import type { Progress } from './engine.ts';
import { type Sealed, checkSeal, fingerprintOf, hashBytes, sealFile } from './fingerprint.ts';
import { exchangePath } from './jail.ts';
import { collect } from './listening.ts';
import { withLock } from './lock.ts';
import type { Plan } from './plan.ts';
import { forgetWindowAddress } from './saved-window.ts';
import { discardFolder, placeFolder, readManifest, stageFolder, writeManifest } from './store.ts';

export interface Snapshot {
  folder: string;
  memory: string;
  state: Buffer;
  /** what the guest wrote on `mux` before it was saved */
  greeting: Buffer;
}

interface Manifest {
  version: 1;
  memory: Sealed;
  state: { size: number; sha256: string };
  greeting: string;
}

const LAYOUT = 'snapshot 2';
const BOOT_LIMIT = 120_000;
const SAVE_LIMIT = 60_000;
const LONGEST_STATE = 256 * 1024 * 1024;

export function snapshotKey(plan: Plan): string {
  const { emulator, shape } = plan;
  const qemu = [
    emulator.file,
    emulator.version,
    emulator.fingerprint.size,
    emulator.fingerprint.modified,
  ];
  const parts = [LAYOUT, plan.image.key, ...qemu, plan.processor ?? '', JSON.stringify(shape)];
  return hashBytes(Buffer.from(parts.join('\n'))).slice(0, 24);
}

export function snapshotFolder(cache: string, plan: Plan): string {
  return join(cache, 'snapshots', snapshotKey(plan));
}

/** The snapshot for this plan, if it is there and whole. */
export async function openSnapshot(folder: string, plan: Plan): Promise<Snapshot | undefined> {
  const manifest = parseManifest(readManifest(folder));
  if (!manifest || Number(manifest.memory.fingerprint.size) !== plan.shape.memory) return undefined;
  const memory = join(folder, 'memory');
  const sealed = await checkSeal(memory, manifest.memory);
  if (!sealed) return undefined;
  if (sealed !== manifest.memory) writeManifest(folder, { ...manifest, memory: sealed });
  const state = readState(join(folder, 'state'), manifest);
  if (!state) return undefined;
  touch(folder);
  return { folder, memory, state, greeting: Buffer.from(manifest.greeting, 'base64') };
}

/** The snapshot for this plan, built now where it is missing or broken. */
export async function prepareSnapshot(
  cache: string,
  plan: Plan,
  onProgress?: Progress,
): Promise<Snapshot> {
  const folder = snapshotFolder(cache, plan);
  const ready = await openSnapshot(folder, plan);
  if (ready) return ready;
  return withLock(
    `${folder}.lock`,
    () => onProgress?.('waiting for another process that saves the same guest'),
    async () => {
      const meanwhile = await openSnapshot(folder, plan);
      if (meanwhile) return meanwhile;
      onProgress?.('booting a guest once and saving it');
      await buildSnapshot(folder, plan);
      const built = await openSnapshot(folder, plan);
      if (!built) throw failed('the saved guest is not what was just written');
      return built;
    },
  );
}

export function discardSnapshot(snapshot: Snapshot): void {
  discardFolder(snapshot.folder);
}

function readState(file: string, manifest: Manifest): Buffer | undefined {
  // Read whole and checked here; QEMU is handed these bytes, not the file.
  if (fingerprintOf(file)?.size !== String(manifest.state.size)) return undefined;
  const state = readFileSync(file);
  return hashBytes(state) === manifest.state.sha256 ? state : undefined;
}

async function buildSnapshot(folder: string, plan: Plan): Promise<void> {
  const staged = stageFolder(folder);
  try {
    const memory = join(staged, 'memory');
    writeFileSync(memory, '', { mode: 0o600 });
    truncateSync(memory, plan.shape.memory);
    // The jailed QEMU may run as another user; the folders around are closed to everybody but us.
    chmodSync(memory, 0o666);
    const saved = await withBootedGuest(plan, { memory, limit: BOOT_LIMIT }, async (guest) => ({
      greeting: guest.greeting,
      state: await saveState(guest, plan),
    }));
    chmodSync(memory, 0o444);
    writeFileSync(join(staged, 'state'), saved.state, { mode: 0o400 });
    // On disk before the manifest says so: a power cut must not leave empty pages under a good manifest.
    flush(memory);
    flush(join(staged, 'state'));
    const manifest: Manifest = {
      version: 1,
      memory: await sealFile(memory),
      state: { size: saved.state.length, sha256: hashBytes(saved.state) },
      greeting: saved.greeting.toString('base64'),
    };
    writeManifest(staged, manifest);
    placeFolder(staged, folder);
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}

/** Guest memory is in its file already; what is left are the devices, a few hundred kilobytes. */
async function saveState(guest: BootedGuest, plan: Plan): Promise<Buffer> {
  const { qmp } = guest.qemu;
  const capabilities = [{ capability: 'x-ignore-shared', state: true }];
  await qmp.execute('migrate-set-capabilities', { capabilities });
  await qmp.execute('migrate-set-parameters', { 'max-bandwidth': 16 * 1024 ** 3 });
  await qmp.execute('stop');
  await qmp.execute('migrate', { uri: `unix:${exchangePath(plan.jail, guest.exchange.path)}` });
  const state = await collect(await soon(guest.exchange.accepted), {
    bytes: LONGEST_STATE,
    milliseconds: SAVE_LIMIT,
  });
  const answer = (await qmp.execute('query-migrate')) as {
    status?: string;
    'error-desc'?: string;
  };
  if (answer.status !== 'completed') {
    throw failed(
      `QEMU did not save the guest: ${answer['error-desc'] ?? answer.status ?? 'no reason given'}`,
    );
  }
  if (plan.shape.window > 0) forgetWindowAddress(state, plan.shape.window);
  return state;
}

function soon<T>(promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(failed('QEMU did not begin to save the guest')),
      SAVE_LIMIT,
    );
    void promise.then((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}

function touch(folder: string): void {
  const now = new Date();
  try {
    utimesSync(join(folder, 'manifest.json'), now, now);
  } catch {
    // pruned this moment: QEMU holds what it needs, or fails and it is built again
  }
}

function flush(file: string): void {
  const descriptor = openSync(file, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function failed(message: string): SandboxError {
  return new SandboxError({
    kind: 'environment',
    code: 'ENGINE_SNAPSHOT',
    message,
    hint: 'run `agent-sandbox doctor`',
  });
}

function parseManifest(value: unknown): Manifest | undefined {
  const manifest = value as Manifest | undefined;
  if (manifest?.version !== 1 || typeof manifest.greeting !== 'string') return undefined;
  const sound =
    typeof manifest.memory?.sha256 === 'string' && typeof manifest.state?.sha256 === 'string';
  return sound && typeof manifest.memory.fingerprint?.size === 'string' ? manifest : undefined;
}
