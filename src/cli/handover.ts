// By which variables a step of a workflow finds the files that later steps are given something with.

import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkflowHandover } from '../model/policy.ts';

/** Those that the policy opens: a step that does not see a file does not believe that it was heard. */
export function handoverVariables(
  directory: string | undefined,
  { outputs, env, path }: WorkflowHandover,
): (readonly [string, string])[] {
  if (directory === undefined) return [];
  const real = realpathSync(directory);
  return [
    ...(outputs
      ? ([
          ['GITHUB_OUTPUT', join(real, 'output')],
          ['GITHUB_STEP_SUMMARY', join(real, 'summary')],
        ] as const)
      : []),
    ...(env.length > 0 ? ([['GITHUB_ENV', join(real, 'env')]] as const) : []),
    ...(path ? ([['GITHUB_PATH', join(real, 'path')]] as const) : []),
  ];
}
