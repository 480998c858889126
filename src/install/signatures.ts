// What a registry vouches for: its signatures over what it holds, and where a package was built. npm itself checks both, with the
// keys it gets from its root of trust; where it cannot reach that, nothing is vouched for.
// https://docs.npmjs.com/verifying-registry-signatures

import { SandboxError } from '../model/error.ts';
import type { PackageSpec } from './package-spec.ts';
import { lastWords, type ManagerRun, runManager } from './run.ts';

export interface Vouched {
  /** `unknown`: it could not be checked, for `reason` */
  signatures: 'valid' | 'missing' | 'unknown';
  provenance: 'valid' | 'missing' | 'unknown';
  reason?: string;
}

interface AuditReport {
  invalid: { name?: string; version?: string }[];
  missing: { name?: string; version?: string }[];
}

/** Throws `INSTALL_BAD_SIGNATURE` where anything of the tree is signed wrongly. */
export async function vouchNpm({ name, version }: PackageSpec, run: ManagerRun): Promise<Vouched> {
  const audited = await runManager(
    'npm',
    ['audit', 'signatures', '--json', '--fetch-retries=0'],
    run,
  );
  const report = readReport(audited.stdout);
  if (report === undefined)
    return {
      signatures: 'unknown',
      provenance: 'unknown',
      reason: lastWords(audited).split('\n')[0] ?? '',
    };
  const [bad] = report.invalid;
  if (bad !== undefined)
    throw new SandboxError({
      kind: 'upstream',
      code: 'INSTALL_BAD_SIGNATURE',
      message: `${bad.name ?? 'a package'}@${bad.version ?? '?'} in the tree of ${name}@${version} has a signature or provenance that does not hold`,
      hint: 'do not use it, and tell its maintainers and the registry',
    });
  const isMissing = report.missing.length > 0 || audited.code !== 0;
  return {
    signatures: isMissing ? 'missing' : 'valid',
    // Those that are there were checked with the signatures; whether there are any, only the registry says.
    provenance:
      (await hasProvenance(`${name}@${version}`, run)) && !isMissing ? 'valid' : 'missing',
  };
}

async function hasProvenance(target: string, run: ManagerRun): Promise<boolean> {
  const viewed = await runManager('npm', ['view', target, 'dist.attestations', '--json'], run);
  if (viewed.code !== 0) return false;
  try {
    const value = JSON.parse(viewed.stdout) as { provenance?: { predicateType?: unknown } } | null;
    return typeof value?.provenance?.predicateType === 'string';
  } catch {
    return false; // nothing printed: there are none
  }
}

function readReport(text: string): AuditReport | undefined {
  try {
    const { invalid, missing } = JSON.parse(text) as Partial<AuditReport>;
    return Array.isArray(invalid) && Array.isArray(missing) ? { invalid, missing } : undefined;
  } catch {
    return undefined;
  }
}
