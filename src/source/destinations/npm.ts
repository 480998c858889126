// The registries npm is configured for: the default one and those of scopes.

import { join } from 'node:path';
import type { Client } from './client.ts';
import { type Endpoint, endpointOf } from './endpoint.ts';

const SETTING = /^\s*(?:(@[^:\s]+):)?registry\s*=\s*"?([^\s"]+)"?\s*$/;
const VARIABLES: readonly string[] = ['npm_config_registry', 'NPM_CONFIG_REGISTRY'];

/** npm asks its own default where nothing is configured; its host stands nowhere here. */
export function npmRegistries(client: Client): Endpoint[] {
  const found = [
    ...fromVariables(client),
    ...configFiles(client).flatMap((file) => fromFile(client, file)),
  ];
  if (found.some(({ isDefault }) => isDefault)) return found.map(({ endpoint }) => endpoint);
  const answer = client.ask('npm', ['config', 'get', 'registry'])?.trim().split('\n').at(-1);
  const own =
    answer === undefined || answer === '' ? [] : [endpointOf(answer, 'npm config get registry')];
  return [...own, ...found.map(({ endpoint }) => endpoint)];
}

interface Setting {
  endpoint: Endpoint;
  isDefault: boolean;
}

function fromVariables({ environment }: Client): Setting[] {
  return VARIABLES.flatMap((name) => {
    const value = environment[name];
    return value === undefined || value === ''
      ? []
      : [{ endpoint: endpointOf(value, name), isDefault: true }];
  });
}

function configFiles({ home, environment }: Client): string[] {
  const user = environment['NPM_CONFIG_USERCONFIG'] ?? environment['npm_config_userconfig'];
  const global = environment['NPM_CONFIG_GLOBALCONFIG'] ?? environment['npm_config_globalconfig'];
  return [
    user ?? join(home, '.npmrc'),
    global ?? '/etc/npmrc',
    '/usr/etc/npmrc',
    '/usr/local/etc/npmrc',
  ];
}

function fromFile(client: Client, file: string): Setting[] {
  return (client.read(file) ?? '').split(/\r?\n/).flatMap((line) => {
    const [, scope, value] = SETTING.exec(line) ?? [];
    if (value === undefined) return [];
    const expanded = value.replace(
      /\$\{([^}]+)\}/g,
      (_, name: string) => client.environment[name] ?? '',
    );
    return [{ endpoint: endpointOf(expanded, file), isDefault: scope === undefined }];
  });
}
