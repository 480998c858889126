// Starts and ends the thread that serves files. Invariant: whatever ends that thread before it was told to is a fault, and a
// fault ends the session.

import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { SharedLog } from '../../log/shared.ts';
import { messageOf, SandboxError } from '../../model/error.ts';
import type { Agent } from '../../model/identity.ts';
import type { EffectivePolicy } from '../../model/policy.ts';
import { createCounters } from '../tally.ts';
import type { FilesystemCounts } from './filesystem.ts';
import type { UidMap } from './ownership.ts';
import type { WorkerCommand, WorkerMessage, WorkerStart } from './worker.ts';

/** A thread that is up, or soon is, and serves nothing yet. */
export interface FilesystemThread {
  worker: Worker;
  /** rejects when the thread ends, whatever the reason; handled already */
  ended: Promise<never>;
}

export interface FilesystemServerOptions {
  /** made ahead while other work was done; one is made when absent */
  thread?: FilesystemThread;
  /** path of the unix socket to listen on; one connection is taken */
  socket: string;
  policy: EffectivePolicy;
  log: SharedLog;
  /** session directory; the private copy is kept in it */
  sessionDirectory: string;
  uidMap: UidMap;
  agent?: Agent;
  /** tally of all points of the session */
  counters?: SharedArrayBuffer;
  /**
   * the guest hands notifications (unique 0) to its kernel in a thread of their own, so that no reply waits behind one; it
   * may then remember names for long, and is told what the host changes
   */
  notifications?: boolean;
  /** the session must end */
  onFault: (reason: string) => void;
  /** the connection to the machine broke: most likely the machine is gone; the session must end */
  onLost: (reason: string) => void;
  /** the limit of denials is reached */
  onDenialLimit?: (denials: number) => void;
}

export interface FilesystemServer {
  /** The guest is set up; from here on denials are the agent's and are recorded. */
  begin(): void;
  /** The machine has a window, with this descriptor; to be said before the guest is told to start. */
  useWindow(descriptor: number): void;
  counters(): Promise<FilesystemCounts>;
  /** Ends the thread once its records are written. */
  close(): Promise<void>;
}

const YOUNG_MIB = 12;

/** Starts a thread that does not keep the process alive until it is given something to serve. */
export function createFilesystemThread(file = findWorkerFile()): FilesystemThread {
  const worker = new Worker(file, {
    // Requests leave little behind: room for short-lived objects that is never used would only stay resident.
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
  });
  worker.unref();
  const ended = new Promise<never>((_resolve, reject) => {
    worker.once('error', (error) => reject(failure(error)));
    worker.once('exit', () => reject(failure(new Error('the thread ended'))));
  });
  ended.catch(() => undefined);
  return { worker, ended };
}

export async function startFilesystem(options: FilesystemServerOptions): Promise<FilesystemServer> {
  const begun = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const window = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const start: WorkerStart = {
    begun: begun.buffer,
    window: window.buffer,
    socket: options.socket,
    policy: options.policy,
    log: options.log,
    counters: options.counters ?? createCounters(),
    uidMap: options.uidMap,
    agent: options.agent,
    umask: process.umask(),
    sessionDirectory: options.sessionDirectory,
    notifications: options.notifications ?? false,
  };
  const { worker, ended } = options.thread ?? createFilesystemThread();
  worker.ref();
  const waiting = new Map<WorkerMessage['type'], (message: WorkerMessage) => void>();
  let isEnding = false;

  const next = (type: WorkerMessage['type']): Promise<WorkerMessage> =>
    new Promise((resolve) => waiting.set(type, resolve));
  const send = (command: WorkerCommand): void => worker.postMessage(command);

  worker.on('message', (message: WorkerMessage) => {
    if (message.type === 'fault' && !isEnding) options.onFault(message.reason);
    if (message.type === 'lost' && !isEnding) options.onLost(message.reason);
    if (message.type === 'denials') options.onDenialLimit?.(message.count);
    waiting.get(message.type)?.(message);
    waiting.delete(message.type);
  });
  const exited = ended.catch((error: unknown) => {
    if (!isEnding) options.onFault(messageOf(error));
  });

  const listening = next('listening');
  worker.postMessage(start);
  await Promise.race([listening, ended]);
  return {
    begin: () => void Atomics.store(begun, 0, 1),
    useWindow: (descriptor) => void Atomics.store(window, 0, descriptor),
    counters: async () => {
      const message = next('counts');
      send({ type: 'counts' });
      const answer = await Promise.race([message, ended]);
      if (answer.type !== 'counts') throw failure(new Error('another answer came'));
      return answer.counts;
    },
    close: async () => {
      if (isEnding) return exited;
      isEnding = true;
      send({ type: 'close' });
      await exited;
    },
  };
}

/** The bundle of the thread lies beside this one's, whether this is an entry, a shared part of several, or not bundled. */
function findWorkerFile(): URL {
  const name = 'filesystem-worker.js';
  const places = [`./${name}`, `../${name}`, `../../../dist/${name}`];
  const files = places.map((place) => new URL(place, import.meta.url));
  const found = files.find((file) => existsSync(file));
  if (found) return found;
  throw new SandboxError({
    kind: 'internal',
    code: 'FILESYSTEM_NOT_BUILT',
    message: `${name} is not there`,
    hint: 'run npm run build',
  });
}

function failure(cause: unknown): SandboxError {
  return new SandboxError({
    kind: 'internal',
    code: 'FILESYSTEM_FAILED',
    message: `the filesystem server failed: ${messageOf(cause)}`,
    cause,
  });
}
