// The command line as a whole: every command, and how an error reaches the user.

import { Command, CommanderError } from 'commander';
import { SandboxError } from '../model/error.ts';
import { version } from './version.ts';
import { EXIT } from './exit-code.ts';
import { err } from './output.ts';

/** Commands are loaded when they are called: `run` starts faster for not reading the others. */
const COMMANDS: Record<string, () => Promise<Command>> = {
  run: async () => (await import('./run.ts')).runCommand(),
  exec: async () => (await import('./session-commands.ts')).execCommand(),
  ps: async () => (await import('./session-commands.ts')).psCommand(),
  stop: async () => (await import('./session-commands.ts')).stopCommand(),
  policy: async () => (await import('./policy.ts')).policyCommand(),
  credential: async () => (await import('./credential.ts')).credentialCommand(),
  mcp: async () => (await import('./mcp.ts')).mcpCommand(),
  trust: async () => (await import('./trust.ts')).trustCommand(),
  log: async () => (await import('./log.ts')).logCommand(),
  report: async () => (await import('./report.ts')).reportCommand(),
  setup: async () => (await import('./setup.ts')).setupCommand(),
  doctor: async () => (await import('./doctor.ts')).doctorCommand(),
};

/** Runs the command line and sets `process.exitCode`. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('agent-sandbox')
    .description('Runs a command in a microVM under one policy, and records every decision.')
    .version(version)
    .enablePositionalOptions()
    .showHelpAfterError("(see 'agent-sandbox --help')")
    .exitOverride();
  const [name] = argv;
  const load = name === undefined || !Object.hasOwn(COMMANDS, name) ? undefined : COMMANDS[name];
  const loaders = load === undefined ? Object.values(COMMANDS) : [load];
  for (const loader of loaders) program.addCommand(withExitOverride(await loader()));
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    process.exitCode = report(error);
  }
}

function withExitOverride(command: Command): Command {
  command.exitOverride();
  for (const child of command.commands) withExitOverride(child);
  return command;
}

function report(error: unknown): number {
  // Commander has already said what was wrong, or printed the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.failed;
  if (error instanceof SandboxError) {
    err(`agent-sandbox: ${error.message}`);
    if (error.hint !== undefined) err(`  next: ${error.hint}`);
  } else {
    err(
      `agent-sandbox: internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  }
  return EXIT.failed;
}
