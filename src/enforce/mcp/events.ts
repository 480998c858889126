// What a server says on a stream: each event is read strictly and judged by itself; nothing passes as it came.

import { readJson } from './json/read.ts';
import { SERVER_LIMITS } from './json/limits.ts';
import { classify } from './message/message.ts';
import { note } from './note.ts';
import type { AgentStream } from './http/answer.ts';
import type { Channel, Core, Exchange, Heard, Reply } from './state.ts';
import type { UpstreamAnswer, UpstreamEvent } from './upstream.ts';

/** in milliseconds: an agent waits no longer for the head of a stream */
const HEAD_DELAY = 500;
const MOST_RETRY = 60_000;

/** Reads the stream of one request until its answer. */
export async function pump(core: Core, answer: UpstreamAnswer, exchange: Exchange): Promise<Reply> {
  const asStream = answer.kind === 'stream';
  const timer = asStream
    ? setTimeout(() => exchange.stream?.begin(), HEAD_DELAY).unref()
    : undefined;
  try {
    for await (const event of answer.events) {
      const reply = receive(core, event, {
        channel: exchange.channel,
        session: exchange.channel.agent,
        exchange,
        stream: exchange.stream,
        eventId: undefined,
      });
      if (reply !== undefined) return { ...reply, asStream };
      // Given up: what still comes is dropped, and the place is kept until it ends.
    }
    return { kind: 'pending' };
  } finally {
    clearTimeout(timer);
  }
}

/** Reads a stream of news until it ends. */
export async function listen(
  core: Core,
  answer: UpstreamAnswer,
  channel: Channel,
  stream: AgentStream,
  resumed: Exchange | undefined,
): Promise<void> {
  for await (const event of answer.events) {
    if (stream.isOver) return;
    const heard = {
      channel,
      session: channel.agent,
      exchange: resumed,
      stream,
      eventId: undefined,
    };
    const reply = receive(core, event, heard);
    if (reply === undefined || resumed === undefined) continue;
    resumed.settle({ ...reply, asStream: true });
    return;
  }
}

/** What an event means for the agent; the answer to the exchange, if it is that. */
function receive(
  core: Core,
  event: UpstreamEvent,
  place: Heard,
): (Reply & { kind: 'result' | 'error' }) | undefined {
  const over = core.budget.receive(event.data.length);
  if (over !== undefined) {
    place.exchange?.overdraw(over);
    return undefined;
  }
  const heard = { ...place, eventId: rememberEvent(core, event, place) };
  const { channel, exchange } = heard;
  const server = channel.server.id;
  if (event.data.length === 0) {
    if (heard.eventId !== undefined)
      heard.stream?.prime(
        heard.eventId,
        event.retry === undefined ? undefined : clampRetry(event.retry),
      );
    return undefined;
  }
  const reading = readJson(event.data, { limits: SERVER_LIMITS, allowNul: true });
  const message = reading.fault === undefined ? classify(reading.value) : undefined;
  if (message === undefined || message.kind === 'fault') {
    note(core, server, `malformed message: ${reading.fault ?? 'no message'}`);
    // One JSON body is all there is: it can be nothing but a failed answer.
    return undefined;
  }
  switch (message.kind) {
    case 'result':
    case 'error':
      if (exchange === undefined || message.id !== exchange.id) {
        note(core, server, 'an answer to no question');
        return undefined;
      }
      return message.kind === 'result'
        ? { kind: 'result', result: message.result, bytes: event.data.length }
        : { kind: 'error', status: 200, error: message.error };
    case 'notification':
      core.hear.notification(core, heard, message.method, message.params ?? {});
      return undefined;
    case 'request':
      core.hear.request(core, heard, message.id, message.method, message.params ?? {});
      return undefined;
  }
}

/** Of an event that a stream can be resumed behind: an id that means something to this session only. */
function rememberEvent(core: Core, event: UpstreamEvent, heard: Heard): string | undefined {
  const { session, exchange } = heard;
  if (event.id === undefined || event.id === '' || session === undefined) return undefined;
  if (event.id.length > 1024) return undefined;
  if (exchange !== undefined) exchange.isResumable = true;
  const id = `e${(session.numbers.event += 1)}`;
  session.events.set(id, { upstream: event.id, exchange });
  const [oldest] = session.events.keys();
  if (session.events.size > core.limits.events && oldest !== undefined)
    session.events.delete(oldest);
  return id;
}

const clampRetry = (retry: number): number => Math.min(Math.max(0, Math.trunc(retry)), MOST_RETRY);
