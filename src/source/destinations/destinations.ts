// Named destinations: `host: npm` means wherever this host's own npm goes. Hosts of package registries stand nowhere in this
// program: they come from the clients' configuration, so that private mirrors work as they are.

import { aptArchives } from './apt.ts';
import type { Client } from './client.ts';
import { ConfigurationFault, type Endpoint, unique } from './endpoint.ts';
import { KNOWN_DESTINATIONS } from './known.ts';
import { npmRegistries } from './npm.ts';
import { pipIndexes } from './pip.ts';

const CONFIGURED: Readonly<Record<string, (client: Client) => Endpoint[]>> = {
  npm: npmRegistries,
  pip: pipIndexes,
  debian: aptArchives,
  ubuntu: aptArchives,
};

export const DESTINATION_NAMES: readonly string[] = [
  ...Object.keys(CONFIGURED),
  ...Object.keys(KNOWN_DESTINATIONS),
].sort();

/** Where a named destination leads on this host, or why it leads nowhere. */
export function resolveDestination(name: string, client: Client): Endpoint[] | { fault: string } {
  const known = Object.hasOwn(KNOWN_DESTINATIONS, name) ? KNOWN_DESTINATIONS[name] : undefined;
  if (known !== undefined)
    return known.flatMap(({ host, ports, source }) =>
      ports.map((port) => ({ host, port, from: source })),
    );
  const read = Object.hasOwn(CONFIGURED, name) ? CONFIGURED[name] : undefined;
  if (read === undefined) return { fault: `there is no destination called '${name}'` };
  try {
    const endpoints = unique(read(client));
    return endpoints.length > 0
      ? endpoints
      : { fault: `nothing on this host says where '${name}' leads` };
  } catch (error) {
    if (error instanceof ConfigurationFault) return { fault: error.message };
    throw error;
  }
}
