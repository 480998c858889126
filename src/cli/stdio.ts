// Binds the user's terminal or pipes to a command in a session: input, output, window size and signals.

import { constants } from 'node:os';
import type { ReadStream, WriteStream } from 'node:tty';
import { TerminalFilter } from './terminal-filter.ts';

/** What a command in a session looks like from here, be it in this process or behind the control socket. */
export interface RemoteCommand {
  /** returns false when the writer should wait for `onDrain` */
  write(chunk: Buffer): boolean;
  end(): void;
  onDrain(listener: () => void): void;
  signal(signal: number): void;
  resize(rows: number, columns: number): void;
}

/** Signals a user or a CI system sends to end work; passed on to the command. */
const PASSED_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

/** Keeps signals from ending this process before the command they are meant for exists; they are handed to it then. */
export function holdSignals(): { held: number[]; release: () => void } {
  const held: number[] = [];
  const listeners = PASSED_SIGNALS.map(
    (name) => [name, () => void held.push(constants.signals[name])] as const,
  );
  for (const [name, listener] of listeners) process.on(name, listener);
  return {
    held,
    release: () => {
      for (const [name, listener] of listeners) process.off(name, listener);
    },
  };
}

/** True when both ends of the conversation are terminals. */
export function isTerminal(): boolean {
  return process.stdin.isTTY && process.stdout.isTTY;
}

export function terminalSize(): { rows: number; columns: number } {
  const { rows, columns } = process.stdout as WriteStream;
  return { rows: rows > 0 ? rows : 24, columns: columns > 0 ? columns : 80 };
}

/** Where the command's stdout goes: through the filter when a terminal reads it. */
export function outputStream(): NodeJS.WritableStream {
  return guarded(process.stdout);
}

/** Where the command's stderr goes. */
export function errorStream(): NodeJS.WritableStream {
  return guarded(process.stderr);
}

function guarded(stream: WriteStream): NodeJS.WritableStream {
  if (!stream.isTTY) return stream;
  const filter = new TerminalFilter();
  filter.pipe(stream, { end: false });
  return filter;
}

/** Starts passing input and signals to `command`; the returned function gives the terminal back as it was. */
export function bindInput(command: RemoteCommand, raw: boolean): () => void {
  const { stdin } = process;
  const onData = (chunk: Buffer): void => {
    if (!command.write(chunk)) {
      stdin.pause();
      command.onDrain(() => stdin.resume());
    }
  };
  const onEnd = (): void => command.end();
  const onResize = (): void => {
    const { rows, columns } = terminalSize();
    command.resize(rows, columns);
  };
  const listeners = PASSED_SIGNALS.map(
    (name) => [name, () => command.signal(constants.signals[name])] as const,
  );

  if (raw) (stdin as ReadStream).setRawMode(true);
  stdin.on('data', onData);
  stdin.once('end', onEnd);
  stdin.once('error', onEnd);
  if (raw) process.stdout.on('resize', onResize);
  for (const [name, listener] of listeners) process.on(name, listener);

  return () => {
    for (const [name, listener] of listeners) process.off(name, listener);
    process.stdout.off('resize', onResize);
    stdin.off('data', onData);
    stdin.off('end', onEnd);
    if (raw) (stdin as ReadStream).setRawMode(false);
    stdin.pause();
    // A file has no handle that keeps the process alive, and no unref().
    if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref();
  };
}
