// Messages of the agent: each is told apart, cut down to what its method has, and handed to what judges or answers it.

import { call, type Call } from './call.ts';
import { readError } from './server-error.ts';
import { completion, logLevel, subscription } from './features/agent-requests.ts';
import { onAgentAnswer } from './features/server-requests.ts';
import { openNews } from './features/subscriptions.ts';
import { giveUp } from './exchange.ts';
import { discover, ensureMet, initialized } from './handshake.ts';
import type { AgentStream } from './http/answer.ts';
import type { RequestHeaders } from './http/headers.ts';
import { isFeatureOpen } from './judge.ts';
import { ensureFresh, served } from './lists.ts';
import type { Envelope } from './message/era.ts';
import { CODE, errorMessage, resultMessage } from './message/error.ts';
import type { AgentMethod } from './message/methods.ts';
import { type AgentRequest, isId, isObject, type Message } from './message/message.ts';
import {
  modernChannelFor,
  NO_SESSION,
  once,
  ONLY_REQUESTS,
  readMeta,
  readModern,
  readRequest,
  sessionFault,
  type Stop,
  stopper,
} from './reading.ts';
import { agentOf, startSession } from './session.ts';
import type { AgentSession, Channel, Core, Failure, ServerState } from './state.ts';

/** A message in a POST of the agent's. Answers on the stream, once. */
export async function onAgentMessage(
  core: Core,
  server: ServerState,
  message: Message,
  headers: RequestHeaders,
  stream: AgentStream,
): Promise<void> {
  const stop = stopper(message, stream);
  const era = headers.eraOf(message);
  if (era.fault !== undefined) {
    stop(era.fault);
    return;
  }
  if (era.era === 'modern') {
    if (message.kind === 'request')
      await modernRequest(core, server, message, headers, stream, stop);
    else stop(ONLY_REQUESTS);
    return;
  }
  if (message.kind === 'request' && message.method === 'initialize') {
    await startSession(core, server, message, headers, stream);
    return;
  }
  const session = agentOf(core, server, headers.session);
  const fault = sessionFault(headers, session?.channel.revision);
  if (session === undefined || fault !== undefined) {
    stop(fault ?? NO_SESSION);
    return;
  }
  session.lastUsed = core.now();
  switch (message.kind) {
    case 'request':
      await legacyRequest(core, session, message, stream, stop);
      return;
    case 'notification':
      onAgentNotification(core, session, message);
      stream.end(202);
      return;
    case 'result':
      await onAgentAnswer(core, session, message.id, { result: message.result });
      stream.end(202);
      return;
    case 'error':
      await onAgentAnswer(core, session, message.id, { error: message.error });
      stream.end(202);
      return;
  }
}

async function legacyRequest(
  core: Core,
  session: AgentSession,
  message: AgentRequest,
  stream: AgentStream,
  stop: Stop,
): Promise<void> {
  await once(session.inFlight, message.id, stop, () =>
    serve(core, session.channel, message, stream, stop),
  );
}

async function modernRequest(
  core: Core,
  server: ServerState,
  message: AgentRequest,
  headers: RequestHeaders,
  stream: AgentStream,
  stop: Stop,
): Promise<void> {
  const { envelope, fault } = readModern(message, headers, server.headers);
  if (fault !== undefined) stop(fault);
  else {
    const channel = modernChannelFor(core, server, envelope);
    await serve(core, channel, message, stream, stop, { envelope });
  }
}

/** Of a request, besides the message. */
export interface Besides {
  /** of the modern era */
  envelope?: Envelope | undefined;
  /** what the agent calls what the message names, where the server calls it otherwise */
  shown?: string;
}

/** Answers one request by what its method is. */
export async function serve(
  core: Core,
  channel: Channel,
  message: AgentRequest,
  stream: AgentStream,
  stop: Stop,
  { envelope, shown }: Besides = {},
): Promise<void> {
  const { server, era } = channel;
  const reading = readRequest(core, server.id, era, message, stop);
  if (reading === undefined) return;
  const { found } = reading;
  const { meta, wants } = readMeta(core, channel, message.params, envelope);
  const params =
    Object.keys(meta).length === 0 ? reading.params : { ...reading.params, _meta: meta };
  if (found.does !== 'handshake') {
    const fault = await ensureMet(core, channel);
    if (fault !== undefined) {
      fail(core, server, message, stream, fault);
      return;
    }
  }
  await answer(core, channel, message, found, { params, wants, ...(shown && { shown }) }, stream);
}

async function answer(
  core: Core,
  channel: Channel,
  message: AgentRequest,
  found: AgentMethod,
  { params, wants, shown }: Pick<Call, 'params' | 'wants' | 'shown'>,
  stream: AgentStream,
): Promise<void> {
  const { server } = channel;
  const { id, method } = message;
  switch (found.does) {
    case 'pong':
      stream.last(resultMessage(id, {}));
      return;
    case 'handshake': {
      const { result, fault } = await discover(core, channel);
      if (fault !== undefined) fail(core, server, message, stream, fault);
      else stream.last(resultMessage(id, result));
      return;
    }
    case 'list': {
      if (params['cursor'] !== undefined) {
        // We serve lists whole: no cursor is one of ours.
        stream.last(
          errorMessage(id, { code: CODE.params, message: 'Invalid params: unknown cursor' }),
        );
        return;
      }
      const fault = await ensureFreshFor(core, channel, found.kind);
      if (fault !== undefined) {
        fail(core, server, message, stream, fault);
        return;
      }
      const { hints, asStream } = server.lists[found.kind];
      const list = served(core, server, found.kind);
      stream.last(resultMessage(id, { ...hints, [found.member]: list }), { asStream });
      return;
    }
    case 'call':
      await call(
        core,
        channel,
        { id, method, kind: found.kind, by: found.by, params, wants, ...(shown && { shown }) },
        stream,
      );
      return;
    case 'feature': {
      const given =
        found.feature === 'completions'
          ? await completion(core, channel, id, params)
          : found.feature === 'logging'
            ? await logLevel(core, channel, id, params)
            : await subscription(core, channel, id, method, params);
      stream.last(given.message, { status: given.status });
      return;
    }
    case 'subscribe':
      await openNews(core, channel, id, params, stream);
      return;
  }
}

/** A list is looked at again each time it is asked for, unless it is locked and the server does not answer. */
export async function ensureFreshFor(
  core: Core,
  channel: Channel,
  kind: (AgentMethod & { does: 'list' })['kind'],
): Promise<Failure | undefined> {
  const { server } = channel;
  server.lists[kind].isFresh = false;
  const fault = await ensureFresh(core, channel, kind);
  return fault !== undefined && core.options.pins.isLocked(server.id) && fault.isOurs === true
    ? undefined
    : fault;
}

/** An error of the server's instead of an answer. */
export function fail(
  core: Core,
  server: ServerState,
  message: AgentRequest,
  stream: AgentStream,
  { status, error, isOurs }: Failure,
): void {
  const body = isOurs === true ? error : readError(core, server.id, error);
  // A client that looks for the era of the server takes an error with status 400 for an older one.
  const isProbe = message.method === 'server/discover' && status === 200;
  stream.last(errorMessage(message.id, body), { status: isProbe ? 400 : status });
}

function onAgentNotification(
  core: Core,
  session: AgentSession,
  { method, params = {} }: Message & { kind: 'notification' },
): void {
  const { channel } = session;
  switch (method) {
    case 'notifications/initialized':
      if (session.isInitialized) return;
      session.isInitialized = true;
      void initialized(channel);
      return;
    case 'notifications/cancelled': {
      const { requestId } = params;
      if (!isId(requestId)) return;
      for (const exchange of session.exchanges.values())
        if (exchange.agentId === requestId) giveUp(core, exchange, 'cancelled');
      return;
    }
    case 'notifications/roots/list_changed':
      if (
        isObject(session.capabilities['roots']) &&
        isFeatureOpen(core, channel.server.id, 'roots')
      )
        void session.tell({ method });
      return;
    default:
    // Dropped: nothing else that an agent tells means anything to a server that is judged.
  }
}
