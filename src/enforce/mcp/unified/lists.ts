// The lists of all servers as one. A server that does not answer, and is not served from its lock, is left out: the others are there.

import type { JsonObject } from '../../../model/credential.ts';
import type { Definition } from '../../../model/mcp.ts';
import { ensureFreshFor } from '../agent.ts';
import { failure } from '../exchange.ts';
import { ensureMet } from '../handshake.ts';
import { served } from '../lists.ts';
import type { AgentMethod } from '../message/methods.ts';
import { note } from '../note.ts';
import type { Channel, Core, Failure, ServerState } from '../state.ts';
import { shownDefinition } from './names.ts';

type Kind = (AgentMethod & { does: 'list' })['kind'];

/** How to speak to a server on account of this agent. */
export type ChannelTo = (server: ServerState) => Promise<Channel | Failure>;

/** What the agent is shown; a failure only where no server has a list. */
export async function listOfAll(
  core: Core,
  channelTo: ChannelTo,
  kind: Kind,
): Promise<{ list: Definition[]; hints: JsonObject } | Failure> {
  const servers = [...core.servers.values()];
  const faults = await Promise.all(servers.map((server) => look(core, channelTo, server, kind)));
  const there = servers.filter((_, at) => faults[at] === undefined);
  const [first = failure('there is no tool server')] = faults.flatMap((fault) => fault ?? []);
  if (there.length === 0) return first;
  const ttls = there.map(({ lists }) => Number(lists[kind].hints['ttlMs'] ?? 0));
  return {
    list: there.flatMap((server) => shownOf(core, server, kind)),
    hints: { ttlMs: Math.min(...ttls) },
  };
}

async function look(
  core: Core,
  channelTo: ChannelTo,
  server: ServerState,
  kind: Kind,
): Promise<Failure | undefined> {
  const channel = await channelTo(server);
  const fault =
    'kind' in channel
      ? channel
      : ((await ensureMet(core, channel)) ?? (await ensureFreshFor(core, channel, kind)));
  if (fault !== undefined)
    note(core, server.id, `its ${kind}s were left out of the list of all: it could not be asked`);
  return fault;
}

/** Two that would be shown by one name are not shown: nobody would know which is called. */
function shownOf(core: Core, server: ServerState, kind: Kind): Definition[] {
  const key = kind === 'resource' ? 'uri' : kind === 'template' ? 'uriTemplate' : 'name';
  const all = core.options.pins
    .served(server.id, kind)
    .map((one) => shownDefinition(server.id, kind, one)[key]);
  const isTwin = (name: unknown): boolean =>
    all.indexOf(name as string) !== all.lastIndexOf(name as string);
  const shown = served(core, server, kind).map((one) => shownDefinition(server.id, kind, one));
  const alone = shown.filter((one) => !isTwin(one[key]));
  if (alone.length < shown.length)
    note(core, server.id, `${kind}s that are shown by one name were left out`);
  return alone;
}
