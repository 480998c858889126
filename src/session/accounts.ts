// /etc/passwd and /etc/group of the guest: the host's, where the policy shows them, with the lines that are missing.

import { readFileSync, statSync } from 'node:fs';
import type { GuestFile } from '../guest/link.ts';
import type { Decider } from '../policy/decide.ts';
import type { GuestIdentity } from './environment.ts';

/** Larger tables stay the file server's, without the agent's name in them. */
const LONGEST = 256 * 1024;

/** The tables that need a line more than the file server's own have. */
export function accountFiles(decide: Decider, user: GuestIdentity): GuestFile[] {
  const passwd = completed(decide, '/etc/passwd', [
    [0, 'root:x:0:0:root:/root:/bin/sh'],
    [user.uid, `${user.name}:x:${user.uid}:${user.gid}::${user.home}:/bin/sh`],
  ]);
  const group = completed(decide, '/etc/group', [
    [0, 'root:x:0:'],
    [user.gid, `${user.name}:x:${user.gid}:`],
  ]);
  return [
    { path: '/etc/passwd', content: passwd },
    { path: '/etc/group', content: group },
  ].filter(({ content }) => content !== '');
}

/** The table with each number of `lines` in it; empty where nothing has to be added. */
function completed(decide: Decider, file: string, lines: readonly [number, string][]): string {
  const table = decide({ kind: 'read', path: file }).effect === 'allow' ? readTable(file) : '';
  if (table === undefined) return '';
  // The agent's number may be somebody else's on the host, with a home that programs would look into.
  const rows = table.split('\n');
  const kept = rows.filter((row) => !isOverruled(row.split(':'), lines));
  const numbers = new Set(kept.map((row) => row.split(':')[2]));
  const missing = lines.filter(([number]) => !numbers.has(String(number)));
  if (missing.length === 0) return '';
  const text = kept.join('\n');
  const start = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  return `${start}${missing.map(([, line]) => `${line}\n`).join('')}`;
}

/** A user's row whose home is another than the one that is to be. */
function isOverruled(
  [, , number, , , home]: readonly string[],
  lines: readonly [number, string][],
): boolean {
  const wanted = lines.find(([one]) => String(one) === number && one !== 0)?.[1].split(':')[5];
  return home !== undefined && wanted !== undefined && wanted !== home;
}

/** Undefined where it is too large or no text. */
function readTable(file: string): string | undefined {
  try {
    if (statSync(file).size > LONGEST) return undefined;
    const text = readFileSync(file, 'latin1');
    return text.includes('\0') ? undefined : Buffer.from(text, 'latin1').toString('utf8');
  } catch {
    return ''; // there is none: the lines of root and the agent alone
  }
}
