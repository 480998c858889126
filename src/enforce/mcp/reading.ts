// What a message of an agent's must be before it is answered, whether it is for one server or for all: of a session or an era, with the
// headers that belong to it, of a method that exists, with the params that this method has.

import type { JsonObject } from '../../model/credential.ts';
import { clientOf, heardCapabilities, modernChannel } from './handshake.ts';
import type { AgentStream } from './http/answer.ts';
import { checkHeaders, type RequestHeaders } from './http/headers.ts';
import { factsOf, isFeatureOpen, refuse, type CheckId } from './judge.ts';
import { envelopeOf, type Envelope, type Era, META, MODERN_REVISIONS } from './message/era.ts';
import { CODE, errorMessage, refusal, type Refusal } from './message/error.ts';
import { AGENT_REQUESTS, type AgentMethod, refusedBy } from './message/methods.ts';
import { type AgentRequest, type Id, isId, isObject, type Message } from './message/message.ts';
import { canonicalParams } from './message/params.ts';
import type { Channel, Core, ServerState, Wants } from './state.ts';

/** This era has no notifications of clients over HTTP, and no requests of servers to answer. */
export const ONLY_REQUESTS = refusal(400, CODE.request, 'only requests are taken');
export const NO_SESSION = refusal(404, CODE.request, 'Session not found');

export type Stop = (refusal: Refusal) => void;

export function stopper(message: Message, stream: AgentStream): Stop {
  return ({ status, ...error }) =>
    stream.last(errorMessage(message.kind === 'request' ? message.id : undefined, error), {
      status,
    });
}

/** Why a message of the legacy era belongs to no session. `revision`: that the session agreed on; undefined where there is none. */
export function sessionFault(
  headers: RequestHeaders,
  revision: string | undefined,
): Refusal | undefined {
  if (headers.session === undefined)
    return refusal(400, CODE.request, 'Bad Request: Mcp-Session-Id is missing; initialize first');
  if (revision === undefined) return NO_SESSION;
  return headers.revision === undefined || headers.revision === revision
    ? undefined
    : refusal(400, CODE.request, 'Bad Request: MCP-Protocol-Version is not the one agreed on');
}

/** Not two requests of one session with the same id at once. */
export async function once(
  inFlight: Set<Id>,
  id: Id,
  stop: Stop,
  answer: () => Promise<void>,
): Promise<void> {
  if (inFlight.has(id)) {
    stop(refusal(400, CODE.request, 'Bad Request: the id is in use'));
    return;
  }
  inFlight.add(id);
  try {
    await answer();
  } finally {
    inFlight.delete(id);
  }
}

/** What a modern request says of its sender, where it and its headers are as they must be. */
export function readModern(
  { method, params }: AgentRequest,
  headers: RequestHeaders,
  tools: ServerState['headers'],
): { envelope: Envelope; fault?: never } | { envelope?: never; fault: Refusal } {
  const envelope = envelopeOf(params);
  if (envelope === undefined)
    return {
      fault: refusal(400, CODE.params, 'Invalid params: _meta lacks what every request must say'),
    };
  const fault = checkHeaders(headers, method, params ?? {}, tools);
  if (fault !== undefined)
    return { fault: refusal(400, CODE.headerMismatch, `Header mismatch: ${fault}`) };
  if (MODERN_REVISIONS.includes(envelope.revision)) return { envelope };
  const data = { supported: [...MODERN_REVISIONS], requested: envelope.revision.slice(0, 64) };
  return { fault: refusal(400, CODE.protocolVersion, 'Unsupported protocol version', data) };
}

/** A way to a server on account of who sent this. */
export function modernChannelFor(core: Core, server: ServerState, envelope: Envelope): Channel {
  return modernChannel(server, envelope.revision, {
    capabilities: heardCapabilities(core, server.id, envelope.capabilities),
    client: clientOf(core, server, envelope.client),
  });
}

/** What the method is and what of the params goes on; undefined where the message was refused, and that is on record. */
export function readRequest(
  core: Core,
  server: string,
  era: Era,
  message: AgentRequest,
  stop: Stop,
): { found: AgentMethod; params: JsonObject } | undefined {
  const { method } = message;
  const found = AGENT_REQUESTS.get(method);
  const isOfEra = found !== undefined && (!('era' in found) || (found.era ?? era) === era);
  if (!isOfEra) {
    const check: CheckId =
      refusedBy(method) === 'builtin/mcp-tasks' ? 'mcp-tasks' : 'mcp-unknown-method';
    refuseMethod(core, server, message, check);
    stop(refusal(era === 'modern' ? 404 : 200, CODE.method, 'Method not found'));
    return undefined;
  }
  const reading = canonicalParams(method, era, message.params);
  if (reading.fault !== undefined) {
    refuseMethod(core, server, message, 'mcp-malformed');
    stop(refusal(era === 'modern' ? 400 : 200, CODE.params, `Invalid params: ${reading.fault}`));
    return undefined;
  }
  return { found, params: reading.params };
}

function refuseMethod(core: Core, server: string, message: AgentRequest, check: CheckId): void {
  const request = { kind: 'feature', server, name: message.method } as const;
  const reason =
    check === 'mcp-malformed' ? 'the message is malformed' : 'no such method is passed on';
  const facts = factsOf(core, message.method.slice(0, 128), message.params ?? {});
  // Nothing of it was read for secrets, which names of arguments may hold as well.
  const { arguments: _, ...unread } = facts;
  refuse(core, request, check, reason, unread);
}

const TRACE = /^[\x21-\x7e][\x20-\x7e]{0,511}$/;

/** Of `_meta`, what goes on; what the gateway writes there itself is written when it sends. */
export function readMeta(
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
