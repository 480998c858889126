// Messages of the agent: each is told apart, cut down to what its method has, and handed to what judges or answers it.

import type { JsonObject } from '../../model/credential.ts';
import { call } from './call.ts';
import { readError } from './server-error.ts';
import { completion, logLevel, subscription } from './features/agent-requests.ts';
import { onAgentAnswer } from './features/server-requests.ts';
import { openNews } from './features/subscriptions.ts';
import { giveUp } from './exchange.ts';
import {
  clientOf,
  discover,
  ensureMet,
  heardCapabilities,
  initialized,
  modernChannel,
} from './handshake.ts';
import type { AgentStream } from './http/answer.ts';
import { checkHeaders, type RequestHeaders } from './http/headers.ts';
import { factsOf, isFeatureOpen, refuse, type CheckId } from './judge.ts';
import { ensureFresh, served } from './lists.ts';
import { envelopeOf, META, MODERN_REVISIONS, type Envelope } from './message/era.ts';
import { CODE, errorMessage, refusal, type Refusal, resultMessage } from './message/error.ts';
import { AGENT_REQUESTS, type AgentMethod, refusedBy } from './message/methods.ts';
import { type AgentRequest, isId, isObject, type Message } from './message/message.ts';
import { canonicalParams } from './message/params.ts';
import { agentOf, startSession } from './session.ts';
import type { AgentSession, Channel, Core, Failure, ServerState, Wants } from './state.ts';

/** A message in a POST of the agent's. Answers on the stream, once. */
export async function onAgentMessage(
  core: Core,
  server: ServerState,
  message: Message,
  headers: RequestHeaders,
  stream: AgentStream,
): Promise<void> {
  const stop = ({ status, ...error }: Refusal): void =>
    stream.last(errorMessage(message.kind === 'request' ? message.id : undefined, error), {
      status,
    });
  const era = headers.eraOf(message);
  if (era.fault !== undefined) {
    stop(era.fault);
    return;
  }
  if (era.era === 'modern') {
    if (message.kind === 'request')
      await modernRequest(core, server, message, headers, stream, stop);
    // This era has no notifications of clients over HTTP, and no requests of servers to answer.
    else stop(refusal(400, CODE.request, 'only requests are taken'));
    return;
  }
  if (message.kind === 'request' && message.method === 'initialize') {
    await startSession(core, server, message, headers, stream);
    return;
  }
  const session = agentOf(core, server, headers.session);
  if (session === undefined) {
    stop(
      headers.session === undefined
        ? refusal(400, CODE.request, 'Bad Request: Mcp-Session-Id is missing; initialize first')
        : refusal(404, CODE.request, 'Session not found'),
    );
    return;
  }
  session.lastUsed = core.now();
  if (headers.revision !== undefined && headers.revision !== session.channel.revision) {
    stop(refusal(400, CODE.request, 'Bad Request: MCP-Protocol-Version is not the one agreed on'));
    return;
  }
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
  stop: (refusal: Refusal) => void,
): Promise<void> {
  const { id } = message;
  if (session.inFlight.has(id)) {
    stop(refusal(400, CODE.request, 'Bad Request: the id is in use'));
    return;
  }
  session.inFlight.add(id);
  try {
    await serve(core, session.channel, message, stream, stop);
  } finally {
    session.inFlight.delete(id);
  }
}

async function modernRequest(
  core: Core,
  server: ServerState,
  message: AgentRequest,
  headers: RequestHeaders,
  stream: AgentStream,
  stop: (refusal: Refusal) => void,
): Promise<void> {
  const { method, params } = message;
  const envelope = envelopeOf(params);
  if (envelope === undefined) {
    stop(refusal(400, CODE.params, 'Invalid params: _meta lacks what every request must say'));
    return;
  }
  const fault = checkHeaders(headers, method, params ?? {}, server.headers);
  if (fault !== undefined) {
    stop(refusal(400, CODE.headerMismatch, `Header mismatch: ${fault}`));
    return;
  }
  if (!MODERN_REVISIONS.includes(envelope.revision)) {
    const data = { supported: [...MODERN_REVISIONS], requested: envelope.revision.slice(0, 64) };
    stop(refusal(400, CODE.protocolVersion, 'Unsupported protocol version', data));
    return;
  }
  const channel = modernChannel(server, envelope.revision, {
    capabilities: heardCapabilities(core, server.id, envelope.capabilities),
    client: clientOf(core, server, envelope.client),
  });
  await serve(core, channel, message, stream, stop, envelope);
}

/** Answers one request by what its method is. */
async function serve(
  core: Core,
  channel: Channel,
  message: AgentRequest,
  stream: AgentStream,
  stop: (refusal: Refusal) => void,
  envelope?: Envelope,
): Promise<void> {
  const { server, era } = channel;
  const { method } = message;
  const found = AGENT_REQUESTS.get(method);
  const isOfEra = found !== undefined && (!('era' in found) || (found.era ?? era) === era);
  if (!isOfEra) {
    const check: CheckId =
      refusedBy(method) === 'builtin/mcp-tasks' ? 'mcp-tasks' : 'mcp-unknown-method';
    refuseMethod(core, server, message, check);
    stop(refusal(era === 'modern' ? 404 : 200, CODE.method, 'Method not found'));
    return;
  }
  const reading = canonicalParams(method, era, message.params);
  if (reading.fault !== undefined) {
    refuseMethod(core, server, message, 'mcp-malformed');
    stop(refusal(era === 'modern' ? 400 : 200, CODE.params, `Invalid params: ${reading.fault}`));
    return;
  }
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
  await answer(core, channel, message, found, params, wants, stream);
}

async function answer(
  core: Core,
  channel: Channel,
  message: AgentRequest,
  found: AgentMethod,
  params: JsonObject,
  wants: Wants,
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
        { id, method, kind: found.kind, by: found.by, params, wants },
        stream,
      );
      return;
    case 'feature':
      if (found.feature === 'completions') await completion(core, channel, id, params, stream);
      else if (found.feature === 'logging') await logLevel(core, channel, id, params, stream);
      else await subscription(core, channel, id, method, params, stream);
      return;
    case 'subscribe':
      await openNews(core, channel, id, params, stream);
      return;
  }
}

/** A list is looked at again each time it is asked for, unless it is locked and the server does not answer. */
async function ensureFreshFor(
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
function fail(
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

function refuseMethod(
  core: Core,
  server: ServerState,
  message: AgentRequest,
  check: CheckId,
): void {
  const request = { kind: 'feature', server: server.id, name: message.method } as const;
  const reason =
    check === 'mcp-malformed' ? 'the message is malformed' : 'no such method is passed on';
  const facts = factsOf(core, message.method.slice(0, 128), message.params ?? {});
  // Nothing of it was read for secrets, which names of arguments may hold as well.
  const { arguments: _, ...unread } = facts;
  refuse(core, request, check, reason, unread);
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

const TRACE = /^[\x21-\x7e][\x20-\x7e]{0,511}$/;

/** Of `_meta`, what goes on; what the gateway writes there itself is written when it sends. */
function readMeta(
  core: Core,
  channel: Channel,
  params: JsonObject | undefined,
  envelope: Envelope | undefined,
): { meta: JsonObject; wants: Wants } {
  const said = isObject(params?.['_meta']) ? params['_meta'] : {};
  const meta: JsonObject = {};
  const wants: Wants = {};
  for (const key of ['traceparent', 'tracestate', 'baggage']) {
    const value = said[key];
    if (typeof value === 'string' && TRACE.test(value)) meta[key] = value;
  }
  if (isId(said['progressToken'])) wants.progressToken = said['progressToken'];
  const level = envelope?.logLevel;
  if (level !== undefined && isFeatureOpen(core, channel.server.id, 'logging')) {
    meta[META.logLevel] = level;
    wants.logging = true;
  }
  return { meta, wants };
}
