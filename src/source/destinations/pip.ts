// The indexes pip is configured for.

import { join } from 'node:path';
import type { Client } from './client.ts';
import { type Endpoint, endpointOf } from './endpoint.ts';

const SETTING = /^(index-url|extra-index-url)\s*[=:]\s*(.*)$/;
/** pip's own idea of its default index and of the host that keeps the files. */
const DEFAULTS =
  "from pip._internal.models.index import PyPI as p; print(p.simple_url); print('https://' + p.file_storage_domain)";

export function pipIndexes(client: Client): Endpoint[] {
  const settings = [
    ...fromVariables(client),
    ...configFiles(client).flatMap((file) => fromFile(client, file)),
  ];
  const named = settings.map(({ url, from }) => endpointOf(url, from));
  if (settings.some(({ isDefault }) => isDefault)) return named;
  const answer = client.ask('python3', ['-I', '-c', DEFAULTS]) ?? '';
  return [
    ...answer
      .split('\n')
      .filter((url) => url !== '')
      .map((url) => endpointOf(url, 'pip')),
    ...named,
  ];
}

interface Setting {
  url: string;
  from: string;
  isDefault: boolean;
}

function fromVariables({ environment }: Client): Setting[] {
  return [
    ...words(environment['PIP_INDEX_URL'], 'PIP_INDEX_URL', true),
    ...words(environment['PIP_EXTRA_INDEX_URL'], 'PIP_EXTRA_INDEX_URL', false),
  ];
}

function words(text: string | undefined, from: string, isDefault: boolean): Setting[] {
  const urls = (text ?? '').split(/\s+/).filter((word) => word !== '');
  return urls.map((url) => ({ url, from, isDefault }));
}

function configFiles({ home, environment }: Client): string[] {
  const own = environment['PIP_CONFIG_FILE'];
  return [
    '/etc/pip.conf',
    '/etc/xdg/pip/pip.conf',
    join(home, '.pip/pip.conf'),
    join(environment['XDG_CONFIG_HOME'] ?? join(home, '.config'), 'pip/pip.conf'),
    ...(own === undefined || own === '' ? [] : [own]),
  ];
}

/** A value goes on in the lines below it that begin with a blank. */
function fromFile(client: Client, file: string): Setting[] {
  const lines = (client.read(file) ?? '').split(/\r?\n/).filter((line) => !/^\s*[#;]/.test(line));
  const joined = lines
    .join('\n')
    .replace(/\n[ \t]+/g, ' ')
    .split('\n');
  return joined.flatMap((line) => {
    const [, key, value] = SETTING.exec(line.trim()) ?? [];
    return words(value, file, key === 'index-url');
  });
}
