// Runs the protocol's own conformance suite against a URL, and reads what it found, by scenario and check.
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The suite wants Node 22; the package has no binaries for other machines than these. */
const NODE = `node-${process.platform === 'darwin' ? 'darwin' : 'linux'}-${process.arch}@22.23.3`;

let found: string | undefined;
const findNode = (): string => (found ??= lookForNode());

function lookForNode(): string {
  if (Number(process.versions.node.split('.')[0]) >= 22) return process.execPath;
  const args = ['exec', '--yes', `--package=${NODE}`, '-c', 'command -v node'];
  return execFileSync('npm', args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}

/** `SCENARIO CHECK` → every status that it had, sorted: `SUCCESS`, `FAILURE`, `WARNING`, `SKIPPED`, `INFO`. */
export type Findings = ReadonlyMap<string, string>;

export async function runSuite(url: string, revision: string): Promise<Findings> {
  const folder = mkdtempSync(join(tmpdir(), 'agent-sandbox-conformance-'));
  try {
    const main = fileURLToPath(new URL('../../node_modules/.bin/conformance', import.meta.url));
    const args = [main, 'server', '--url', url, '--requirements', revision, '-o', folder];
    // Its exit code says whether everything passed; what matters here is what changes.
    await new Promise<void>((resolve) => {
      execFile(findNode(), args, { timeout: 240_000, maxBuffer: 64 * 1024 * 1024 }, () =>
        resolve(),
      );
    });
    return readFindings(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Check {
  id: string;
  status: string;
}

function readFindings(folder: string): Findings {
  const found = new Map<string, string[]>();
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('checks.json')) continue;
    const scenario = (path.split('/')[0] ?? '')
      .replace(/-\d{4}-\d{2}-\d{2}T.*$/, '')
      .replace(/^server-(?=.)/, '');
    for (const { id, status } of JSON.parse(readFileSync(join(folder, path), 'utf8')) as Check[]) {
      const key = `${scenario} ${id}`;
      found.set(key, [...(found.get(key) ?? []), status]);
    }
  }
  return new Map([...found].map(([key, all]) => [key, [...new Set(all)].sort().join('+')]));
}

/** `SCENARIO CHECK: DIRECT -> THROUGH` of all that is not the same. */
export function differences(direct: Findings, through: Findings): string[] {
  const keys = [...new Set([...direct.keys(), ...through.keys()])].sort();
  return keys
    .filter((key) => direct.get(key) !== through.get(key))
    .map((key) => `${key}: ${direct.get(key) ?? 'none'} -> ${through.get(key) ?? 'none'}`);
}
