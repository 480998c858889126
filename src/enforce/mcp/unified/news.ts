// What servers say by themselves, on one stream of an agent that sees all of them.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions

import type { JsonObject } from '../../../model/credential.ts';
import { listen } from '../events.ts';
import { headersFor } from '../exchange.ts';
import { keep, openStream, subscribeTo } from '../features/subscriptions.ts';
import type { AgentStream } from '../http/answer.ts';
import { isFeatureOpen, isListed } from '../judge.ts';
import { META } from '../message/era.ts';
import { CODE, errorMessage, resultMessage } from '../message/error.ts';
import { type Id, isObject } from '../message/message.ts';
import type { AgentGroup, AgentSession, Core, Failure } from '../state.ts';
import type { ChannelTo } from './lists.ts';
import { placeOf } from './names.ts';
import { streamOf } from './stream.ts';

const CHANGES = ['toolsListChanged', 'promptsListChanged', 'resourcesListChanged'] as const;
const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged';

/** The stream that a legacy agent opens: of all servers that it has sessions with, from the time when it has. */
export async function openGroupStream(
  core: Core,
  group: AgentGroup,
  lastEventId: string | undefined,
  stream: AgentStream,
): Promise<void> {
  if (lastEventId !== undefined) {
    // Events of all members are numbered as one: an id belongs to one of them.
    const known = [...group.begun.values()].find(({ events }) => events.has(lastEventId));
    if (known !== undefined)
      return openStream(core, known, lastEventId, streamOf(stream, known.channel));
    stream.last(errorMessage(undefined, { code: CODE.request, message: 'unknown event' }), {
      status: 400,
    });
    return;
  }
  if (!keep(core, stream)) {
    stream.last(errorMessage(undefined, { code: CODE.limit, message: 'too many streams' }), {
      status: 429,
    });
    return;
  }
  group.listening.add(stream);
  stream.onGone(() => group.listening.delete(stream));
  stream.begin();
  for (const session of group.begun.values()) hearMember(core, session, stream);
}

/** Hands on what the server says, until the agent goes away or its session with this server ends. */
export function hearMember(core: Core, session: AgentSession, stream: AgentStream): void {
  const { channel } = session;
  const abort = new AbortController();
  stream.onGone(() => abort.abort());
  const own = streamOf(stream, channel);
  // Ends with the session of this server; the others go on.
  own.end = () => abort.abort();
  session.listening.add(own);
  const hear = async (): Promise<void> => {
    const answer = await channel.server.upstream.listen({
      session: channel.session,
      headers: headersFor(channel, '', {}),
      signal: abort.signal,
    });
    if (answer.status === 200 && answer.kind === 'stream')
      await listen(core, answer, channel, own, undefined);
  };
  void hear()
    .catch(() => undefined) // broken off: what the others say still comes
    .finally(() => {
      session.listening.delete(own);
      abort.abort();
    });
}

/** `subscriptions/listen`: of each server what rules open of it. Acknowledged by the gateway, and ended when every server has ended it. */
export async function openNewsOfAll(
  core: Core,
  channelTo: ChannelTo,
  id: Id,
  params: JsonObject,
  stream: AgentStream,
): Promise<void> {
  if (!keep(core, stream)) {
    stream.last(errorMessage(id, { code: CODE.limit, message: 'too many streams' }), {
      status: 429,
    });
    return;
  }
  const wanted = isObject(params['notifications']) ? params['notifications'] : {};
  const changes: JsonObject = {};
  for (const key of CHANGES) if (wanted[key] === true) changes[key] = true;
  const uris = Array.isArray(wanted['resourceSubscriptions'])
    ? wanted['resourceSubscriptions'].filter((one) => typeof one === 'string')
    : [];
  const placed = uris.flatMap((shown) => {
    const place = placeOf(core, 'resource', shown);
    return place === undefined ? [] : [{ shown, ...place }];
  });
  const isOpen = ({ server: { id: server }, name: uri }: (typeof placed)[number]): boolean =>
    isFeatureOpen(core, server, 'subscriptions') &&
    isListed(core, { kind: 'resource', server, uri });
  const open = placed.filter(isOpen).map(({ shown }) => shown);
  const notifications = {
    ...changes,
    ...(open.length > 0 && { resourceSubscriptions: open }),
  };
  stream.event({
    jsonrpc: '2.0',
    method: ACKNOWLEDGED,
    params: { notifications, _meta: { [META.subscription]: id } },
  });
  await Promise.all(
    [...core.servers.values()].map(async (server) => {
      const channel: Awaited<ReturnType<ChannelTo>> | Failure = await channelTo(server);
      if ('kind' in channel) return;
      const own = placed.filter((one) => one.server === server).map(({ name }) => name);
      const filter = { ...changes, ...(own.length > 0 && { resourceSubscriptions: own }) };
      await subscribeTo(
        core,
        channel,
        id,
        { notifications: filter },
        partOf(streamOf(stream, channel)),
      );
    }),
  );
  stream.last(resultMessage(id, { resultType: 'complete' }));
}

/** One server's part of a stream: its end is not the end of all, and its acknowledgement was given. */
function partOf(stream: AgentStream): AgentStream {
  const part = Object.create(stream) as AgentStream;
  part.event = (message, id) => {
    if (message['method'] !== ACKNOWLEDGED) stream.event(message, id);
  };
  part.last = () => undefined;
  part.end = () => undefined;
  return part;
}
