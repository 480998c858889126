// The other end of the control socket: `exec` and `stop` as they talk to the host process of a session.

import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { SandboxError, messageOf } from '../model/error.ts';
import type { SessionState } from '../model/session.ts';
import { CONTROL_SOCKET } from './control.ts';
import {
  FRAME,
  FrameParser,
  decodeJson,
  encodeFrame,
  encodeJson,
  type ControlFrame,
} from './control-protocol.ts';

/** What came of a request. */
export type ClientResult =
  | { kind: 'exit'; result: Record<string, unknown> }
  | { kind: 'failure'; failure: Record<string, unknown> };

export interface ClientStreams {
  stdout: NodeJS.WritableStream;
  stderr: NodeJS.WritableStream;
}

export interface ControlClient {
  sendInput(chunk: Buffer): boolean;
  endInput(): void;
  signal(signal: number): void;
  resize(rows: number, columns: number): void;
  onDrain(listener: () => void): void;
  result: Promise<ClientResult>;
}

/** Connects to a live session and sends one request. */
export function requestSession(
  state: SessionState,
  request: Record<string, unknown>,
  streams: ClientStreams,
): Promise<ControlClient> {
  return requestAt(
    join(state.runtimeDirectory, CONTROL_SOCKET),
    `session ${state.id}`,
    request,
    streams,
  );
}

/** Connects to a control socket; `name` is what messages call it. */
export async function requestAt(
  path: string,
  name: string,
  request: Record<string, unknown>,
  streams: ClientStreams,
): Promise<ControlClient> {
  const socket = await open(path, name);
  const frames = new FrameParser();
  socket.pipe(frames);
  const result = new Promise<ClientResult>((resolve, reject) => {
    const lost = (error?: unknown): void =>
      reject(
        new SandboxError({
          kind: 'internal',
          code: 'SESSION_LOST',
          message: `${name} ended while it was asked${error === undefined ? '' : `: ${messageOf(error)}`}`,
        }),
      );
    frames.once('error', lost);
    socket.once('error', lost);
    frames.once('close', () => lost());
    frames.on('data', (frame: ControlFrame) => {
      if (frame.type === FRAME.stdout || frame.type === FRAME.stderr) {
        const to = frame.type === FRAME.stdout ? streams.stdout : streams.stderr;
        if (!to.write(frame.payload)) {
          frames.pause();
          to.once('drain', () => frames.resume());
        }
      } else if (frame.type === FRAME.exit) {
        resolve({ kind: 'exit', result: decodeJson(frame.payload) ?? {} });
        socket.end();
      } else if (frame.type === FRAME.failure) {
        resolve({ kind: 'failure', failure: decodeJson(frame.payload) ?? {} });
        socket.end();
      }
    });
  });
  socket.write(encodeJson(FRAME.request, request));
  return {
    sendInput: (chunk) => socket.write(encodeFrame(FRAME.stdin, chunk)),
    endInput: () => void socket.write(encodeFrame(FRAME.stdinEnd)),
    signal: (signal) => void socket.write(encodeFrame(FRAME.signal, Buffer.from([signal]))),
    resize: (rows, columns) => void socket.write(encodeJson(FRAME.resize, { rows, columns })),
    onDrain: (listener) => void socket.on('drain', listener),
    result,
  };
}

function open(path: string, name: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    socket.once('error', (error) =>
      reject(
        new SandboxError({
          kind: 'usage',
          code: 'SESSION_UNREACHABLE',
          message: `${name} does not answer: ${messageOf(error)}`,
          hint: 'see which sessions live with `agent-sandbox ps`',
          cause: error,
        }),
      ),
    );
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}
