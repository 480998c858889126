// `shell:` as steps of a workflow have it: a known name, or a command with `{0}` for the script's file.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell

import { SandboxError } from '../model/error.ts';

const KNOWN: Readonly<Record<string, readonly string[]>> = {
  bash: ['bash', '--noprofile', '--norc', '-eo', 'pipefail', '{0}'],
  sh: ['sh', '-e', '{0}'],
  python: ['python', '{0}'],
  node: ['node', '{0}'],
};

/** Program and arguments that run `script`. */
export function shellCommand(shell: string, script: string): string[] {
  const words = Object.hasOwn(KNOWN, shell) ? (KNOWN[shell] ?? []) : shell.split(/ +/);
  if (!words.some((word) => word.includes('{0}')))
    throw new SandboxError({
      kind: 'usage',
      code: 'ACTION_SHELL',
      message: `the shell '${shell}' is neither ${Object.keys(KNOWN).join(', ')} nor a command with {0} for the script`,
    });
  return words.map((word) => word.replaceAll('{0}', script));
}
