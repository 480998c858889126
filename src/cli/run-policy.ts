// The options of `run` that make a policy, and the effective policy they make.

import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { platformIdentity } from '../identity/platform.ts';
import { SandboxError } from '../model/error.ts';
import type { EffectivePolicy, Limits } from '../model/policy.ts';
import { renderDiagnostics } from '../policy/diagnostic.ts';
import { parseDuration, parseSize } from '../policy/quantity.ts';
import { loadEffectivePolicy } from '../source/load.ts';
import { isTrusted } from '../source/trusted.ts';
import { ownDirectories, trustedFile } from './directories.ts';
import type { RunOptions } from './run-options.ts';
import { packageDirectory } from './version.ts';

export type RunPolicy =
  | { kind: 'valid'; policy: EffectivePolicy; warnings: string }
  | { kind: 'invalid'; report: string };

type Environment = Readonly<Record<string, string | undefined>>;

export function loadRunPolicy(options: RunOptions, environment: Environment): RunPolicy {
  const loaded = loadEffectivePolicy({
    workspace: resolve(options.workspace ?? process.cwd()),
    home: environment['HOME'] ?? homedir(),
    environment,
    repository: platformIdentity(environment)?.run.repository,
    packageRoot: packageDirectory,
    directory: process.cwd(),
    platform: process.platform,
    hidden: ownDirectories(environment, options.logDir),
    isAccepted: (path, digest) => isTrusted(trustedFile(environment), { path, digest }),
    ...(options.policy === undefined ? {} : { policy: options.policy }),
    ...(options.policyRoot === undefined ? {} : { policyRoot: resolve(options.policyRoot) }),
    ...(options.handover === undefined ? {} : { handover: resolve(options.handover) }),
    ...(options.orgPolicy === undefined ? {} : { orgPolicy: options.orgPolicy }),
    ...(options.teamPolicy === undefined ? {} : { teamPolicies: options.teamPolicy }),
    ...(options.workspaceAccess === undefined ? {} : { workspaceAccess: options.workspaceAccess }),
    ...(options.mode === undefined ? {} : { mode: options.mode }),
    limits: limitsOf(options),
  });
  const report = renderDiagnostics(loaded.diagnostics, loaded.texts);
  return loaded.policy === undefined
    ? { kind: 'invalid', report }
    : { kind: 'valid', policy: loaded.policy, warnings: report };
}

function limitsOf({ cpus, memory, timeout }: RunOptions): Partial<Limits> {
  return {
    ...(cpus === undefined ? {} : { cpus }),
    ...(memory === undefined
      ? {}
      : { memory: quantity('--memory', memory, parseSize, 'a size such as 4GiB') }),
    ...(timeout === undefined
      ? {}
      : {
          timeout: quantity('--timeout', timeout, parseDuration, 'a duration such as 90s or 1h30m'),
        }),
  };
}

function quantity(
  option: string,
  text: string,
  parse: (text: string) => number | undefined,
  expected: string,
): number {
  const value = parse(text);
  if (value !== undefined) return value;
  throw new SandboxError({
    kind: 'usage',
    code: 'RUN_BAD_LIMIT',
    message: `expected ${expected} for ${option}, got '${text}'`,
  });
}
