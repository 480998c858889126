// What a legacy server asks of the agent: passed on where a rule opens it and the agent has declared it, refused at once otherwise, so that the
// server never waits for an answer that nobody will give.
// https://modelcontextprotocol.io/specification/2025-11-25/client/sampling, /elicitation, /roots

import type { JsonObject } from '../../../model/credential.ts';
import { tell } from '../exchange.ts';
import { ask, type CheckId, factsOf, refuse } from '../judge.ts';
import { CODE } from '../message/error.ts';
import { SERVER_REQUESTS } from '../message/methods.ts';
import { type ErrorBody, type Id, isObject } from '../message/message.ts';
import { note, noteFindings } from '../note.ts';
import type { AgentSession, Core, Heard } from '../state.ts';
import { hasRoom } from './notifications.ts';
import { narrowedSampling, readElicitation } from './requests.ts';

export function onServerRequest(
  core: Core,
  heard: Heard,
  id: Id,
  method: string,
  params: JsonObject,
): void {
  const { channel, session } = heard;
  const server = channel.server.id;
  // The modern era has no requests of servers: there is no way to answer one.
  if (channel.era === 'modern') {
    note(core, server, 'a request on a stream of answers was dropped');
    return;
  }
  const times = session?.requestTimes ?? [];
  if (!hasRoom(core, times, core.limits.serverRequests)) {
    note(core, server, 'requests of the server beyond the limit were dropped');
    return;
  }
  if (method === 'ping') {
    void tell(channel, { id, result: {} });
    return;
  }
  const error = passOn(core, heard, id, method, params);
  if (error !== undefined) void tell(channel, { id, error: { ...error } });
}

/** Hands the question to the agent; or says why it may not be asked. */
function passOn(
  core: Core,
  heard: Heard,
  id: Id,
  method: string,
  params: JsonObject,
): ErrorBody | undefined {
  const { channel, session, stream, exchange, eventId } = heard;
  const server = channel.server.id;
  const feature = SERVER_REQUESTS.get(method);
  const none: ErrorBody = { code: CODE.method, message: 'Method not found' };
  const facts = factsOf(core, method, params);
  if (feature === undefined) {
    refuse(
      core,
      { kind: 'feature', server, name: method.slice(0, 128) },
      'mcp-unknown-method',
      'no such request of a server is known',
      facts,
    );
    return none;
  }
  const request = { kind: 'feature', server, name: feature } as const;
  if (!ask(core, request, facts).allowed) return none;
  const deny = (check: CheckId, reason: string) => {
    refuse(core, request, check, reason, facts);
    return { code: CODE.request, message: reason };
  };
  if (session === undefined || !isObject(session.capabilities[feature])) return none;
  if (channel.server.isQuarantined) return deny('mcp-quarantined', 'it is not what was reviewed');
  if (stream === undefined || stream.isOver || exchange?.isDone === true)
    return deny('mcp-unsolicited', 'nobody listens');
  // Between calls nobody has a reason to ask.
  if (feature !== 'roots' && session.exchanges.size === 0)
    return deny('mcp-unsolicited', 'no call is open');
  if (session.asked.size >= core.limits.openServerRequests)
    return { code: CODE.limit, message: 'too many requests are open' };
  let asked = feature === 'sampling' ? narrowedSampling(params) : withoutMeta(params);
  if (feature === 'elicitation') {
    const question = readElicitation(core, server, asked);
    if (question.fault !== undefined) return deny('mcp-elicitation', question.fault);
    asked = question.params;
  }
  const message = { jsonrpc: '2.0', method, params: asked };
  const reading = core.options.content.incoming(server, message, {});
  noteFindings(core, server, 'in', reading.findings);
  const read =
    reading.action === 'pass' && isObject(reading.value) ? reading.value['params'] : undefined;
  if (!isObject(read)) return deny('mcp-content', 'the content of the request is not passed on');
  const own = nextAsked(session);
  session.asked.set(own, { id, method });
  stream.event({ jsonrpc: '2.0', id: own, method, params: read }, eventId);
  return undefined;
}

/** The agent's answer to a request of the server; only one that is open, and once. */
export async function onAgentAnswer(
  core: Core,
  session: AgentSession,
  id: Id | undefined,
  answer: { result: JsonObject } | { error: ErrorBody },
): Promise<boolean> {
  const asked = typeof id === 'number' ? session.asked.get(id) : undefined;
  if (asked === undefined || typeof id !== 'number') {
    note(core, session.channel.server.id, 'an answer of the agent to no question was dropped');
    return false;
  }
  session.asked.delete(id);
  const server = session.channel.server.id;
  const body: JsonObject =
    'result' in answer ? { result: answer.result } : { error: { ...answer.error } };
  const reading = core.options.content.outgoing(server, body);
  noteFindings(core, server, 'out', reading.findings);
  if (reading.action === 'block') {
    const facts = factsOf(core, asked.method, body);
    const name = SERVER_REQUESTS.get(asked.method) ?? asked.method;
    refuse(core, { kind: 'feature', server, name }, 'mcp-content', reading.reason, facts);
    const error = { code: CODE.request, message: 'the answer was withheld' };
    await tell(session.channel, { id: asked.id, error });
    return false;
  }
  return tell(session.channel, { ...reading.value, id: asked.id });
}

function nextAsked(session: AgentSession): number {
  session.numbers.asked += 1;
  return session.numbers.asked;
}

function withoutMeta({ _meta, ...params }: JsonObject): JsonObject {
  return params;
}
