// Streams of news: the modern `subscriptions/listen`, and the legacy stream that a GET opens.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions

import type { JsonObject } from '../../../model/credential.ts';
import { readError } from '../server-error.ts';
import { listen } from '../events.ts';
import { carry, createExchange, giveUp, headersFor } from '../exchange.ts';
import type { AgentStream } from '../http/answer.ts';
import { ask, factsOf, isFeatureOpen, isListed, refuse } from '../judge.ts';
import { CODE, errorMessage, resultMessage } from '../message/error.ts';
import { type Id, isObject } from '../message/message.ts';
import { noteFindings } from '../note.ts';
import type { AgentSession, Channel, Core } from '../state.ts';

const CHANGES = ['toolsListChanged', 'promptsListChanged', 'resourcesListChanged'] as const;
const MOST_RESOURCES = 256;

/** `subscriptions/listen`: of what the agent wants to hear, what rules open. */
export async function openNews(
  core: Core,
  channel: Channel,
  id: Id,
  params: JsonObject,
  stream: AgentStream,
): Promise<void> {
  if (keep(core, stream)) await subscribeTo(core, channel, id, params, stream);
  else
    stream.last(errorMessage(id, { code: CODE.limit, message: 'too many streams' }), {
      status: 429,
    });
}

/** The same, on a stream that is counted already. */
export async function subscribeTo(
  core: Core,
  channel: Channel,
  id: Id,
  params: JsonObject,
  stream: AgentStream,
): Promise<void> {
  const wanted = isObject(params['notifications']) ? params['notifications'] : {};
  const filter = openFilter(core, channel, wanted);
  const exchange = createExchange(core, channel, {
    method: 'subscriptions/listen',
    agentId: id,
    wants: { news: { id, filter } },
    stream,
    idle: Infinity,
    total: Infinity,
    answer: (reply) => {
      if (reply.kind === 'result') stream.last(resultMessage(id, { resultType: 'complete' }));
      else if (reply.kind === 'error' && reply.isOurs !== true)
        stream.last(errorMessage(id, readError(core, channel.server.id, reply.error)), reply);
      else if (stream.isStream || reply.kind === 'pending') stream.end(200);
      else stream.last(errorMessage(id, reply.error), reply);
    },
  });
  stream.onGone(() => giveUp(core, exchange, 'cancelled'));
  await carry(core, exchange, { notifications: filter });
}

/** The stream of what a legacy server says by itself, or of a call to go on with. */
export async function openStream(
  core: Core,
  session: AgentSession,
  lastEventId: string | undefined,
  stream: AgentStream,
): Promise<void> {
  const { channel } = session;
  const known = lastEventId === undefined ? undefined : session.events.get(lastEventId);
  if (lastEventId !== undefined && known === undefined) {
    // Another session's, forged, or too old.
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
  const abort = new AbortController();
  stream.onGone(() => abort.abort());
  session.listening.add(stream);
  const exchange = known?.exchange?.isDone === false ? known.exchange : undefined;
  if (exchange !== undefined) exchange.stream = stream;
  try {
    const answer = await channel.server.upstream.listen({
      session: channel.session,
      headers: headersFor(channel, '', {}),
      signal: abort.signal,
      ...(known && { lastEventId: known.upstream }),
    });
    if (answer.status !== 200 || answer.kind !== 'stream') {
      const status = answer.status === 404 ? 404 : 405;
      stream.last(
        errorMessage(undefined, {
          code: CODE.request,
          message: 'the server offers no such stream',
        }),
        { status },
      );
      return;
    }
    stream.begin();
    await listen(core, answer, channel, stream, exchange);
  } catch {
    // Broken off: the agent may come back.
  } finally {
    session.listening.delete(stream);
    if (exchange?.stream === stream) exchange.stream = undefined;
    abort.abort();
    stream.end(stream.isStream ? 200 : 502);
  }
}

/** Counts it among the open streams and keeps it alive. */
export function keep(core: Core, stream: AgentStream): boolean {
  for (const one of core.streams) if (one.isOver) core.streams.delete(one);
  if (core.streams.size >= core.limits.streams) return false;
  core.streams.add(stream);
  const timer = setInterval(() => {
    if (stream.isOver) {
      clearInterval(timer);
      core.streams.delete(stream);
    } else stream.keepAlive();
  }, core.limits.keepAlive).unref();
  return true;
}

function openFilter(core: Core, channel: Channel, wanted: JsonObject): JsonObject {
  const server = channel.server.id;
  const filter: JsonObject = {};
  for (const key of CHANGES) if (wanted[key] === true) filter[key] = true;
  const uris = wanted['resourceSubscriptions'];
  if (!Array.isArray(uris) || !isFeatureOpen(core, server, 'subscriptions')) return filter;
  const facts = factsOf(core, 'subscriptions/listen', { uris });
  const request = { kind: 'feature', server, name: 'subscriptions' } as const;
  if (!ask(core, request, facts).allowed) return filter;
  const open = uris
    .slice(0, MOST_RESOURCES)
    .filter(
      (uri): uri is string =>
        typeof uri === 'string' && isListed(core, { kind: 'resource', server, uri }),
    );
  const outgoing = core.options.content.outgoing(server, { uris: open });
  noteFindings(core, server, 'out', outgoing.findings);
  if (outgoing.action === 'block') refuse(core, request, 'mcp-content', outgoing.reason, facts);
  else if (open.length > 0) filter['resourceSubscriptions'] = open;
  return filter;
}
