// Saves a booted guest once and hands it out to each session. A snapshot is a folder of three files: `memory` (the guest's
// RAM, mapped privately by each session), `state` (QEMU's devices), `manifest.json` (sizes, hashes, the guest's greeting).
// Invariants: a snapshot holds no session's data; it is complete and untouched, or it is built again.

import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { type Server, type Socket, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SandboxError, messageOf } from '../model/error.ts';
import type { Progress } from './engine.ts';
import { type Sealed, checkSeal, fingerprintOf, hashBytes, sealFile } from './fingerprint.ts';
import { openConnection, type Launched } from './launch.ts';
import { withLock } from './lock.ts';
import { type Plan, startQemu } from './plan.ts';
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

const LAYOUT = 'snapshot 1';
const BOOT_LIMIT = 120_000;
const SAVE_LIMIT = 60_000;
const LONGEST_STATE = 256 * 1024 * 1024;
const LONGEST_GREETING = 64 * 1024;
/** The guest is saved once it has been silent this long after its greeting: it waits for orders then. */
const SETTLED = 100;

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
  const found = await checkSeal(memory, manifest.memory);
  if (found === 'broken') return undefined;
  if (found === 'moved') {
    writeManifest(folder, { ...manifest, memory: await sealFile(memory) });
  }
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
  const exchange = mkdtempSync(join(tmpdir(), 'agent-sandbox-build-'));
  try {
    const memory = join(staged, 'memory');
    writeFileSync(memory, '', { mode: 0o600 });
    truncateSync(memory, plan.shape.memory);
    // The jailed QEMU may run as another user; the folders around are closed to everybody but us.
    chmodSync(memory, 0o666);
    const saved = await saveGuest(plan, memory, exchange, staged);
    chmodSync(memory, 0o444);
    writeFileSync(join(staged, 'state'), saved.state, { mode: 0o400 });
    flush(memory);
    flush(join(staged, 'state'));
    rmSync(join(staged, 'console.log'), { force: true });
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
    rmSync(exchange, { recursive: true, force: true });
  }
}

async function saveGuest(
  plan: Plan,
  memory: string,
  exchange: string,
  staged: string,
): Promise<{ state: Buffer; greeting: Buffer }> {
  const inside = join(exchange, 'inside');
  mkdirSync(inside);
  chmodSync(inside, 0o755);
  const mux = await listen(join(exchange, 'mux'));
  const fs = await listen(join(exchange, 'fs'));
  const save = await listen(join(inside, 'save'));
  chmodSync(join(inside, 'save'), 0o666);
  const connections = [await openConnection(mux.path), await openConnection(fs.path)] as const;
  let qemu: Launched | undefined;
  try {
    qemu = await startQemu(plan, {
      mux: connections[0],
      fs: connections[1],
      console: join(staged, 'console.log'),
      memory: { file: memory, use: 'write' },
      exchange: inside,
      incoming: false,
      timeout: 20_000,
    });
    for (const connection of connections) connection.destroy();
    const greeting = await hearGreeting(await mux.accepted, qemu, join(staged, 'console.log'));
    const state = await saveState(qemu, save, plan);
    return { state, greeting };
  } finally {
    await qemu?.kill();
    for (const server of [mux, fs, save]) server.close();
  }
}

async function saveState(qemu: Launched, save: Listening, plan: Plan): Promise<Buffer> {
  const { qmp } = qemu;
  const path = plan.jail.kind === 'bubblewrap' ? '/guest/exchange/save' : save.path;
  await qmp.execute('migrate-set-capabilities', {
    capabilities: [{ capability: 'x-ignore-shared', state: true }],
  });
  await qmp.execute('migrate-set-parameters', { 'max-bandwidth': 16 * 1024 * 1024 * 1024 });
  await qmp.execute('stop');
  await qmp.execute('migrate', { uri: `unix:${path}` });
  const state = await collect(await save.accepted, SAVE_LIMIT);
  const status = (await qmp.execute('query-migrate')) as { status?: string; 'error-desc'?: string };
  if (status.status !== 'completed')
    throw failed(
      `QEMU did not save the guest: ${status['error-desc'] ?? status.status ?? 'no reason given'}`,
    );
  return state;
}

/** Resolves with all the guest said once it said something and then fell silent. */
function hearGreeting(mux: Socket, qemu: Launched, consoleFile: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let settled: NodeJS.Timeout | undefined;
    const fail = (what: string): void => {
      clearTimeout(limit);
      clearTimeout(settled);
      const last = lastLines(consoleFile);
      reject(failed(`the guest ${what}${last === '' ? '' : `; its console ends with: ${last}`}`));
    };
    const limit = setTimeout(() => fail(`was not ready within ${BOOT_LIMIT / 1000} s`), BOOT_LIMIT);
    mux.on('data', (chunk: Buffer) => {
      parts.push(chunk);
      if (Buffer.concat(parts).length > LONGEST_GREETING) return fail('greeted without end');
      clearTimeout(settled);
      settled = setTimeout(() => {
        clearTimeout(limit);
        resolve(Buffer.concat(parts));
      }, SETTLED);
    });
    mux.on('error', (error) => fail(`broke its connection: ${messageOf(error)}`));
    void qemu.exited.then((exit) => fail(`ended before it was ready (${exit.message})`));
  });
}

function lastLines(file: string): string {
  try {
    return readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .slice(-3)
      .join(' | ')
      .replace(/[^\x20-\x7e]/g, ' ')
      .slice(-400);
  } catch {
    return ''; // it never wrote one
  }
}

function collect(stream: Socket, timeout: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    const timer = setTimeout(() => reject(failed('QEMU did not finish saving the guest')), timeout);
    stream.on('data', (chunk: Buffer) => {
      parts.push(chunk);
      length += chunk.length;
      if (length > LONGEST_STATE) reject(failed('QEMU saved more than fits'));
    });
    stream.on('error', reject);
    stream.on('end', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(parts));
    });
  });
}

interface Listening {
  path: string;
  accepted: Promise<Socket>;
  close(): void;
}

function listen(path: string): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const sockets: Socket[] = [];
    let taken: (socket: Socket) => void = () => undefined;
    const accepted = new Promise<Socket>((done) => (taken = done));
    const server: Server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined); // told by whoever reads it
      taken(socket);
    });
    server.on('error', reject);
    server.listen(path, () => {
      const close = (): void => {
        server.close();
        for (const socket of sockets) socket.destroy();
      };
      resolve({ path, accepted, close });
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
