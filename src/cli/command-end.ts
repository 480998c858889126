// How a command ended, as exit code and as words, the same for `run` and `exec`.

import { getSystemErrorMap } from 'node:util';
import type { ProcessExit } from '../guest/exec.ts';
import type { Decision } from '../model/decision.ts';
import { EXIT, signalExit } from './exit-code.ts';
import { err } from './output.ts';

const STAGES: Readonly<Record<string, (name: string) => string>> = {
  execute: (name) => `cannot run '${name}'`,
  directory: () => 'cannot enter the working directory',
  setup: () => 'cannot make the process',
};

/** The exit code; says on stderr why a command never ran. */
export function reportEnd(exit: ProcessExit, name: string): number {
  if ('signal' in exit) return signalExit(exit.signal);
  if ('errno' in exit) {
    const system = getSystemErrorMap().get(-exit.errno)?.[1] ?? `error ${exit.errno}`;
    err(`agent-sandbox: ${STAGES[exit.stage]?.(name) ?? 'cannot run it'} in the guest: ${system}`);
  }
  return exit.code;
}

/** Says which rule kept a command from being started. */
export function reportDenied(path: string, decision: Pick<Decision, 'reason' | 'rule'>): number {
  const { reason, rule } = decision;
  err(`agent-sandbox: '${path}' may not be executed: ${reason}`);
  err(`  rule ${rule.id} (${rule.file}:${rule.line})`);
  return EXIT.cannotExecute;
}
