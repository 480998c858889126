// The thread in which files are served: it listens on the socket itself, so that no request crosses a thread. What it needs
// comes with its start, what happens goes back as messages.

import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { createServer, type Server, type Socket } from 'node:net';
import { parentPort, type MessagePort } from 'node:worker_threads';
import { attachLog, type SharedLog } from '../../log/shared.ts';
import { messageOf } from '../../model/error.ts';
import type { EffectivePolicy } from '../../model/policy.ts';
import type { Agent } from '../../model/identity.ts';
import { createDecider, type Decider } from '../../policy/decide.ts';
import { createPoint, type Point } from '../point.ts';
import { connect, type Connection } from './connection.ts';
import { createFilesystem, type FilesystemCounts } from './filesystem.ts';
import { NOTIFICATION_ROOM } from './notification.ts';
import { createOutgoing } from './outgoing.ts';
import type { UidMap } from './ownership.ts';
import type { Notifications } from './setup.ts';

/** What a server needs: plain data, the first message to the thread. */
export interface WorkerStart {
  socket: string;
  policy: EffectivePolicy;
  log: SharedLog;
  counters: SharedArrayBuffer;
  uidMap: UidMap;
  agent: Agent | undefined;
  umask: number;
  sessionDirectory: string;
  notifications: boolean;
  /** one Int32: 1 once the guest's init is done and it is the agent that asks */
  begun: SharedArrayBuffer;
  /** one Int32: the descriptor of the window, which this thread does not close; 0 while there is none */
  window: SharedArrayBuffer;
}

/** how often the list of the private copy is brought up to date, ms */
const SAVE_MS = 1000;

export type WorkerMessage =
  | { type: 'listening' }
  | { type: 'fault'; reason: string }
  | { type: 'lost'; reason: string }
  | { type: 'denials'; count: number }
  | { type: 'counts'; counts: FilesystemCounts }
  | { type: 'closed' };

export type WorkerCommand = { type: 'counts' } | { type: 'close' };

export function runWorker(): void {
  const port = parentPort;
  port?.once('message', (start: WorkerStart) => serve(port, start));
}

function serve(port: MessagePort, start: WorkerStart): void {
  const post = (message: WorkerMessage): void => port.postMessage(message);
  let only: Socket | undefined;
  let connection: Connection | undefined;
  const server: Server = createServer((socket) => {
    // One machine, one connection: whoever comes second is not ours.
    if (only) return void socket.destroy();
    only = socket;
    server.close();
    socket.on('error', (error) => post({ type: 'lost', reason: messageOf(error) }));
    const onFault = (reason: string): void => post({ type: 'fault', reason });
    connection = connect(socket, filesystem, onFault, () => {
      return Atomics.load(new Int32Array(start.window), 0) || undefined;
    });
  });
  server.on('error', (error) => post({ type: 'fault', reason: messageOf(error) }));
  // The path is bound within the call: the machine comes up while the rest is made here.
  server.listen(start.socket);
  if (server.listening) {
    chmodSync(start.socket, 0o600);
    post({ type: 'listening' });
  }
  const log = attachLog(start.log);
  const begun = new Int32Array(start.begun);
  const decide = createDecider(start.policy);
  const point = createPoint({
    decide,
    log,
    mode: start.policy.mode,
    limits: start.policy.limits,
    counters: start.counters,
    ...(start.agent && { agent: start.agent }),
    onDenialLimit: (count) => post({ type: 'denials', count }),
    onFailure: (error) => post({ type: 'fault', reason: error.message }),
  });
  const nowhere = createOutgoing(NOTIFICATION_ROOM);
  const notifications: Notifications = {
    out: () => {
      nowhere.length = 0;
      return connection?.out() ?? nowhere;
    },
    send: () => connection?.send(),
  };
  const filesystem = createFilesystem({
    policy: start.policy,
    decide,
    point: quietUntil(() => Atomics.load(begun, 0) === 1, point, decide),
    ...(start.notifications && { notifications }),
    privateDirectory: join(start.sessionDirectory, 'private'),
    uidMap: start.uidMap,
    process: {
      uid: process.getuid?.() ?? 0,
      gid: process.getgid?.() ?? 0,
      umask: start.umask,
    },
  });
  const saving = setInterval(() => filesystem.save(), SAVE_MS);
  port.on('message', (command: WorkerCommand) => {
    if (command.type === 'counts') return post({ type: 'counts', counts: filesystem.counts() });
    only?.destroy();
    server.close();
    clearInterval(saving);
    point.flush();
    filesystem.close();
    log.close();
    post({ type: 'closed' });
    port.close();
  });
}

/** Before the agent runs, init looks for the places it mounts over: what it is refused then is no act of the agent's. */
function quietUntil(hasBegun: () => boolean, point: Point, decide: Decider): Point {
  return {
    ...point,
    ask: (request, options) => {
      if (hasBegun()) return point.ask(request, options);
      const decision = decide(request);
      return decision.effect === 'allow'
        ? point.ask(request, options)
        : { decision, allowed: false };
    },
  };
}
