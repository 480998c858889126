// The layer options that `policy` commands share with `run`, and the policy they make.
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { platformIdentity } from '../identity/platform.ts';
import { renderDiagnostics } from '../policy/diagnostic.ts';
import { type LoadedPolicy, loadEffectivePolicy } from '../source/load.ts';
import { ownDirectories } from './directories.ts';
import { err } from './output.ts';
import { packageDirectory } from './version.ts';

export interface LayerOptions {
  policy?: string;
  orgPolicy?: string;
  teamPolicy?: string[];
  workspace?: string;
  workspaceAccess?: 'read' | 'write' | 'private';
  mode?: 'audit';
  json: boolean;
}

export function addLayerOptions(command: Command): Command {
  return command
    .addOption(
      option(
        '--policy <file>',
        "the repository's policy (default: .github/agent-sandbox.yml in the workspace)",
      ),
    )
    .addOption(option('--org-policy <file>', "the organisation's policy"))
    .addOption(
      option('--team-policy <file>', "a team's policy; may be repeated").argParser(
        (value: string, previous: string[] | undefined) => [...(previous ?? []), value],
      ),
    )
    .addOption(option('--workspace <dir>', 'the workspace (default: the current directory)'))
    .addOption(
      option('--workspace-access <access>', 'as of `run`').choices(['read', 'write', 'private']),
    )
    .addOption(option('--mode <mode>', 'as of `run`').choices(['audit']))
    .option('--json', 'print the result as JSON', false);
}

function option(flags: string, description: string): Option {
  const name = /--([a-z-]+)/.exec(flags)?.[1] ?? '';
  return new Option(flags, description).env(
    `AGENT_SANDBOX_${name.replaceAll('-', '_').toUpperCase()}`,
  );
}

/**
 * Loads the layers; a file given as argument is the repo layer, whatever the options say. `isAccepted`: asked of a policy that
 * the workspace brings along, where something is done with the credentials it asks for.
 */
export function loadLayers(
  options: LayerOptions,
  file?: string,
  isAccepted?: (path: string, digest: string) => boolean,
): LoadedPolicy {
  const policy = file ?? options.policy;
  const environment = process.env;
  return loadEffectivePolicy({
    workspace: resolve(options.workspace ?? process.cwd()),
    home: environment['HOME'] ?? homedir(),
    environment,
    repository: platformIdentity(environment)?.run.repository,
    packageRoot: packageDirectory,
    directory: process.cwd(),
    platform: process.platform,
    hidden: ownDirectories(environment),
    ...(policy === undefined ? {} : { policy }),
    ...(isAccepted === undefined ? {} : { isAccepted }),
    ...(options.orgPolicy === undefined ? {} : { orgPolicy: options.orgPolicy }),
    ...(options.teamPolicy === undefined ? {} : { teamPolicies: options.teamPolicy }),
    ...(options.workspaceAccess === undefined ? {} : { workspaceAccess: options.workspaceAccess }),
    ...(options.mode === undefined ? {} : { mode: options.mode }),
  });
}

/** Says on stderr what is wrong with the files. */
export function reportFaults({ diagnostics, texts }: LoadedPolicy): void {
  if (diagnostics.length > 0) err(renderDiagnostics(diagnostics, texts));
}
