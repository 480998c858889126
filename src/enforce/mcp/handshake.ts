// The beginning with a server: what both sides say that they can do, cut down to what rules leave of it, and what the server says of
// itself, compared with what was reviewed.
// https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle, https://modelcontextprotocol.io/specification/2026-07-28/server/discover

import type { JsonObject } from '../../model/credential.ts';
import { request, tell } from './exchange.ts';
import { failure } from './exchange.ts';
import { isFeatureOpen } from './judge.ts';
import {
  clientCapabilities,
  implementationOf,
  serverCapabilities,
} from './message/capabilities.ts';
import { LEGACY_REVISIONS, META, MODERN_REVISIONS } from './message/era.ts';
import { isObject } from './message/message.ts';
import { noteDrift, noteFindings } from './note.ts';
import type { ServerFacts } from './pins.ts';
import { readShown, shownImplementation } from './shown.ts';
import type { Channel, Core, Failure, ServerState } from './state.ts';

export const OWN_NAME: JsonObject = { name: 'agent-sandbox', version: '1' };

/** The greeting of a server, as the agent may read it. */
export type Greeting = { result: JsonObject; fault?: never } | { fault: Failure; result?: never };

/** A way to a server in the legacy era, on which nothing has been said. */
export function legacyChannel(server: ServerState): Channel {
  return {
    server,
    era: 'legacy',
    revision: LEGACY_REVISIONS[LEGACY_REVISIONS.length - 1] ?? '',
    session: undefined,
    capabilities: {},
    client: OWN_NAME,
    agent: undefined,
  };
}

export function modernChannel(
  server: ServerState,
  revision: string,
  said?: { capabilities: JsonObject; client: JsonObject },
): Channel {
  return {
    ...legacyChannel(server),
    era: 'modern',
    revision,
    capabilities: said?.capabilities ?? {},
    client: said?.client ?? OWN_NAME,
  };
}

/** Capabilities that a server hears of, of those that an agent declares. */
export function heardCapabilities(core: Core, server: string, said: JsonObject): JsonObject {
  return clientCapabilities(said, (feature) => isFeatureOpen(core, server, feature));
}

/** `initialize`, on a channel that is new. */
export async function initialize(
  core: Core,
  channel: Channel,
  said: { revision: string; capabilities: JsonObject; client: JsonObject },
): Promise<Greeting> {
  const { server } = channel;
  const params = {
    protocolVersion: said.revision,
    capabilities: said.capabilities,
    clientInfo: said.client,
  };
  const reply = await request(core, channel, 'initialize', params, core.limits.listing);
  if (reply.kind !== 'result')
    return { fault: reply.kind === 'error' ? reply : failure('the tool server ended') };
  const { protocolVersion, capabilities, serverInfo, instructions } = reply.result;
  if (
    typeof protocolVersion !== 'string' ||
    !LEGACY_REVISIONS.includes(protocolVersion) ||
    !isObject(capabilities) ||
    (instructions !== undefined && typeof instructions !== 'string')
  )
    return { fault: failure('the greeting of the tool server is malformed') };
  channel.revision = protocolVersion;
  meet(core, server, {
    era: 'legacy',
    revision: protocolVersion,
    serverInfo: isObject(serverInfo) ? serverInfo : {},
    capabilities,
    ...(instructions !== undefined && { instructions }),
  });
  return {
    result: {
      protocolVersion,
      capabilities: shownCapabilities(core, server, capabilities),
      serverInfo: shownImplementation(core, server.id, serverInfo),
      ...shownInstructions(core, server, instructions),
    },
  };
}

/** `notifications/initialized`: the server may speak by itself from here on. */
export function initialized(channel: Channel): Promise<boolean> {
  return tell(channel, { method: 'notifications/initialized' });
}

/** `server/discover` */
export async function discover(core: Core, channel: Channel): Promise<Greeting> {
  const { server } = channel;
  const reply = await request(core, channel, 'server/discover', {}, core.limits.listing);
  if (reply.kind !== 'result')
    return { fault: reply.kind === 'error' ? reply : failure('the tool server ended') };
  const { supportedVersions, capabilities, instructions, ttlMs, _meta } = reply.result;
  if (
    !Array.isArray(supportedVersions) ||
    !isObject(capabilities) ||
    (instructions !== undefined && typeof instructions !== 'string')
  )
    return { fault: failure('the greeting of the tool server is malformed') };
  const said = isObject(_meta) ? _meta[META.server] : undefined;
  const serverInfo = said ?? reply.result['serverInfo'];
  meet(core, server, {
    era: 'modern',
    revision: channel.revision,
    serverInfo: isObject(serverInfo) ? serverInfo : {},
    capabilities,
    ...(instructions !== undefined && { instructions }),
  });
  const known = [...MODERN_REVISIONS, ...LEGACY_REVISIONS];
  const implementation = shownImplementation(core, server.id, serverInfo);
  return {
    result: {
      resultType: 'complete',
      supportedVersions: supportedVersions.filter(
        (one) => typeof one === 'string' && known.includes(one),
      ),
      capabilities: shownCapabilities(core, server, capabilities),
      ...(reply.result['serverInfo'] !== undefined && { serverInfo: implementation }),
      ...shownInstructions(core, server, instructions),
      ttlMs: typeof ttlMs === 'number' && Number.isSafeInteger(ttlMs) && ttlMs >= 0 ? ttlMs : 0,
      cacheScope: 'private',
      ...(said !== undefined && { _meta: { [META.server]: implementation } }),
    },
  };
}

/** What a modern server says of itself is compared before anything else of it is used. */
export async function ensureMet(core: Core, channel: Channel): Promise<Failure | undefined> {
  const { server } = channel;
  if (server.isMet || channel.era === 'legacy') return undefined;
  server.meeting ??= discover(core, modernChannel(server, channel.revision)).then(({ fault }) => {
    server.meeting = undefined;
    return fault;
  });
  return server.meeting;
}

function meet(core: Core, server: ServerState, facts: ServerFacts): void {
  const drifts = core.options.pins.meet(server.id, facts);
  noteDrift(core, drifts);
  // A new version is news; other abilities or other instructions are another server.
  if (
    drifts.some(
      ({ kind, name, change }) =>
        kind === 'server' && (change === 'refused' || name !== 'serverInfo'),
    )
  )
    server.isQuarantined = true;
  server.isMet = true;
}

function shownCapabilities(core: Core, server: ServerState, said: JsonObject): JsonObject {
  if (server.isQuarantined) return {};
  return serverCapabilities(said, (feature) => isFeatureOpen(core, server.id, feature));
}

/** Of a server whose instructions were reviewed, or seen first, and are clean. */
function shownInstructions(
  core: Core,
  server: ServerState,
  said: string | undefined,
): { instructions?: string } {
  const pinned = core.options.pins.find(server.id)?.facts.instructions;
  if (said === undefined || server.isQuarantined || pinned !== said) return {};
  const instructions = readShown(core, server.id, { instructions: said })?.['instructions'];
  return typeof instructions === 'string' ? { instructions } : {};
}

/** Who the agent says it is, if that holds nothing that must not leave. */
export function clientOf(
  core: Core,
  server: ServerState,
  said: JsonObject | undefined,
): JsonObject {
  const client = implementationOf(said, 'agent');
  const reading = core.options.content.outgoing(server.id, { clientInfo: client });
  noteFindings(core, server.id, 'out', reading.findings);
  return reading.action === 'block' ? implementationOf(undefined, 'agent') : client;
}
