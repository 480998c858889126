// The archives apt is configured for, in both of its formats.

import type { Client } from './client.ts';
import { type Endpoint, endpointOf } from './endpoint.ts';

const LIST = '/etc/apt/sources.list';
const FOLDER = '/etc/apt/sources.list.d';

export function aptArchives(client: Client): Endpoint[] {
  const files = [LIST, ...client.list(FOLDER)];
  return files.flatMap((file) => {
    const text = client.read(file) ?? '';
    const urls = file.endsWith('.sources')
      ? deb822(text)
      : file.endsWith('.list')
        ? oneLine(text)
        : [];
    // A CD or a folder of this machine is no place on the network.
    return urls.filter((url) => /^https?:/.test(url)).map((url) => endpointOf(url, file));
  });
}

/** `deb [options] URL suite component...` */
function oneLine(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const [, url] = /^\s*deb(?:-src)?\s+(?:\[[^\]]*\]\s*)?(\S+)/.exec(line) ?? [];
    return url === undefined ? [] : [url];
  });
}

/** `URIs: URL URL`, going on in lines that begin with a blank. */
function deb822(text: string): string[] {
  const joined = text.replace(/^#.*\n/gm, '').replace(/\n[ \t]+/g, ' ');
  return [...joined.matchAll(/^URIs:(.*)$/gim)].flatMap(([, urls = '']) =>
    urls.trim().split(/\s+/),
  );
}
