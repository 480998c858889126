// Starts a rival's VM, lets it do the work, and reads the times it prints.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';

import { chooseCpuModel, kernelLine } from '../src/engine/arguments.ts';
import type { Accelerator } from '../src/engine/engine.ts';
import type { RivalGuest } from './rival-guest.ts';

export type Technology = '9p' | '9p-loose' | 'virtiofs';

export interface RivalRun {
  guest: RivalGuest;
  technology: Technology;
  share: string;
  accelerator: Accelerator;
  cpus: number;
  memoryMib: number;
  clockKilohertz: number | undefined;
}

const VIRTIOFSD = '/usr/lib/qemu/virtiofsd';
/** a guest that prints nothing for so long hangs: emulated ones now and then do while they boot */
const SILENCE_MS = 240_000;
const TRIES = 3;

/** Why a technology cannot run here; undefined when it can. */
export function missingFor(technology: Technology): string | undefined {
  if (process.getuid?.() !== 0) return 'it exports the root of the host, which takes root';
  if (technology === 'virtiofs' && !existsSync(VIRTIOFSD))
    return `there is no ${VIRTIOFSD} (C version, QEMU 7)`;
  return undefined;
}

/** All that the guest printed. */
export async function runRival(run: RivalRun): Promise<string> {
  let output = '';
  for (let attempt = 0; attempt < TRIES; attempt++) {
    output = await runOnce(run);
    if (/^END 0\r?$/m.test(output)) return output;
    // One that hung before it did anything can be tried again; its files are as they were.
    if (/^ROW /m.test(output)) break;
  }
  throw new Error(
    `the ${run.technology} guest did not come to its end: ${output.trim().slice(-500)}`,
  );
}

async function runOnce(run: RivalRun): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'agent-sandbox-bench-'));
  const daemons: ChildProcess[] = [];
  try {
    const devices =
      run.technology === 'virtiofs' ? await startVirtiofs(run, folder, daemons) : nineDevices(run);
    const memory =
      run.technology === 'virtiofs' ? 'memory-backend-memfd,share=on' : 'memory-backend-ram';
    const machine = [
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', 'stdio'],
      ...['-machine', 'q35,memory-backend=memory,vmport=off,sata=off,smbus=off,graphics=off'],
      ...['-object', `${memory},id=memory,size=${run.memoryMib}M`, '-m', `${run.memoryMib}M`],
      ...['-accel', run.accelerator === 'tcg' ? 'tcg,thread=multi' : run.accelerator],
      ...['-cpu', chooseCpuModel('x86_64', run.accelerator), '-smp', String(run.cpus)],
      ...['-kernel', run.guest.kernel, '-initrd', run.guest.initrd, '-append', commandLine(run)],
      ...devices,
    ];
    return await output(
      spawn('qemu-system-x86_64', machine, { stdio: ['ignore', 'pipe', 'pipe'] }),
    );
  } finally {
    for (const daemon of daemons) daemon.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

function commandLine(run: RivalRun): string {
  const tech = run.technology === 'virtiofs' ? 'virtiofs' : '9p';
  // cache=none is what 9p does by itself: coherent with the host; loose is not, and is here for comparison.
  const cache = run.technology === '9p-loose' ? 'cache=loose' : 'cache=none';
  return `${kernelLine('x86_64', run.accelerator, run.clockKilohertz)} bench.tech=${tech} bench.options=${cache}`;
}

function nineDevices(run: RivalRun): string[] {
  return [
    ...['-fsdev', 'local,id=root,path=/,security_model=none,readonly=on,multidevs=remap'],
    ...['-device', 'virtio-9p-pci,fsdev=root,mount_tag=root'],
    ...['-fsdev', `local,id=share,path=${run.share},security_model=passthrough`],
    ...['-device', 'virtio-9p-pci,fsdev=share,mount_tag=share'],
  ];
}

async function startVirtiofs(
  run: RivalRun,
  folder: string,
  daemons: ChildProcess[],
): Promise<string[]> {
  const devices: string[] = [];
  for (const [tag, source, cache] of [
    ['root', '/', 'always'],
    ['share', run.share, 'auto'],
  ] as const) {
    const socket = join(folder, `${tag}.sock`);
    const daemon = spawn(
      VIRTIOFSD,
      [
        '-f',
        `--socket-path=${socket}`,
        // It keeps a descriptor for each file the guest knows.
        '--rlimit-nofile=1000000',
        '-o',
        `source=${source}`,
        '-o',
        `cache=${cache}`,
        '-o',
        'sandbox=chroot',
      ],
      {
        stdio: ['ignore', 'ignore', 'ignore'],
      },
    );
    daemons.push(daemon);
    for (let wait = 0; !existsSync(socket); wait++) {
      if (daemon.exitCode !== null || wait > 500) throw new Error('virtiofsd did not start');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    devices.push(
      '-chardev',
      `socket,id=${tag},path=${socket}`,
      '-device',
      `vhost-user-fs-pci,chardev=${tag},tag=${tag},queue-size=1024`,
    );
  }
  return devices;
}

async function output(qemu: ChildProcess): Promise<string> {
  const chunks: Buffer[] = [];
  const silence = setTimeout(() => qemu.kill('SIGKILL'), SILENCE_MS);
  const take = (chunk: Buffer): void => {
    chunks.push(chunk);
    silence.refresh();
  };
  qemu.stdout?.on('data', take);
  qemu.stderr?.on('data', take);
  await once(qemu, 'close');
  clearTimeout(silence);
  return Buffer.concat(chunks).toString();
}
