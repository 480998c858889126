// The runner's files for names and values, as a guest has written them: read within limits, by the runner's own grammar.
// Source of the grammar: FileCommandManager of actions/runner 2.336.0 (`NAME=VALUE`, or `NAME<<END` up to a line that is END).

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

import { SandboxError } from '../model/error.ts';

/** in bytes, of each file */
const MOST = 1024 * 1024;

/** The text, or `ACTION_HANDOVER` where it is no plain file, too long or not UTF-8. */
export function readHandover(path: string): string {
  const descriptor = openSync(
    path,
    constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
  );
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile() || stats.nlink !== 1)
      throw fault(path, 'it is not the plain file that was put there');
    if (stats.size > MOST) throw fault(path, `it is longer than ${MOST} bytes`);
    const buffer = Buffer.alloc(MOST + 1);
    let length = 0;
    for (;;) {
      const count = readSync(descriptor, buffer, length, buffer.length - length, null);
      length += count;
      if (count === 0 || length === buffer.length) break;
    }
    if (length > MOST) throw fault(path, `it is longer than ${MOST} bytes`);
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length));
  } catch (error) {
    throw error instanceof SandboxError ? error : fault(path, 'it cannot be read as text');
  } finally {
    closeSync(descriptor);
  }
}

/** Names and values in order. Throws `ACTION_HANDOVER` where a line is neither form, as the runner does. */
export function parsePairs(text: string, path: string): [name: string, value: string][] {
  const lines = text.split('\n');
  const pairs: [string, string][] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (line === '') continue;
    const equals = line.indexOf('=');
    const heredoc = line.indexOf('<<');
    if (equals >= 0 && (heredoc < 0 || equals < heredoc)) {
      pairs.push([line.slice(0, equals), line.slice(equals + 1)]);
    } else if (heredoc > 0) {
      const end = line.slice(heredoc + 2);
      const from = at + 1;
      const to = end === '' ? -1 : lines.indexOf(end, from);
      if (to < 0) throw fault(path, `line ${from}: nothing ends what \`<<\` begins`);
      pairs.push([line.slice(0, heredoc), lines.slice(from, to).join('\n')]);
      at = to;
    } else throw fault(path, `line ${at + 1}: expected NAME=VALUE or NAME<<END`);
  }
  for (const [name, value] of pairs) {
    if (!/^[A-Za-z_][A-Za-z0-9_-]{0,255}$/.test(name)) throw fault(path, 'a name in it is none');
    // No environment can hold it: what stands behind it would be cut off, or another variable.
    if (value.includes('\0')) throw fault(path, 'a value in it has a NUL');
  }
  return pairs;
}

function fault(path: string, why: string): SandboxError {
  return new SandboxError({
    kind: 'upstream',
    code: 'ACTION_HANDOVER',
    message: `what the command wrote for later steps ('${path.slice(path.lastIndexOf('/') + 1)}') is not handed on: ${why}`,
  });
}
