// Facts of this machine that decide how a guest is built: processor, kernel, clock.

import { closeSync, openSync, readFileSync, readSync, renameSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { type CompileOptions, prepareClock } from './compile.ts';
import { hashBytes } from './fingerprint.ts';
import { withLock } from './lock.ts';
import { runProgram } from './program.ts';

/** Model and feature flags of the processor: a state saved with `-cpu host` fits no other. */
export function processorIdentity(): string {
  if (process.platform !== 'linux') return cpus()[0]?.model ?? 'unknown';
  const text = firstBytes('/proc/cpuinfo', 16 * 1024);
  const model = /^(?:model name|CPU part)\s*: (.*)$/m.exec(text)?.[1] ?? 'unknown';
  const flags = /^(?:flags|Features)\s*: (.*)$/m.exec(text)?.[1] ?? '';
  return `${model} ${hashBytes(Buffer.from(flags)).slice(0, 16)}`;
}

/** The first processor stands for all: the file has thousands of lines on a large machine. */
function firstBytes(file: string, length: number): string {
  const descriptor = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(length);
    return buffer.toString('latin1', 0, readSync(descriptor, buffer, 0, length, 0));
  } finally {
    closeSync(descriptor);
  }
}

export function kernelIdentity(): string {
  return `${process.platform} ${release()}`;
}

interface ClockRecord {
  processor: string;
  kilohertz: number;
}

/** Rate of the time stamp counter, measured once per processor; undefined where there is none. */
export async function clockRate(options: CompileOptions): Promise<number | undefined> {
  if (process.arch !== 'x64' || process.platform !== 'linux') return undefined;
  const record = join(options.cache, 'clock.json');
  const processor = processorIdentity();
  const known = readRecord(record);
  if (known?.processor === processor) return known.kilohertz;
  // The rate is part of a snapshot's key: two processes that each measured their own would each build their own.
  return withLock(
    `${record}.lock`,
    () => undefined,
    async () => {
      const meanwhile = readRecord(record);
      if (meanwhile?.processor === processor) return meanwhile.kilohertz;
      const kilohertz = await measure(options);
      if (kilohertz === undefined) return undefined;
      const draft = `${record}.${process.pid}`;
      writeFileSync(draft, JSON.stringify({ processor, kilohertz }), { mode: 0o600 });
      renameSync(draft, record);
      return kilohertz;
    },
  );
}

async function measure(options: CompileOptions): Promise<number | undefined> {
  const clock = await prepareClock(options);
  const result = await runProgram(clock.file, [], { timeout: 10_000 });
  const kilohertz = Number(result.stdout.toString().trim());
  const isSound = result.code === 0 && Number.isInteger(kilohertz) && kilohertz >= 100_000;
  return isSound ? kilohertz : undefined;
}

function readRecord(file: string): ClockRecord | undefined {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as ClockRecord;
    return Number.isInteger(value.kilohertz) ? value : undefined;
  } catch {
    return undefined; // never measured
  }
}
