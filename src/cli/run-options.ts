// The options of `run` and of every command that looks at a policy the way `run` does.
// Each option is also a variable: `--log-dir` is AGENT_SANDBOX_LOG_DIR.

import { type Command, InvalidArgumentError, Option } from 'commander';
import type { EngineChoice } from '../session/plan.ts';

export interface RunOptions {
  policy?: string;
  orgPolicy?: string;
  teamPolicy?: string[];
  workspace?: string;
  workspaceAccess?: 'read' | 'write' | 'private';
  mode?: 'audit';
  engine: EngineChoice;
  image: string;
  cpus?: number;
  memory?: string;
  timeout?: string;
  env: string[];
  logDir?: string;
  failOnDenial: boolean;
  frozen: boolean;
  policyRoot?: string;
  handover?: string;
  tty?: boolean;
  quiet: boolean;
  json: boolean;
}

/** Adds the options of CONTRACT §2 `run`. */
export function addRunOptions(command: Command): Command {
  return command
    .addOption(
      option(
        '--policy <file>',
        "the repository's policy (default: .github/agent-sandbox.yml in the workspace)",
      ),
    )
    .addOption(option('--org-policy <file>', "the organisation's policy"))
    .addOption(
      option('--team-policy <file>', "a team's policy; may be repeated").argParser(collect),
    )
    .addOption(
      option('--workspace <dir>', 'the directory to work in (default: the current directory)'),
    )
    .addOption(
      option('--workspace-access <access>', 'tighten what may be done in the workspace').choices([
        'read',
        'write',
        'private',
      ]),
    )
    .addOption(
      option('--mode <mode>', 'record what would be denied and let it through').choices(['audit']),
    )
    .addOption(
      option('--engine <engine>', 'the accelerator of the microVM')
        .choices(['auto', 'kvm', 'hvf', 'tcg'])
        .default('auto'),
    )
    .addOption(option('--image <image>', 'the root file system: host').default('host'))
    .addOption(option('--cpus <n>', 'processors of the guest').argParser(positiveInteger))
    .addOption(option('--memory <size>', 'memory of the guest, e.g. 4GiB'))
    .addOption(option('--timeout <duration>', 'end the session after this time, e.g. 30m'))
    .addOption(
      option(
        '--env <name[=value]>',
        "pass one variable; without a value the host's; may be repeated",
      )
        .argParser(collect)
        .default([], 'none'),
    )
    .addOption(option('--log-dir <dir>', 'where session directories are made'))
    .addOption(
      option(
        '--frozen',
        'do not start unless every required tool server is what the lock file says',
      ).default(false),
    )
    .addOption(
      option(
        '--fail-on-denial',
        'exit with 3 when the command succeeds but something was denied',
      ).default(false),
    )
    .addOption(
      option(
        '--policy-root <dir>',
        "the directory that stands for the repository's root: what policy files in it are called, and where the tool lock is",
      ),
    )
    .addOption(
      option(
        '--handover <dir>',
        'a directory whose files output, summary, env and path the command may write, for later steps of a workflow',
      ),
    )
    .addOption(
      new Option('--tty', 'give the command a terminal (default: when stdin and stdout are one)'),
    )
    .addOption(new Option('--no-tty', 'give the command pipes'))
    .addOption(option('--quiet', 'no progress and no summary on stderr').default(false))
    .addOption(
      option('--json', 'print the result of the session as JSON on stderr').default(false),
    );
}

function option(flags: string, description: string): Option {
  const name = /--([a-z-]+)/.exec(flags)?.[1] ?? '';
  return new Option(flags, description).env(
    `AGENT_SANDBOX_${name.replaceAll('-', '_').toUpperCase()}`,
  );
}

function collect(value: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

function positiveInteger(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1)
    throw new InvalidArgumentError('expected a whole number of at least 1');
  return number;
}
