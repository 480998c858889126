// `policy check`: every fault of the files, and every rule that exceeds a ceiling, with its place.
import { Command } from 'commander';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { EffectivePolicy } from '../model/policy.ts';
import {
  hasErrors,
  renderDiagnostics,
  showControls,
  sortDiagnostics,
} from '../policy/diagnostic.ts';
import type { LoadedPolicy } from '../source/load.ts';
import { err, json, out, paint } from './output.ts';
import { addLayerOptions, type LayerOptions, loadLayers } from './policy-options.ts';

/** Exit codes of `check` and `test`. */
export const GOOD = 0;
export const NOT_GOOD = 1;
export const UNREADABLE = 2;

export function checkCommand(): Command {
  const command = new Command('check')
    .description('check policy files, and how their layers fit')
    .argument('[file]', 'the policy to check (default: as --policy)');
  return addLayerOptions(command).action((file: string | undefined, options: LayerOptions) => {
    const loaded = loadLayers(options, file);
    const diagnostics = sortDiagnostics([...loaded.diagnostics, ...exceedings(loaded.policy)]);
    process.exitCode = exitCodeOf(loaded, diagnostics);
    if (options.json) {
      json({ good: process.exitCode === GOOD, files: Object.keys(loaded.texts), diagnostics });
      return;
    }
    if (diagnostics.length > 0) err(renderDiagnostics(diagnostics, loaded.texts));
    const files = Object.keys(loaded.texts).map(showControls);
    if (process.exitCode === GOOD) {
      out(
        files.length === 0
          ? 'no policy file: the builtin layer alone is in force'
          : `${paint('green', 'good')}  ${files.join(', ')}`,
      );
    } else {
      const count = diagnostics.filter((diagnostic) => diagnostic.severity === 'error').length;
      err(`${count} ${count === 1 ? 'error' : 'errors'}`);
    }
  });
}

/** 2 where a file cannot be read at all, 1 where what it says is not good. */
export function exitCodeOf({ policy }: LoadedPolicy, diagnostics: readonly Diagnostic[]): number {
  if (
    diagnostics.some(
      ({ code }) => code === 'policy-absent' || code === 'policy-unreadable' || code === 'place',
    )
  )
    return UNREADABLE;
  return policy === undefined || hasErrors(diagnostics) ? NOT_GOOD : GOOD;
}

/** What a run would clamp is an error here: its author is still there to change it. */
function exceedings(policy: EffectivePolicy | undefined): Diagnostic[] {
  return (policy?.clamps ?? []).map(({ rule, by, message }) => ({
    code: 'exceeds-ceiling',
    severity: 'error',
    file: rule.file,
    span: { line: rule.line, column: rule.column, offset: 0, length: 1 },
    message,
    help: `it will not take effect; ${by} would have to allow it`,
  }));
}
