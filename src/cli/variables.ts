// `--env NAME[=VALUE]`, as pairs.

import { SandboxError } from '../model/error.ts';

/** Names by which programs hand secrets on; all that the runner tells its actions. */
const SECRET =
  /^ACTIONS_|^INPUT_|(?:^|_)(?:TOKEN|SECRETS?|PASSWORD|PASSWD|PASSPHRASE|PAT|CREDENTIALS?|API_?KEY|ACCESS_KEY|SECRET_KEY|PRIVATE_KEY|AUTH|COOKIE)(?:_|$)/i;
/** Names that only sound so: where something is, or how long it lasts. */
const HARMLESS = /_(?:FILE|PATH|DIR|URL|URI|HOST|ID|NAME|TTL|TIMEOUT|LIMIT|COUNT|TYPE|SOCK)$/i;

function isSecretBearing(name: string): boolean {
  return /^ACTIONS_|^INPUT_/i.test(name) || (SECRET.test(name) && !HARMLESS.test(name));
}

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
    if (at === -1 && isSecretBearing(name))
      throw new SandboxError({
        kind: 'usage',
        code: 'RUN_SECRET_VARIABLE',
        message: `the host's ${name} looks like a secret, and no secret goes into the guest`,
        hint: `name it under \`credentials\` with \`provider: env\`, or write --env ${name}=VALUE for a value that is none`,
      });
    const value = at === -1 ? host[name] : entry.slice(at + 1);
    if (value !== undefined) pairs.push([name, value]);
  }
  return pairs;
}
