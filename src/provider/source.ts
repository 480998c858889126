// Secrets that the host keeps: `{env: …}`, `{file: …}` or `{command: […]}`. Invariant: a source names a place, never a
// value, and no error shows what was found there.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

import { errnoOf } from '../model/error.ts';
import { runCommand } from './run-command.ts';
import { requestFault, sourceFault } from './fault.ts';
import { isRecord } from './answer.ts';

/** What of the host a source may be read from; a part of `MintContext`. */
export interface SourceHost {
  environment: Readonly<Record<string, string | undefined>>;
  home: string;
  signal: AbortSignal;
}

export interface Sourced {
  value: string;
  /** the place, for errors: `variable NAME`, `file /path`, `the output of NAME` */
  place: string;
}

const LONGEST = 64 * 1024;

/** `source` in the shape of `policy/provider-request.ts`. */
export async function readSource(source: unknown, host: SourceHost): Promise<Sourced> {
  const entries = isRecord(source) ? Object.entries(source) : [];
  const [kind, value] = entries[0] ?? [];
  if (entries.length === 1) {
    if (kind === 'env' && typeof value === 'string') return readVariable(value, host);
    if (kind === 'file' && typeof value === 'string') return readHostFile(value, host);
    if (kind === 'command' && isTexts(value)) return readCommand(value, host);
  }
  throw requestFault("expected exactly one of 'env', 'file' and 'command' where a secret is kept");
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

export function readVariable(name: string, { environment }: SourceHost): Sourced {
  const value = environment[name];
  const place = `variable ${name}`;
  if (value === undefined || value === '')
    throw sourceFault(`${place} is not set on the host`, `set ${name} for agent-sandbox itself`);
  return { value: withoutNewline(value), place };
}

/** The path as it will be opened: absolute, with `~/` for the home of the host's user. */
export function readHostFile(path: string, { home }: SourceHost): Sourced {
  const file = path.startsWith('~/') ? join(home, path.slice(2)) : path;
  const place = `file ${file}`;
  // Relative to what? The workspace would be the guest's own.
  if (!isAbsolute(file)) throw requestFault(`expected an absolute path or '~/…', got '${path}'`);
  return { value: withoutNewline(readLimited(file, place)), place };
}

export async function readCommand(command: readonly string[], host: SourceHost): Promise<Sourced> {
  const output = await runCommand(command, host);
  return { value: withoutNewline(output), place: `the output of ${command[0] ?? ''}` };
}

function readLimited(file: string, place: string): string {
  let descriptor: number;
  try {
    // Not waiting: a pipe in the file's place would hold the session up for ever.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw sourceFault(`${place} cannot be read (${errnoOf(error) ?? 'unknown'})`);
  }
  try {
    if (!fstatSync(descriptor).isFile()) throw sourceFault(`${place} is no regular file`);
    const bytes = Buffer.alloc(LONGEST + 2);
    let length = 0;
    for (let read = 1; read > 0 && length < bytes.length; length += read)
      read = readSync(descriptor, bytes, length, bytes.length - length, null);
    if (length > LONGEST + 1) throw sourceFault(`${place} has more than ${LONGEST} bytes`);
    return bytes.toString('utf8', 0, length);
  } finally {
    closeSync(descriptor);
  }
}

/** One newline, as programs and editors put it at the end; a second one is part of what was stored by mistake. */
function withoutNewline(value: string): string {
  return value.replace(/\r?\n$/, '');
}
