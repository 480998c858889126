// Unmodified clients in the guest, with placeholders only: a policy and a script, every vendor at one address, and what each of
// them saw.

import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';

import type { CliResult, CliRig, LogRecord } from './cli.ts';
import { runOffline } from './offline.ts';
import { HOSTS } from './origin/names.ts';

export interface Seen {
  host: string;
  method: string;
  url: string;
  status: number;
}

export interface ClientRun extends CliResult {
  /** requests of guest and host, as the vendors answered them */
  seen: Seen[];
  records: LogRecord[];
  /** of the vendors, made for this run */
  secrets: string[];
  /** tokens that nobody revoked */
  live: number;
}

export interface ClientRunOptions {
  policy: string;
  /** shell script */
  guest: string;
  /** names of `fixtures/clients/NAME.mjs`, put into the workspace with all they import */
  scripts?: readonly string[];
}

/** Where the origin serves git from; there before the run. */
export const repositories = (rig: CliRig): string => join(rig.root, 'vendors');

export async function runClients(rig: CliRig, options: ClientRunOptions): Promise<ClientRun> {
  const folder = repositories(rig);
  mkdirSync(folder, { recursive: true });
  const origin = join(rig.root, 'origin.mjs');
  bundle(join(import.meta.dirname, 'origin/main.ts'), origin);
  for (const name of options.scripts ?? [])
    bundle(
      join(import.meta.dirname, `../fixtures/clients/${name}.mjs`),
      join(rig.workspace, `${name}.mjs`),
    );
  const { heard, ...result } = await runOffline(rig, {
    hosts: HOSTS,
    origin,
    folder,
    policy: options.policy,
    guest: options.guest,
    env: { XDG_STATE_HOME: join(rig.root, 'state') },
  });
  const lines = heard
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Partial<Seen> & { secret?: string; live?: number });
  return {
    ...result,
    seen: lines.filter((line): line is Seen => line.status !== undefined),
    secrets: lines.flatMap(({ secret }) => secret ?? []),
    live: lines.find((line) => line.live !== undefined)?.live ?? NaN,
    records: rig.records(),
  };
}

/** Packages of the vendors bring thousands of files, which an emulated machine would read for minutes. */
function bundle(entry: string, outfile: string): void {
  buildSync({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
    // CommonJS among what is bundled asks for node's own modules.
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
  });
}

/**
 * Where a secret of the vendors is found though it should not be: what the guest wrote and printed, and all that the session
 * left on the host. Forms: as it is, in JSON, base64 in three alignments, hex, percent.
 */
export function leaksOf(rig: CliRig, run: ClientRun): string[] {
  const places = new Map([
    ['stdout', run.stdout],
    ['stderr', run.stderr],
    ...[rig.workspace, rig.logs, join(rig.root, 'state')].flatMap(filesBelow),
  ]);
  if (run.secrets.length === 0) throw new Error('no secret to look for');
  const forms = run.secrets.flatMap(formsOf);
  return [...places]
    .filter(([, text]) => forms.some((form) => text.includes(form)))
    .map(([place]) => place);
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    // Without what also depends on the bytes around it.
    return text.slice(shift === 0 ? 0 : 4, -4);
  });
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    bytes.toString('hex'),
    ...base64,
    ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  ];
}

function filesBelow(folder: string): [string, string][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => [file, readFileSync(file, 'latin1')]);
}
