// What a session is made from where there is no command of an agent: for `mcp pin` and `mcp serve`.

import type { SessionPlan } from '../session/plan.ts';
import { isTrusted } from '../source/trusted.ts';
import {
  cacheDirectory,
  journalDirectory,
  logDirectory,
  packagesDirectory,
  trustedFile,
} from './directories.ts';
import { readLock } from './mcp-lock-file.ts';
import { err } from './output.ts';
import { type LayerOptions, loadLayers, reportFaults } from './policy-options.ts';
import { resolveIdentity } from './run-identity.ts';
import { ensureReady } from './setup.ts';
import { packageDirectory } from './version.ts';

/** Undefined, and said, when the files have faults. */
export async function toolPlan(
  options: LayerOptions & { frozen?: boolean; survey?: boolean; logDir?: string },
  command: string,
): Promise<SessionPlan | undefined> {
  const isAccepted = (path: string, digest: string): boolean =>
    isTrusted(trustedFile(process.env), { path, digest });
  const loaded = loadLayers(options, undefined, isAccepted);
  reportFaults(loaded);
  const { policy } = loaded;
  if (policy === undefined) return undefined;
  const onProgress = (line: string): void => err(`agent-sandbox: ${line}`);
  const ready = await ensureReady({ engine: 'auto', limits: policy.limits, onProgress });
  const lock = options.survey === true ? undefined : readLock(policy, options.frozen === true);
  return {
    policy,
    command: [command],
    packageRoot: packageDirectory,
    logDirectory: logDirectory(process.env, options.logDir),
    cacheDirectory: cacheDirectory(process.env),
    journalDirectory: journalDirectory(process.env),
    packagesDirectory: packagesDirectory(process.env),
    accelerator: ready.accelerator,
    ...(await resolveIdentity(policy, process.env, onProgress)),
    ...(lock !== undefined && { toolLock: lock }),
    frozenTools: options.frozen === true,
    hostEnvironment: process.env,
    onProgress,
  };
}
