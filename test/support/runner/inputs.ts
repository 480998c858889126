// What an action is given: `with:` over the defaults of its `action.yml` (ActionRunner.cs).

import type { ActionFile } from './action-file.ts';
import { type Scope, evaluateText } from './expression.ts';
import { type StepState, addIssue } from './state.ts';
import type { StepFile } from './workflow-file.ts';

/** By the name as it is declared, in lower case where it is not. */
export function evaluateInputs(
  file: StepFile,
  action: ActionFile,
  scope: Scope,
  step: StepState,
): Map<string, string> {
  const inputs = new Map<string, string>();
  for (const [name, value] of Object.entries(file.with ?? {}))
    inputs.set(name.toLowerCase(), evaluateText(value, scope));
  const unknown = [...inputs.keys()].filter((name) => !action.inputs.has(name));
  if (unknown.length > 0) {
    const quote = (names: string[]): string => names.map((name) => `'${name}'`).join(', ');
    const valid = quote([...action.inputs.keys()]);
    addIssue(step, 'warning', `Unexpected input(s) ${quote(unknown)}, valid inputs are [${valid}]`);
  }
  for (const [name, { default: usual, deprecationMessage }] of action.inputs) {
    if (!inputs.has(name)) inputs.set(name, evaluateText(usual ?? '', scope));
    else if (deprecationMessage !== undefined)
      addIssue(
        step,
        'warning',
        `Input '${name}' has been deprecated with message: ${deprecationMessage}`,
      );
  }
  return inputs;
}

/** `INPUT_*`: upper case, spaces become `_`, all else stays as it is. */
export function inputVariables(inputs: ReadonlyMap<string, string>): Record<string, string> {
  const pairs = [...inputs].map(([name, value]) => [
    `INPUT_${name.replaceAll(' ', '_').toUpperCase()}`,
    value,
  ]);
  return Object.fromEntries(pairs) as Record<string, string>;
}
