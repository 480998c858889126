// Which registry the host's npm publishes a package to: that of its scope, else the default one.
// https://docs.npmjs.com/cli/using-npm/registry; variables come before files, the user's file before the machine's.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { sourceFault } from './fault.ts';
import { runCommand } from './run-command.ts';
import type { SourceHost } from './source.ts';

const SETTING = /^\s*(?:(@[^:\s]+):)?registry\s*=\s*"?([^\s"]+)"?\s*$/;
const REGISTRY = /^https?:\/\/[^\s@?#]+$/;
const LONGEST = 1024 * 1024;

/** Without one anywhere npm is asked for its own default: its host stands nowhere here. */
export async function configuredRegistry(name: string, host: SourceHost): Promise<string> {
  const scope = name.startsWith('@') ? name.slice(0, name.indexOf('/')) : undefined;
  const { environment } = host;
  const settings = configFiles(host).flatMap(readSettings);
  const found =
    (scope !== undefined && settings.find((setting) => setting.scope === scope)?.url) ||
    environment['npm_config_registry'] ||
    environment['NPM_CONFIG_REGISTRY'] ||
    settings.find((setting) => setting.scope === undefined)?.url;
  const url = found ?? lastLine(await runCommand(['npm', 'config', 'get', 'registry'], host));
  if (REGISTRY.test(url) && URL.canParse(url)) return url;
  throw sourceFault(
    "npm's configuration names no registry by a plain http or https URL",
    "say the registry in the credential's request",
  );
}

interface Setting {
  scope: string | undefined;
  url: string;
}

function configFiles({ home, environment }: SourceHost): string[] {
  const user = environment['NPM_CONFIG_USERCONFIG'] ?? environment['npm_config_userconfig'];
  const global = environment['NPM_CONFIG_GLOBALCONFIG'] ?? environment['npm_config_globalconfig'];
  return [
    user ?? join(home, '.npmrc'),
    ...(global === undefined ? ['/etc/npmrc', '/usr/local/etc/npmrc'] : [global]),
  ];
}

function readSettings(file: string): Setting[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').slice(0, LONGEST);
  } catch {
    return []; // Most machines have only some of them.
  }
  return text.split(/\r?\n/).flatMap((line) => {
    const [, scope, url] = SETTING.exec(line) ?? [];
    return url === undefined ? [] : [{ scope, url }];
  });
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) ?? '';
}
