// One guest from the call of QEMU to the first instruction of a command in it, restored or booted cold.

import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Accelerator } from '../src/engine/engine.ts';
import { startMachine } from '../src/engine/machine.ts';
import { startFilesystem } from '../src/enforce/filesystem/server.ts';
import { connectGuest } from '../src/guest/link.ts';
import { openLog } from '../src/log/writer.ts';
import type { EffectivePolicy } from '../src/model/policy.ts';
import { guestUser } from '../src/session/guest-user.ts';
import { sharesOf } from '../src/session/shares.ts';
import { listenOnce } from '../src/session/sockets.ts';

export interface GuestStart {
  /** milliseconds from the call of QEMU to the first instruction of the command */
  firstInstruction: number;
  restored: boolean;
}

export async function timeGuestStart(options: {
  policy: EffectivePolicy;
  accelerator: Accelerator;
  cache: string;
  cold: boolean;
}): Promise<GuestStart> {
  const { policy } = options;
  const folder = mkdtempSync(join(tmpdir(), 'asb-'));
  const sessionDirectory = join(folder, 'session');
  mkdirSync(sessionDirectory);
  const fail = (reason: string): never => {
    throw new Error(reason);
  };
  const log = openLog({
    file: join(sessionDirectory, 'decisions.jsonl'),
    context: {
      session: 'bench',
      actor: { login: 'bench', assurance: 'os-user' },
      policyDigest: policy.digest,
      isolation: 'emulated',
    },
  });
  const user = guestUser(policy.workspace, policy.home, process.env);
  const sockets = { directory: folder, mux: join(folder, 'mux.sock'), fs: join(folder, 'fs.sock') };
  const mux = await listenOnce(sockets.mux);
  const filesystem = await startFilesystem({
    socket: sockets.fs,
    policy,
    log: log.share(),
    sessionDirectory,
    uidMap: user.uidMap,
    onFault: () => undefined,
    onLost: () => undefined,
  });
  const called = performance.now();
  const machine = await startMachine({
    cpus: policy.limits.cpus,
    memory: policy.limits.memory,
    accelerator: options.accelerator,
    sockets,
    cache: options.cache,
    console: join(folder, 'console.log'),
    cold: options.cold,
  });
  try {
    const link = connectGuest(await mux.connection, {
      onConnect: (_destination, stream) => stream.destroy(),
      onDatagrams: (_to, stream) => stream.destroy(),
      onDns: () => Promise.reject(new Error('there are no names in this guest')),
      onSession: (stream) => stream.destroy(),
      onFault: () => undefined,
    });
    await link.start({
      entropy: randomBytes(64),
      time: BigInt(Date.now()) * 1_000_000n,
      hostname: 'sandbox',
      user: user.identity,
      rootAllowed: false,
      processes: policy.limits.processes,
      shares: sharesOf(policy),
    });
    const child = await link.exec({
      argv: ['/bin/true'],
      env: [],
      cwd: policy.workspace,
      user: 'agent',
    });
    child.stdout.resume();
    child.stderr.resume();
    const started = await child.started;
    const now = performance.now();
    if (started === undefined) fail('the command did not start in the guest');
    await child.exited;
    link.close();
    return { firstInstruction: now - called - machine.timings.spawned, restored: machine.restored };
  } finally {
    await machine.kill();
    await filesystem.close();
    mux.close();
    log.end({ type: 'session.end' });
    rmSync(folder, { recursive: true, force: true });
  }
}
