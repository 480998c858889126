// The control socket of a live session: other processes of the same user ask it to run a command or to stop.
// Invariant: the socket lies in a directory of mode 0700; whoever can connect could as well signal the process.

import { createServer, type Server } from 'node:net';
import { SandboxError, messageOf } from '../model/error.ts';
import {
  FRAME,
  FrameParser,
  decodeJson,
  encodeJson,
  type ControlFrame,
} from './control-protocol.ts';
import { attachProcess, isDimension } from './attach.ts';
import type { CommandSpec } from './plan.ts';
import type { Session } from './session.ts';
import { listening } from './sockets.ts';
import type { Duplex } from 'node:stream';

export const CONTROL_SOCKET = 'control.sock';

/** Serves `exec` and `stop` until closed. */
export async function serveControl(path: string, session: Session): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    serveRequest(socket, session).catch((error: unknown) => refuse(socket, error));
  });
  await listening(server, path);
  server.unref();
  return server;
}

async function serveRequest(socket: Duplex, session: Session): Promise<void> {
  const frames = new FrameParser();
  socket.on('error', () => frames.destroy());
  frames.on('error', (error) => refuse(socket, error));
  socket.pipe(frames);
  const request = await firstRequest(frames);
  switch (request['op']) {
    case 'stop': {
      const end = await session.stop('stopped');
      socket.end(encodeJson(FRAME.exit, { reason: end.reason }));
      return;
    }
    case 'exec': {
      const started = await session.start(parseSpec(request));
      if (started.kind === 'denied') {
        socket.end(encodeJson(FRAME.failure, { denied: started.decision, path: started.path }));
        return;
      }
      await attachProcess(socket, frames, started.process);
      return;
    }
    default:
      throw badRequest('an operation this session knows');
  }
}

/** The first frame, which must be a request; the parser is paused after it. */
export function firstRequest(frames: FrameParser): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    frames.once('close', () => reject(badRequest('a request')));
    frames.once('data', (frame: ControlFrame) => {
      frames.pause();
      const request = frame.type === FRAME.request ? decodeJson(frame.payload) : undefined;
      if (request === undefined) reject(badRequest('a JSON request as the first frame'));
      else resolve(request);
    });
  });
}

/** Checks every field: the peer may be a guest. */
export function parseSpec(request: Record<string, unknown>): CommandSpec {
  const { argv, cwd, environment, terminal, asRoot } = request;
  if (!isStrings(argv) || argv.length === 0) throw badRequest('argv as a list of strings');
  if (typeof cwd !== 'string' || !cwd.startsWith('/')) throw badRequest('cwd as an absolute path');
  if (!isPairs(environment)) throw badRequest('environment as a list of pairs');
  const spec: CommandSpec = { argv, cwd, environment, asRoot: asRoot === true };
  if (typeof terminal === 'object' && terminal !== null) {
    const { rows, columns } = terminal as Record<string, unknown>;
    if (!isDimension(rows) || !isDimension(columns)) throw badRequest('terminal rows and columns');
    spec.terminal = { rows, columns };
  }
  return spec;
}

function isStrings(value: unknown): value is string[] {
  return (
    Array.isArray(value) && value.every((item) => typeof item === 'string' && !item.includes('\0'))
  );
}

function isPairs(value: unknown): value is [string, string][] {
  return Array.isArray(value) && value.every((item) => isStrings(item) && item.length === 2);
}

function refuse(socket: Duplex, error: unknown): void {
  if (socket.destroyed || !socket.writable) return;
  socket.end(encodeJson(FRAME.failure, { message: messageOf(error) }));
}

function badRequest(expected: string): SandboxError {
  return new SandboxError({
    kind: 'usage',
    code: 'SESSION_BAD_REQUEST',
    message: `expected ${expected}`,
  });
}
