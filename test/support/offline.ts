// The whole sandbox in a network of its own: no way out, one address that looks public, and programs of a test that serve on it.

import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { createCertificate } from './certificate.ts';
import { PROGRAM, collect } from './cli.ts';
import type { CliRig, CliResult } from './cli.ts';

/** Of the origin, in the namespace only. */
const ADDRESS = '93.184.216.34';

export interface OfflineRun {
  /** names that lead to the origin; its certificate holds them, and the host believes it */
  hosts: readonly [string, ...string[]];
  /** fixture, or an absolute path: called as `node FIXTURE ADDRESS CERT KEY FOLDER`, prints `ready` and then what it hears */
  origin: string;
  /** what the origin serves from; a file `environment` that it writes there is read by a shell, for the host's program */
  folder: string;
  policy: string;
  /** shell script for the guest, in the workspace */
  guest: string;
  /** further variables of the host's program */
  env?: Readonly<Record<string, string>>;
}

/** Runs a script in the guest; `heard`: what the origin printed. Needs root on the host. */
export async function runOffline(
  rig: CliRig,
  run: OfflineRun,
): Promise<CliResult & { heard: string }> {
  const { cert, key } = createCertificate(run.hosts);
  const names = run.hosts.map((host) => `${ADDRESS} ${host}\n`).join('');
  const files = { cert, key, hosts: `127.0.0.1 localhost\n${names}`, heard: '' };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(rig.root, name), text);
  const outside = [
    'ip link set lo up',
    `ip addr add ${ADDRESS}/32 dev lo`,
    'mount --bind "$ROOT/hosts" /etc/hosts',
    `"$NODE" "$ORIGIN" ${ADDRESS} "$ROOT/cert" "$ROOT/key" "$FOLDER" > "$ROOT/heard" & origin=$!`,
    'until grep -q ready "$ROOT/heard"; do kill -0 $origin || exit 99; sleep 0.1; done',
    'set -a; [ ! -f "$FOLDER/environment" ] || . "$FOLDER/environment"; set +a',
    '"$NODE" "$PROGRAM" run --policy "$POLICY" -- sh -c "$GUEST"; code=$?',
    'kill $origin; exit $code',
  ].join('\n');
  const child = spawn('unshare', ['--net', '--mount', 'sh', '-c', outside], {
    cwd: rig.workspace,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? '/root',
      NODE: process.execPath,
      NODE_EXTRA_CA_CERTS: join(rig.root, 'cert'),
      ORIGIN: resolve(import.meta.dirname, '../fixtures', run.origin),
      PROGRAM,
      POLICY: rig.policy(run.policy),
      GUEST: run.guest,
      FOLDER: run.folder,
      ROOT: rig.root,
      AGENT_SANDBOX_LOG_DIR: rig.logs,
      ...run.env,
    },
  });
  const result = await collect(child);
  return { ...result, heard: readFileSync(join(rig.root, 'heard'), 'utf8') };
}
