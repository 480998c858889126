// Where session directories lie, as the environment says (CONTRACT §3).

import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { temporaryFolders } from '../engine/sweep.ts';
import { runtimeDirectories } from '../session/directory.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The directory that holds one directory per session; `chosen` is the value of `--log-dir`. */
export function logDirectory(environment: Environment, chosen?: string): string {
  if (chosen !== undefined && chosen !== '') return resolve(chosen);
  const { AGENT_SANDBOX_LOG_DIR, GITHUB_ACTIONS, RUNNER_TEMP, XDG_STATE_HOME, HOME } = environment;
  if (AGENT_SANDBOX_LOG_DIR !== undefined && AGENT_SANDBOX_LOG_DIR !== '') {
    return resolve(AGENT_SANDBOX_LOG_DIR);
  }
  const isRunner =
    GITHUB_ACTIONS === 'true' && RUNNER_TEMP !== undefined && isAbsolute(RUNNER_TEMP);
  if (isRunner) return join(RUNNER_TEMP, 'agent-sandbox', 'sessions');
  // The XDG specification: a relative path is invalid and counts as unset.
  const isGiven = XDG_STATE_HOME !== undefined && isAbsolute(XDG_STATE_HOME);
  const home = HOME !== undefined && isAbsolute(HOME) ? HOME : homedir();
  const state = isGiven ? XDG_STATE_HOME : join(home, '.local', 'state');
  return join(state, 'agent-sandbox', 'sessions');
}

/** Where what revokes live credentials is kept: beside the sessions, wherever their logs are asked to go. */
export function journalDirectory({
  AGENT_SANDBOX_LOG_DIR: _,
  ...environment
}: Environment): string {
  return join(dirname(logDirectory(environment)), 'live-credentials');
}

/** The list of policies that this user has accepted. */
export function trustedFile(environment: Environment): string {
  return join(dirname(journalDirectory(environment)), 'trusted.json');
}

/** What of the program's own no guest reads or writes, whatever its policy allows around it. */
export function ownDirectories(environment: Environment, logs?: string): string[] {
  return [
    logDirectory(environment, logs),
    journalDirectory(environment),
    trustedFile(environment),
    cacheDirectory(environment),
    packagesDirectory(environment),
    runtimeDirectories(),
    temporaryFolders(),
  ];
}

/** The directory of kernels, images and snapshots. */
export function cacheDirectory(environment: Environment): string {
  const { AGENT_SANDBOX_CACHE_DIR, XDG_CACHE_HOME, HOME } = environment;
  if (AGENT_SANDBOX_CACHE_DIR !== undefined && AGENT_SANDBOX_CACHE_DIR !== '') {
    return resolve(AGENT_SANDBOX_CACHE_DIR);
  }
  const isGiven = XDG_CACHE_HOME !== undefined && isAbsolute(XDG_CACHE_HOME);
  const home = HOME !== undefined && isAbsolute(HOME) ? HOME : homedir();
  return join(isGiven ? XDG_CACHE_HOME : join(home, '.cache'), 'agent-sandbox');
}

/** The directory of packages that tool servers run from; each server sees its own. */
export function packagesDirectory(environment: Environment): string {
  return `${cacheDirectory(environment)}-packages`;
}
