// Starts a machine: from a snapshot where it can, from a cold boot where it must, and says which.

import type { Socket } from 'node:net';
import { messageOf } from '../model/error.ts';
import type { Machine, MachineOptions } from './engine.ts';
import { describeJail } from './jail.ts';
import { forgetJail } from './jail-choice.ts';
import { DESCRIPTORS, openConnection } from './launch.ts';
import { type Plan, type Start, type StartedQemu, devicesOf, makePlan, startQemu } from './plan.ts';
import { type WindowFile, createWindowFile } from './window.ts';
import { type Snapshot, discardSnapshot, prepareSnapshot } from './snapshot.ts';

const CONTROL_LIMIT = 20_000;
const RESTORE_LIMIT = 20_000;

/**
 * The caller listens on both sockets before the call. Each gets one connection, whose other end QEMU holds; the first
 * thing read from `mux` is the guest's greeting, whether the guest has just booted or was restored.
 * To be called on the main thread: QEMU dies with the thread that started it.
 */
export async function startMachine(options: MachineOptions): Promise<Machine> {
  const begun = performance.now();
  const plan = await makePlan(options);
  const mux = await openConnection(options.sockets.mux);
  const fs = await openConnection(options.sockets.fs);
  try {
    return await start(options, plan, { mux, fs }, begun);
  } catch (error) {
    // A jail that worked before may have been forbidden since: the next start tries all kinds again.
    if (/\b(bwrap|unshare|setpriv): /.test(messageOf(error))) forgetJail(options.cache);
    throw error;
  } finally {
    // QEMU holds its own ends by now; these are ours.
    mux.destroy();
    fs.destroy();
  }
}

interface Connections {
  mux: Socket;
  fs: Socket;
}

async function start(
  options: MachineOptions,
  plan: Plan,
  connections: Connections,
  begun: number,
): Promise<Machine> {
  const notices: string[] = [];
  if (plan.jail.notice !== undefined) notices.push(plan.jail.notice);
  if (options.cold !== true) {
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      let snapshot: Snapshot | undefined;
      try {
        snapshot = await prepareSnapshot(options.cache, plan, options.onProgress);
        return await restore(options, plan, connections, snapshot, notices, begun);
      } catch (error) {
        notices.push(`the saved guest could not be used (${messageOf(error)})`);
        options.onProgress?.(notices.at(-1) ?? '');
        if (!snapshot) break; // it cannot be built; a second try would fail the same way
        discardSnapshot(snapshot);
      }
    }
    notices.push('the guest is booted instead, which takes seconds');
    options.onProgress?.(notices.at(-1) ?? '');
  }
  return boot(options, plan, connections, notices, begun);
}

async function restore(
  options: MachineOptions,
  plan: Plan,
  connections: Connections,
  snapshot: Snapshot,
  notices: string[],
  begun: number,
): Promise<Machine> {
  const spawned = performance.now() - begun;
  const { qemu, window } = await startWithWindow(plan, {
    ...connections,
    console: options.console,
    memory: { file: snapshot.memory, use: 'copy' },
    incoming: true,
    timeout: CONTROL_LIMIT,
  });
  const control = performance.now() - begun;
  try {
    await loadState(qemu, snapshot);
    await new Promise<void>((resolve) => connections.mux.write(snapshot.greeting, () => resolve()));
  } catch (error) {
    await qemu.kill();
    window?.close();
    const { message } = await qemu.exited;
    throw message === '' ? error : new Error(`${messageOf(error)}: ${message}`, { cause: error });
  }
  const timings = { spawned, control, running: performance.now() - begun };
  return machine(options, plan, qemu, { restored: true, timings, notices, window });
}

/** All orders are sent at once: QEMU carries them out in turn, and each waiting would cost a round trip. */
async function loadState(qemu: StartedQemu, snapshot: Snapshot): Promise<void> {
  const { qmp } = qemu;
  const loaded = new Promise<void>((resolve, reject) => {
    qmp.onEvent((event) => {
      if (event.name !== 'MIGRATION') return;
      if (event.data.status === 'completed') resolve();
      if (event.data.status === 'failed') reject(new Error('QEMU could not load the saved state'));
    });
    void qemu.exited.then(() => reject(new Error('QEMU ended while it loaded the saved state')));
  });
  const late = setTimeout(() => void qemu.kill().catch(() => undefined), RESTORE_LIMIT);
  const capabilities = ['x-ignore-shared', 'events'].map((capability) => ({
    capability,
    state: true,
  }));
  qemu.state.end(snapshot.state);
  try {
    await Promise.all([
      qmp.execute('migrate-set-capabilities', { capabilities }),
      qmp.execute('migrate-incoming', { uri: `fd:${DESCRIPTORS.state}` }),
      loaded,
    ]);
    await qmp.execute('cont');
  } finally {
    clearTimeout(late);
  }
}

async function boot(
  options: MachineOptions,
  plan: Plan,
  connections: Connections,
  notices: string[],
  begun: number,
): Promise<Machine> {
  const spawned = performance.now() - begun;
  const { qemu, window } = await startWithWindow(plan, {
    ...connections,
    console: options.console,
    incoming: false,
    timeout: CONTROL_LIMIT,
  });
  const control = performance.now() - begun;
  return machine(options, plan, qemu, {
    restored: false,
    timings: { spawned, control, running: control },
    notices,
    window,
  });
}

/** Each start has a window of its own: what an earlier try left in one is not met again. */
async function startWithWindow(
  plan: Plan,
  start: Omit<Start, 'window'>,
): Promise<{ qemu: StartedQemu; window: WindowFile | undefined }> {
  const window = createWindowFile(plan.shape.window);
  try {
    const qemu = await startQemu(plan, { ...start, window: window?.file });
    window?.hide();
    return { qemu, window };
  } catch (error) {
    window?.close();
    throw error;
  }
}

function machine(
  options: MachineOptions,
  plan: Plan,
  qemu: StartedQemu,
  facts: Pick<Machine, 'restored' | 'timings' | 'notices' | 'window'>,
): Machine {
  return {
    pid: qemu.pid,
    accelerator: options.accelerator,
    isolation: options.accelerator === 'tcg' ? 'emulated' : 'hardware',
    jail: describeJail(plan.jail, devicesOf(plan), qemu.controlGroup),
    ...facts,
    exited: qemu.exited,
    kill: qemu.kill,
  };
}
