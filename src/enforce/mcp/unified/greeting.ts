// What the gateway says of itself to an agent that sees all servers at once: the servers' own greetings are for who speaks with one of them.

import type { JsonObject } from '../../../model/credential.ts';
import type { Feature } from '../../../model/mcp.ts';
import { OWN_NAME } from '../handshake.ts';
import { isFeatureOpen } from '../judge.ts';
import { serverCapabilities } from '../message/capabilities.ts';
import { LEGACY_REVISIONS, META, MODERN_REVISIONS } from '../message/era.ts';
import type { Core, ServerState } from '../state.ts';

/** Of a server that has not said what it can do. */
const UNKNOWN: JsonObject = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  logging: {},
  completions: {},
};

/** The answer to `initialize`. */
export function ownGreeting(core: Core, revision: string): JsonObject {
  return {
    protocolVersion: revision,
    capabilities: capabilitiesOfAll(core),
    serverInfo: OWN_NAME,
  };
}

/** The answer to `server/discover`. */
export function ownDiscovery(core: Core): JsonObject {
  return {
    resultType: 'complete',
    supportedVersions: [...MODERN_REVISIONS, ...LEGACY_REVISIONS],
    capabilities: capabilitiesOfAll(core),
    ttlMs: 0,
    cacheScope: 'private',
    _meta: { [META.server]: OWN_NAME },
  };
}

/** All that one of them can do and rules leave of it. */
function capabilitiesOfAll(core: Core): JsonObject {
  const all: JsonObject = {};
  for (const server of core.servers.values())
    for (const [name, one] of Object.entries(capabilitiesOf(core, server)))
      all[name] = { ...(all[name] as JsonObject | undefined), ...(one as JsonObject) };
  return all;
}

function capabilitiesOf(core: Core, server: ServerState): JsonObject {
  if (server.isQuarantined) return {};
  const said = core.options.pins.find(server.id)?.facts.capabilities ?? UNKNOWN;
  return serverCapabilities(said, (feature: Feature) => isFeatureOpen(core, server.id, feature));
}
