// QEMU's control protocol: one JSON object a line, requests answered in order, events in between.
// Invariant: what QEMU sends is held to a line length and every command to a time; a QEMU that misbehaves is an error here,
// never a hang. (QEMU runs guest code's devices, so it counts as hostile once it has been taken over.)

import type { Duplex } from 'node:stream';
import { SandboxError } from '../model/error.ts';

export interface QmpEvent {
  name: string;
  data: Record<string, unknown>;
}

export interface Qmp {
  /** `undefined` arguments are left out of the message */
  execute(command: string, args?: Record<string, unknown>, timeout?: number): Promise<unknown>;
  onEvent(listener: (event: QmpEvent) => void): void;
  close(): void;
}

const LONGEST_LINE = 1024 * 1024;
const DEFAULT_TIMEOUT = 10_000;

interface Waiting {
  command: string;
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

/** Shakes hands on `stream`; resolves when QEMU takes commands. */
export async function openQmp(stream: Duplex, timeout: number): Promise<Qmp> {
  const waiting: Waiting[] = [];
  const listeners: ((event: QmpEvent) => void)[] = [];
  let failed: SandboxError | undefined;
  let greeted: (() => void) | undefined;
  const greeting = new Promise<void>((resolve) => (greeted = resolve));

  const fail = (message: string): void => {
    failed ??= new SandboxError({ kind: 'environment', code: 'ENGINE_QMP', message });
    for (const one of waiting.splice(0)) {
      clearTimeout(one.timer);
      one.reject(failed);
    }
    greeted?.();
    stream.destroy();
  };

  const take = (line: string): void => {
    const message = parseMessage(line);
    if (!message) fail('QEMU sent something that is not its control protocol');
    else if ('QMP' in message) greeted?.();
    else if (typeof message.event === 'string') {
      const event = { name: message.event, data: record(message.data) };
      for (const listener of listeners) listener(event);
    } else {
      const first = waiting.shift();
      if (!first) return fail('QEMU answered a command nobody gave');
      clearTimeout(first.timer);
      if ('return' in message) first.resolve(message.return);
      else first.reject(refused(first.command, record(message.error)));
    }
  };

  readLines(stream, take, fail);
  stream.on('error', (error) => fail(`the control connection to QEMU broke: ${error.message}`));
  stream.on('close', () => fail('QEMU closed its control connection'));

  const execute = (
    command: string,
    args?: Record<string, unknown>,
    limit = DEFAULT_TIMEOUT,
  ): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (failed) return reject(failed);
      const timer = setTimeout(
        () => fail(`QEMU did not answer ${command} within ${limit / 1000} s`),
        limit,
      );
      waiting.push({ command, resolve, reject, timer });
      stream.write(
        `${JSON.stringify({ execute: command, ...(args ? { arguments: args } : {}) })}\n`,
      );
    });

  const timer = setTimeout(() => fail(`QEMU said nothing within ${timeout / 1000} s`), timeout);
  await greeting;
  clearTimeout(timer);
  await execute('qmp_capabilities', undefined, timeout);
  return {
    execute,
    onEvent: (listener) => listeners.push(listener),
    close: () => fail('the control connection was closed'),
  };
}

function readLines(
  stream: Duplex,
  take: (line: string) => void,
  fail: (message: string) => void,
): void {
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') take(line);
    if (rest.length > LONGEST_LINE) fail('QEMU sent a line without end');
  });
}

function parseMessage(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? record(value)
      : undefined;
  } catch {
    return undefined; // the caller names the fault
  }
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function refused(command: string, error: Record<string, unknown>): SandboxError {
  const text = typeof error.desc === 'string' ? error.desc : 'no reason given';
  return new SandboxError({
    kind: 'environment',
    code: 'ENGINE_QMP',
    message: `QEMU refused ${command}: ${text}`,
  });
}
