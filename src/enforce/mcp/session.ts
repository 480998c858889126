// Sessions of the legacy era: ids of our own, bound to the server they were made for. What limits count belongs to the run.

import type { JsonObject } from '../../model/credential.ts';
import { giveUp, tell } from './exchange.ts';
import { clientOf, heardCapabilities, initialize, legacyChannel } from './handshake.ts';
import type { AgentStream } from './http/answer.ts';
import type { RequestHeaders } from './http/headers.ts';
import { LEGACY_REVISIONS } from './message/era.ts';
import { CODE, errorMessage, resultMessage } from './message/error.ts';
import { type AgentRequest, isObject } from './message/message.ts';
import { readError } from './server-error.ts';
import type { AgentSession, Core, ServerState } from './state.ts';

/** in milliseconds: a session that nobody uses may make room for a new one */
export const IDLE_SESSION = 60_000;

export function agentOf(
  core: Core,
  server: ServerState,
  id: string | undefined,
): AgentSession | undefined {
  const session = id === undefined ? undefined : core.sessions.get(id);
  return session?.channel.server === server ? session : undefined;
}

/** `initialize` of an agent. */
export async function startSession(
  core: Core,
  server: ServerState,
  { id, params = {} }: AgentRequest,
  headers: RequestHeaders,
  stream: AgentStream,
): Promise<void> {
  const { protocolVersion, capabilities, clientInfo } = params;
  if (typeof protocolVersion !== 'string' || !isObject(capabilities)) {
    const message = 'Invalid params: protocolVersion and capabilities are required';
    stream.last(errorMessage(id, { code: CODE.params, message }), { status: 200 });
    return;
  }
  if (headers.session !== undefined && agentOf(core, server, headers.session) === undefined) {
    stream.last(errorMessage(id, { code: CODE.request, message: 'Session not found' }), {
      status: 404,
    });
    return;
  }
  if (!hasRoomForSession(core)) {
    stream.last(errorMessage(id, { code: CODE.limit, message: 'too many sessions' }), {
      status: 429,
    });
    return;
  }
  const session = createSession(core, server, { asked: 0, event: 0 });
  session.capabilities = heardCapabilities(core, server.id, capabilities);
  // A revision that nobody knows is answered with one that the server knows.
  const isKnown = LEGACY_REVISIONS.includes(protocolVersion);
  const revision = isKnown ? protocolVersion : session.channel.revision;
  const { result, fault } = await initialize(core, session.channel, {
    revision,
    capabilities: session.capabilities,
    client: clientOf(core, server, isObject(clientInfo) ? clientInfo : undefined),
  });
  if (fault !== undefined) {
    endSession(core, session);
    const error = fault.isOurs === true ? fault.error : readError(core, server.id, fault.error);
    stream.last(errorMessage(id, error), { status: fault.status });
    return;
  }
  if (stream.isOver) {
    endSession(core, session);
    return;
  }
  stream.setSession(session.id);
  stream.last(resultMessage(id, result));
}

/** The agent or the gateway ends it. */
export function endSession(core: Core, session: AgentSession): void {
  core.sessions.delete(session.id);
  for (const exchange of [...session.exchanges.values()]) giveUp(core, exchange, 'closed');
  for (const stream of session.listening) stream.end(200);
  const { server, revision } = session.channel;
  if (session.channel.session === undefined) return;
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), 5000).unref();
  server.upstream
    .end({
      session: session.channel.session,
      headers: [['mcp-protocol-version', revision]],
      signal: abort.signal,
    })
    .catch(() => undefined)
    .finally(() => clearTimeout(timer));
}

export function createSession(
  core: Core,
  server: ServerState,
  numbers: AgentSession['numbers'],
): AgentSession {
  const channel = legacyChannel(server);
  const session: AgentSession = {
    id: core.random(16).toString('hex'),
    channel,
    capabilities: {},
    isInitialized: false,
    lastUsed: core.now(),
    inFlight: new Set(),
    exchanges: new Map(),
    asked: new Map(),
    numbers,
    events: new Map(),
    listening: new Set(),
    requestTimes: [],
    tell: (message: JsonObject) => tell(channel, message),
  };
  channel.agent = session;
  core.sessions.set(session.id, session);
  return session;
}

export function hasRoomForSession(core: Core): boolean {
  if (core.sessions.size < core.limits.sessions) return true;
  const since = core.now() - IDLE_SESSION;
  for (const session of core.sessions.values())
    if (session.lastUsed < since && session.exchanges.size === 0 && session.listening.size === 0) {
      endSession(core, session);
      return true;
    }
  return false;
}
