// The gateway between an agent and its tool servers. Invariant: no byte of one side reaches the other that was not read strictly, judged
// where a rule speaks of it, recorded, and written anew.

import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';

import type { DefinitionKind } from '../../model/mcp.ts';
import { createBudget } from './budget.ts';
import { giveUp } from './exchange.ts';
import { onNotification } from './features/notifications.ts';
import { onServerRequest } from './features/server-requests.ts';
import { createEndpoint } from './http/endpoint.ts';
import { createListNews, forgetListNews } from './news.ts';
import { type GatewayOptions, type GatewayServer, LIMITS } from './options.ts';
import { createRounds } from './rounds.ts';
import { endSession } from './session.ts';
import { createSlots } from './slots.ts';
import type { Core, ListState, ServerState } from './state.ts';
import { endGroup } from './unified/group.ts';
import { tryServer, type ServerStatus } from './try-server.ts';

export interface Gateway {
  /** Speaks HTTP/1.1 on a connection of the agent's. */
  serve(stream: Duplex): void;
  /** Greets a server and fetches all that it offers, within `limits.listing`: what was reviewed is compared, what was not is seen first. */
  start(server: string): Promise<ServerStatus>;
  /** Ends connections, sessions, calls and upstreams. */
  close(): Promise<void>;
}

export type { GatewayLimits, GatewayOptions, GatewayServer } from './options.ts';
export type { ServerStatus } from './try-server.ts';

export function createGateway(options: GatewayOptions): Gateway {
  const limits = { ...LIMITS, ...options.limits };
  const core: Core = {
    options,
    limits,
    budget: createBudget(options.allowance ?? {}),
    now: options.now ?? (() => performance.now()),
    random: options.random ?? randomBytes,
    servers: new Map(options.servers.map((one) => [one.id, createState(one, limits)])),
    hear: { notification: onNotification, request: onServerRequest },
    sessions: new Map(),
    groups: new Map(),
    exchanges: new Set(),
    streams: new Set(),
  };
  const endpoint = createEndpoint(core);
  return {
    serve: (stream) => endpoint.serve(stream),
    start: (id) => {
      const server = core.servers.get(id);
      if (server === undefined) throw new RangeError(`there is no tool server "${id}"`);
      return tryServer(core, server);
    },
    close: async () => {
      for (const group of [...core.groups.values()]) endGroup(core, group);
      for (const session of [...core.sessions.values()]) endSession(core, session);
      for (const exchange of [...core.exchanges]) giveUp(core, exchange, 'closed');
      for (const stream of core.streams) stream.end(200);
      endpoint.close();
      for (const server of core.servers.values()) forgetListNews(server);
      await Promise.allSettled(options.servers.map(({ upstream }) => upstream.close()));
    },
  };
}

function createState({ id, upstream, spend }: GatewayServer, limits: typeof LIMITS): ServerState {
  let last = 0;
  const list = (): ListState => ({
    isFresh: false,
    news: 0,
    isSeen: false,
    live: new Set(),
    hints: {},
    asStream: false,
    running: undefined,
  });
  const lists: Record<DefinitionKind, ListState> = {
    tool: list(),
    prompt: list(),
    resource: list(),
    template: list(),
  };
  return {
    id,
    upstream,
    spend,
    nextId: () => (last += 1),
    slots: createSlots(limits.concurrent, limits.queue),
    rounds: createRounds(limits.rounds),
    isMet: false,
    meeting: undefined,
    isQuarantined: false,
    lists,
    news: createListNews(),
    headers: new Map(),
  };
}
