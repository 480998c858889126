// Processes in the guest: EXEC out, three streams, STARTED and EXIT back.

import type { Readable, Writable } from 'node:stream';
import { SandboxError } from '../model/error.ts';
import type { Mux } from './mux.ts';
import {
  EXEC,
  EXIT,
  type Frame,
  MESSAGE_MAX,
  STAGE,
  TYPE,
  USER,
  encodeField,
  encodeMessage,
  encodeNumbers,
} from './protocol.ts';
import type { GuestStream } from './stream.ts';

export interface TerminalSize {
  rows: number;
  columns: number;
}

export interface ExecSpec {
  argv: readonly (string | Buffer)[];
  env: readonly (readonly [name: string, value: string])[];
  /** absolute, in the guest */
  cwd: string;
  user: 'agent' | 'root';
  /** a terminal of this size instead of pipes; `stderr` is empty then */
  tty?: TerminalSize;
}

/**
 * How a process ended. `errno` says that the program never ran: `code` is then 127 when it was not found and 126 when it
 * could not be executed, its directory could not be entered (`stage`), or the process could not be made.
 */
export type ProcessExit =
  | { code: number }
  | { signal: number }
  | { code: 126 | 127; errno: number; stage: 'setup' | 'directory' | 'execute' };

/** `exited` settles after the last byte of output was received; both outputs must be read, or it never does. */
export interface GuestProcess {
  /** the guest's number for it; undefined when the program never ran */
  readonly started: Promise<number | undefined>;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exited: Promise<ProcessExit>;
  resize: (rows: number, columns: number) => void;
  /** to the process group */
  signal: (number: number) => void;
}

const ENOENT = 2;
const LAST_SIGNAL = 64;

export function encodeExec(spec: ExecSpec): Buffer {
  if (spec.argv.length === 0) throw badSpec('a command without words');
  const fields = [
    ...spec.argv.map((word) => encodeField(EXEC.argument, text(word))),
    ...spec.env.map(([name, value]) => encodeField(EXEC.variable, text(`${name}=${value}`))),
    encodeField(EXEC.directory, text(plainPath(spec.cwd))),
    encodeField(EXEC.user, encodeNumbers(USER[spec.user])),
  ];
  if (spec.tty) fields.push(encodeField(EXEC.tty, encodeSize(spec.tty)));
  const message = Buffer.concat(fields);
  if (message.length > MESSAGE_MAX) throw badSpec('a command and environment above 2 MiB');
  return message;
}

/** A path the guest takes: absolute, no `.`, `..` or empty parts. */
export function plainPath(path: string): string {
  if (!path.startsWith('/')) throw badSpec('a path that is not absolute');
  const parts = path.split('/').filter((part) => part !== '');
  if (parts.some((part) => part === '.' || part === '..'))
    throw badSpec('a path that is not plain');
  return `/${parts.join('/')}`;
}

/** Bytes of a word; names of files that are not UTF-8 come as lone surrogates U+DC80..U+DCFF, or as a buffer. */
export function text(word: string | Buffer): Buffer {
  const bytes = typeof word === 'string' ? Buffer.from(word) : word;
  if (bytes.includes(0)) throw badSpec('a NUL inside a word');
  return bytes;
}

function encodeSize(size: TerminalSize): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(Math.min(size.rows, 0xffff), 0);
  bytes.writeUInt16LE(Math.min(size.columns, 0xffff), 2);
  return bytes;
}

function badSpec(what: string): SandboxError {
  return new SandboxError({
    kind: 'usage',
    code: 'GUEST_BAD_COMMAND',
    message: `the guest cannot be given ${what}`,
  });
}

interface Live {
  started: (pid: number | undefined) => void;
  exited: (exit: ProcessExit) => void;
  failed: (error: Error) => void;
  streams: GuestStream[];
}

/** The processes of one guest. */
export class Processes {
  readonly #mux: Mux;
  readonly #live = new Map<number, Live>();

  constructor(mux: Mux) {
    this.#mux = mux;
  }

  exec(spec: ExecSpec): GuestProcess {
    const message = encodeExec(spec);
    const id = this.#mux.reserve(3);
    const stdin = this.#mux.open(id, { sends: true, receives: false });
    const stdout = this.#mux.open(id + 2, { sends: false, receives: true });
    const stderr = this.#mux.open(id + 4, { sends: false, receives: true });
    if (spec.tty) stderr.receiveEnd();
    const started = defer<number | undefined>();
    const exited = defer<ProcessExit>();
    this.#live.set(id, {
      started: started.resolve,
      exited: exited.resolve,
      failed: (error) => {
        started.reject(error);
        exited.reject(error);
      },
      streams: [stdin, stdout, stderr],
    });
    this.#mux.sendBytes(Buffer.concat(encodeMessage(id, TYPE.exec, message)));
    return {
      started: started.promise,
      exited: exited.promise,
      stdin,
      stdout,
      stderr,
      resize: (rows, columns) => {
        if (this.#live.has(id)) this.#mux.send(id, TYPE.resize, encodeSize({ rows, columns }));
      },
      signal: (number) => {
        if (!this.#live.has(id) || !Number.isInteger(number) || number < 1 || number > LAST_SIGNAL)
          return;
        this.#mux.send(id, TYPE.signal, encodeNumbers(number));
      },
    };
  }

  /** A STARTED or EXIT frame; returns what is wrong with it, if anything. */
  receive(frame: Frame): string | undefined {
    const live = this.#live.get(frame.stream);
    if (!live) return `frame ${frame.type} about no process`;
    if (frame.type === TYPE.started) {
      if (frame.payload.length !== 4) return 'a bad STARTED';
      live.started(frame.payload.readUInt32LE());
      return undefined;
    }
    const exit = parseExit(frame.payload);
    if (exit === undefined) return 'a bad EXIT';
    this.#live.delete(frame.stream);
    live.started(undefined);
    for (const stream of live.streams) stream.abandon();
    live.exited(exit);
    return undefined;
  }

  /** No process will be heard of again. */
  fail(error: Error): void {
    for (const live of this.#live.values()) live.failed(error);
    this.#live.clear();
  }
}

function parseExit(payload: Buffer): ProcessExit | undefined {
  if (payload.length !== 12) return undefined;
  const [kind, value, stage] = [0, 4, 8].map((offset) => payload.readUInt32LE(offset));
  if (kind === undefined || value === undefined) return undefined;
  if (kind === EXIT.code && value < 256) return { code: value };
  if (kind === EXIT.signal && value > 0 && value <= LAST_SIGNAL) return { signal: value };
  if (kind !== EXIT.errno) return undefined;
  const isMissing = stage === STAGE.execute && value === ENOENT;
  const name =
    stage === STAGE.execute ? 'execute' : stage === STAGE.directory ? 'directory' : 'setup';
  return { code: isMissing ? 127 : 126, errno: value, stage: name };
}

function defer<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: Error) => void;
} {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Whoever does not wait for it must not be punished with an unhandled rejection.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
