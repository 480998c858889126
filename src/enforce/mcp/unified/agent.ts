// Messages of an agent that speaks with all servers at once: each is brought to the server that it names, under the name that this server knows,
// and judged, recorded and answered there as if it had come for this one alone. What names no server is answered here.

import type { JsonObject } from '../../../model/credential.ts';
import type { Request } from '../../../model/request.ts';
import { fail, serve } from '../agent.ts';
import { unknownAnswer } from '../denial.ts';
import { failure, giveUp } from '../exchange.ts';
import { logLevel as setLogLevel } from '../features/agent-requests.ts';
import { onAgentAnswer } from '../features/server-requests.ts';
import { ensureMet } from '../handshake.ts';
import type { AgentStream } from '../http/answer.ts';
import type { HeaderParameters } from '../http/parameters.ts';
import type { RequestHeaders } from '../http/headers.ts';
import { ask, factsOf, isFeatureOpen, isListed, refuse } from '../judge.ts';
import { ensureFresh, requestFor } from '../lists.ts';
import type { Envelope, Era } from '../message/era.ts';
import { CODE, errorMessage, resultMessage } from '../message/error.ts';
import type { AgentMethod } from '../message/methods.ts';
import { type AgentRequest, type Id, isId, isObject, type Message } from '../message/message.ts';
import { note } from '../note.ts';
import {
  modernChannelFor,
  NO_SESSION,
  once,
  ONLY_REQUESTS,
  readModern,
  readRequest,
  sessionFault,
  type Stop,
  stopper,
} from '../reading.ts';
import type { AgentGroup, Channel, Core, Failure, ServerState } from '../state.ts';
import { ownDiscovery } from './greeting.ts';
import { exchangesOf, groupOf, memberOf, startGroup, tellMembers } from './group.ts';
import { type ChannelTo, listOfAll } from './lists.ts';
import { ALL, isTooLong, mayBeCut, namesShownAs, placeOf } from './names.ts';
import { openNewsOfAll } from './news.ts';
import { streamOf } from './stream.ts';

/** Who asks: the era, and how to speak to servers on their account. */
interface Asker {
  era: Era;
  envelope?: Envelope;
  channelTo: ChannelTo;
}

/** A message in a POST of the agent's. Answers on the stream, once. */
export async function onMessageToAll(
  core: Core,
  message: Message,
  headers: RequestHeaders,
  stream: AgentStream,
): Promise<void> {
  const stop = stopper(message, stream);
  const era = headers.eraOf(message);
  if (era.fault !== undefined) return stop(era.fault);
  if (era.era === 'modern')
    return message.kind === 'request'
      ? modernRequest(core, message, headers, stream, stop)
      : stop(ONLY_REQUESTS);
  if (message.kind === 'request' && message.method === 'initialize')
    return startGroup(core, message, headers, stream);
  const group = groupOf(core, headers.session);
  const fault = sessionFault(headers, group?.revision);
  if (group === undefined || fault !== undefined) return stop(fault ?? NO_SESSION);
  group.lastUsed = core.now();
  if (message.kind === 'request') {
    const asker: Asker = {
      era: 'legacy',
      channelTo: async (server) => {
        const member = await memberOf(core, group, server);
        return 'kind' in member ? member : member.channel;
      },
    };
    return once(group.inFlight, message.id, stop, () => answer(core, asker, message, stream, stop));
  }
  if (message.kind === 'notification') onNotification(core, group, message);
  else
    await onAnswer(
      core,
      group,
      message.id,
      message.kind === 'result' ? { result: message.result } : { error: message.error },
    );
  stream.end(202);
}

async function modernRequest(
  core: Core,
  message: AgentRequest,
  headers: RequestHeaders,
  stream: AgentStream,
  stop: Stop,
): Promise<void> {
  const { envelope, fault } = readModern(message, headers, parametersOf(core, message));
  if (fault !== undefined) return stop(fault);
  const channelTo = (server: ServerState): Promise<Channel> =>
    Promise.resolve(modernChannelFor(core, server, envelope));
  await answer(core, { era: 'modern', envelope, channelTo }, message, stream, stop);
}

/** Which arguments of the tool that is called stand in headers. */
function parametersOf(core: Core, { params = {} }: AgentRequest): Map<string, HeaderParameters> {
  const shown = params['name'];
  const place = typeof shown === 'string' ? placeOf(core, 'tool', shown) : undefined;
  if (place === undefined || typeof shown !== 'string') return new Map();
  const names = mayBeCut(shown) ? namesShownAs(core, place.server, 'tool', shown) : [place.name];
  const found = names.length === 1 ? place.server.headers.get(names[0] ?? '') : undefined;
  return new Map<string, HeaderParameters>(found === undefined ? [] : [[shown, found]]);
}

async function answer(
  core: Core,
  asker: Asker,
  message: AgentRequest,
  stream: AgentStream,
  stop: Stop,
): Promise<void> {
  const { era, channelTo } = asker;
  const { id } = message;
  const reading = readRequest(core, ALL, era, message, stop);
  if (reading === undefined) return;
  const { found, params } = reading;
  switch (found.does) {
    case 'pong':
      return stream.last(resultMessage(id, {}));
    case 'handshake':
      return stream.last(resultMessage(id, ownDiscovery(core)));
    case 'list':
      return list(core, asker, found, message, stream);
    case 'call': {
      const shown = params[found.by];
      return typeof shown === 'string'
        ? bring(core, asker, found.kind, shown, message, stream, stop)
        : undefined;
    }
    case 'subscribe':
      return openNewsOfAll(core, channelTo, id, params, stream);
    case 'feature':
      if (found.feature === 'logging') return logLevel(core, channelTo, id, params, stream);
      return feature(core, asker, message, params, stream, stop);
  }
}

async function list(
  core: Core,
  { era, channelTo }: Asker,
  { kind, member }: AgentMethod & { does: 'list' },
  { id, params = {} }: AgentRequest,
  stream: AgentStream,
): Promise<void> {
  if (params['cursor'] !== undefined) {
    const message = 'Invalid params: unknown cursor';
    return stream.last(errorMessage(id, { code: CODE.params, message }));
  }
  const all = await listOfAll(core, channelTo, kind);
  if ('kind' in all)
    return stream.last(
      errorMessage(id, { code: CODE.upstream, message: 'no tool server could be asked' }),
    );
  const hints =
    era === 'modern' ? { ...all.hints, resultType: 'complete', cacheScope: 'private' } : {};
  stream.last(resultMessage(id, { ...hints, [member]: all.list }));
}

/** A call goes to the server that its name or URI begins with. */
async function bring(
  core: Core,
  asker: Asker,
  kind: 'tool' | 'prompt' | 'resource',
  shown: string,
  message: AgentRequest,
  stream: AgentStream,
  stop: Stop,
): Promise<void> {
  const { era, envelope, channelTo } = asker;
  const place = placeOf(core, kind, shown);
  const none = (server: string, name: string, isTwin = false): void => {
    recordUnknown(core, requestFor(server, kind, name), message, isTwin);
    const { message: body, status } = unknownAnswer(
      core,
      { id: message.id, method: message.method, era },
      shown,
    );
    stream.last(body, { status });
  };
  if (place === undefined) return none(ALL, shown);
  const { server } = place;
  let { name } = place;
  if (kind !== 'resource' && isTooLong(shown)) return none(server.id, name);
  const channel = await channelTo(server);
  const fault = 'kind' in channel ? channel : await ensureMet(core, channel);
  if ('kind' in channel || fault !== undefined) {
    const request = requestFor(server.id, kind, name);
    return unreached(core, request, message, fault ?? failure('given up'), server, stream);
  }
  if (kind !== 'resource' && mayBeCut(shown)) {
    // What cannot be asked for is what the call will say.
    await ensureFresh(core, channel, kind);
    const names = namesShownAs(core, server, kind, shown);
    if (names.length > 1) return none(server.id, name, true);
    name = names[0] ?? name;
  }
  const params = { ...message.params, [kind === 'resource' ? 'uri' : 'name']: name };
  await serve(core, channel, { ...message, params }, streamOf(stream, channel), stop, {
    envelope,
    shown,
  });
}

/** Completions, and news of one resource. */
async function feature(
  core: Core,
  { envelope, channelTo }: Asker,
  message: AgentRequest,
  params: JsonObject,
  stream: AgentStream,
  stop: Stop,
): Promise<void> {
  const reference = isObject(params['ref']) ? params['ref'] : undefined;
  const holder = reference ?? params;
  const kind =
    reference === undefined
      ? 'resource'
      : typeof reference['name'] === 'string'
        ? 'prompt'
        : 'template';
  const key = kind === 'prompt' ? 'name' : 'uri';
  const shown = typeof holder[key] === 'string' ? holder[key] : '';
  const place = placeOf(core, kind, shown);
  const names =
    kind === 'prompt' && place !== undefined && mayBeCut(shown)
      ? namesShownAs(core, place.server, kind, shown)
      : [place?.name];
  const [name] = names;
  if (place === undefined || name === undefined || names.length > 1) {
    refuse(
      core,
      { kind: 'feature', server: ALL, name: message.method },
      'mcp-unserved',
      'no server offers it',
      unread(core, message),
    );
    return stream.last(
      errorMessage(message.id, {
        code: CODE.params,
        message: 'Invalid params: no server offers it',
      }),
    );
  }
  const channel = await channelTo(place.server);
  if ('kind' in channel)
    return fail(core, place.server, message, stream, { ...channel, status: 200 });
  const own = { ...holder, [key]: name };
  const sent =
    reference === undefined ? { ...message.params, ...own } : { ...message.params, ref: own };
  await serve(core, channel, { ...message, params: sent }, streamOf(stream, channel), stop, {
    envelope,
  });
}

/** For every server that a rule lets the agent set it for; refused as by the first where there is none. */
async function logLevel(
  core: Core,
  channelTo: ChannelTo,
  id: Id,
  params: JsonObject,
  stream: AgentStream,
): Promise<void> {
  const servers = [...core.servers.values()];
  const open = servers.filter((server) => isFeatureOpen(core, server.id, 'logging'));
  const answers = await Promise.all(
    (open.length > 0 ? open : servers.slice(0, 1)).map(async (server) => {
      const channel = await channelTo(server);
      return 'kind' in channel ? undefined : setLogLevel(core, channel, id, params);
    }),
  );
  const given = answers.filter((one) => one !== undefined);
  const best = given.find(({ message }) => 'result' in message) ?? given[0];
  if (best !== undefined) return stream.last(best.message, { status: best.status });
  stream.last(errorMessage(id, { code: CODE.upstream, message: 'no tool server could be asked' }));
}

/** A server whose session cannot begin: the call is on record, and goes nowhere. */
function unreached(
  core: Core,
  request: Request,
  message: AgentRequest,
  fault: Failure,
  server: ServerState,
  stream: AgentStream,
): void {
  refuse(core, request, 'mcp-unserved', 'the server could not be asked', unread(core, message));
  fail(core, server, message, stream, { ...fault, status: 200 });
}

/** By the rule that denies it, where one would; else because there is no such thing. */
function recordUnknown(core: Core, request: Request, message: AgentRequest, isTwin: boolean): void {
  const facts = unread(core, message);
  if (isTwin)
    refuse(core, request, 'mcp-twin', 'two names of this server are shown as this one', facts);
  else if (isListed(core, request))
    refuse(core, request, 'mcp-unserved', 'no server offers it', facts);
  else ask(core, request, facts);
}

/** Names of arguments are left out: they were not read for secrets. */
function unread(core: Core, { method, params = {} }: AgentRequest) {
  const { arguments: _, ...facts } = factsOf(core, method, params);
  return facts;
}

function onNotification(
  core: Core,
  group: AgentGroup,
  { method, params = {} }: Message & { kind: 'notification' },
): void {
  if (method === 'notifications/cancelled') {
    const { requestId } = params;
    if (!isId(requestId)) return;
    for (const exchanges of exchangesOf(group))
      for (const exchange of exchanges.values())
        if (exchange.agentId === requestId) giveUp(core, exchange, 'cancelled');
  } else if (method === 'notifications/roots/list_changed')
    tellMembers(
      group,
      { method },
      ({ capabilities, channel }) =>
        isObject(capabilities['roots']) && isFeatureOpen(core, channel.server.id, 'roots'),
    );
}

/** To the server whose question it answers: all questions are numbered as one. */
async function onAnswer(
  core: Core,
  group: AgentGroup,
  id: Id | undefined,
  given: Parameters<typeof onAgentAnswer>[3],
): Promise<void> {
  const asker = [...group.begun.values()].find(
    ({ asked }) => typeof id === 'number' && asked.has(id),
  );
  if (asker === undefined) note(core, ALL, 'an answer of the agent to no question was dropped');
  else await onAgentAnswer(core, asker, id, given);
}
