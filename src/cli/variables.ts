// `--env NAME[=VALUE]`, as pairs.

import { SandboxError } from '../model/error.ts';

/** A name without a value takes the host's; one the host does not have is left out. */
export function variables(
  entries: readonly string[],
  host: Readonly<Record<string, string | undefined>>,
): [string, string][] {
  const pairs: [string, string][] = [];
  for (const entry of entries) {
    const at = entry.indexOf('=');
    const name = at === -1 ? entry : entry.slice(0, at);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      throw new SandboxError({
        kind: 'usage',
        code: 'RUN_BAD_VARIABLE',
        message: `expected NAME or NAME=VALUE for --env, got '${entry}'`,
      });
    const value = at === -1 ? host[name] : entry.slice(at + 1);
    if (value !== undefined) pairs.push([name, value]);
  }
  return pairs;
}
