// What a server tells by itself: each kind passes by a rule of its own, with the agent's ids instead of ours; every other kind is dropped.

import type { JsonObject } from '../../../model/credential.ts';
import type { AgentStream } from '../http/answer.ts';
import { isFeatureOpen, isListed } from '../judge.ts';
import { isLevel } from '../message/level.ts';
import { LIST_NEWS } from '../message/methods.ts';
import { META } from '../message/era.ts';
import { isId, isObject } from '../message/message.ts';
import { onListNews } from '../news.ts';
import { note, noteFindings } from '../note.ts';
import type { Core, Exchange, Heard } from '../state.ts';

const MOST_TEXT = 4096;
const MOST_MESSAGES = 50;

export function onNotification(core: Core, heard: Heard, method: string, params: JsonObject): void {
  const { channel, exchange } = heard;
  if (channel.server.isQuarantined) return;
  const kinds = LIST_NEWS.get(method);
  if (kinds !== undefined) {
    if (isOfStream(heard, params))
      onListNews(core, channel, method, {
        kinds,
        stream: heard.stream,
        send: () => forward(core, heard, method, {}),
      });
    return;
  }
  switch (method) {
    case 'notifications/progress':
      onProgress(core, heard, params);
      return;
    case 'notifications/message': {
      const { level, logger, data } = params;
      if (!isLevel(level) || data === undefined) return;
      const wanted = channel.era === 'modern' ? exchange?.wants.logging === true : true;
      if (!wanted || !isFeatureOpen(core, channel.server.id, 'logging')) return;
      if (!hasRoom(core, exchange?.messages ?? timesOf(heard.stream), MOST_MESSAGES)) return;
      forward(core, heard, method, { level, ...(typeof logger === 'string' && { logger }), data });
      return;
    }
    case 'notifications/resources/updated': {
      const { uri } = params;
      const server = channel.server.id;
      if (typeof uri !== 'string' || !isOfStream(heard, params)) return;
      if (!isFeatureOpen(core, server, 'subscriptions')) return;
      if (isListed(core, { kind: 'resource', server, uri })) forward(core, heard, method, { uri });
      return;
    }
    case 'notifications/elicitation/complete': {
      const { elicitationId } = params;
      if (
        typeof elicitationId === 'string' &&
        isFeatureOpen(core, channel.server.id, 'elicitation')
      )
        forward(core, heard, method, { elicitationId });
      return;
    }
    case 'notifications/cancelled':
      onCancelled(core, heard, params);
      return;
    case 'notifications/subscriptions/acknowledged':
      if (isOfStream(heard, params) && exchange?.wants.news !== undefined)
        forward(core, heard, method, {
          notifications: commonFilter(exchange.wants.news.filter, params['notifications']),
        });
      return;
    default:
      note(core, channel.server.id, 'an unknown notification was dropped');
  }
}

const times = new WeakMap<AgentStream, number[]>();

/** When messages came that belong to no call, on one stream of news. */
function timesOf(stream: AgentStream | undefined): number[] {
  if (stream === undefined) return [];
  const known = times.get(stream) ?? [];
  times.set(stream, known);
  return known;
}

/** Sends it on, after its content was read. */
export function forward(core: Core, heard: Heard, method: string, params: JsonObject): void {
  const { channel, exchange, eventId } = heard;
  const stream = heard.exchange?.isDone === true ? undefined : heard.stream;
  if (stream === undefined || stream.isOver) return;
  const message = { jsonrpc: '2.0', method, params };
  const reading = core.options.content.incoming(channel.server.id, message, {});
  noteFindings(core, channel.server.id, 'in', reading.findings);
  if (reading.action === 'block' || !isObject(reading.value)) return;
  const read = isObject(reading.value['params']) ? reading.value['params'] : {};
  const news = exchange?.wants.news;
  const said = news === undefined ? read : { ...read, _meta: { [META.subscription]: news.id } };
  stream.event({ jsonrpc: '2.0', method, params: said }, eventId);
}

function onProgress(core: Core, heard: Heard, params: JsonObject): void {
  const { progressToken, progress, total, message } = params;
  // Our tokens are ids of exchanges. One on a stream of news may belong to a call of the same session.
  const exchange =
    heard.exchange ??
    (typeof progressToken === 'number' ? heard.session?.exchanges.get(progressToken) : undefined);
  const token = exchange?.wants.progressToken;
  if (exchange === undefined || token === undefined || progressToken !== exchange.id) return;
  if (exchange.isDone || typeof progress !== 'number' || progress <= exchange.progress.last) return;
  exchange.touch();
  if (!hasRoom(core, exchange.progress.times, core.limits.progress)) return;
  exchange.progress.last = progress;
  const said: JsonObject = { progressToken: token, progress };
  if (typeof total === 'number') said['total'] = total;
  if (typeof message === 'string' && message.length <= MOST_TEXT) said['message'] = message;
  forward(core, { ...heard, exchange, stream: exchange.stream }, 'notifications/progress', said);
}

// The server does not want an answer any more.
function onCancelled(core: Core, heard: Heard, { requestId }: JsonObject): void {
  if (heard.session === undefined || !isId(requestId)) return;
  for (const [own, asked] of heard.session.asked) {
    if (asked.id !== requestId) continue;
    heard.session.asked.delete(own);
    forward(core, heard, 'notifications/cancelled', { requestId: own });
    return;
  }
}

/** News of a subscription name the request that opened it, by the id that we gave it. */
function isOfStream({ channel, exchange }: Heard, params: JsonObject): boolean {
  if (channel.era === 'legacy') return true;
  const meta = params['_meta'];
  return isObject(meta) && exchange !== undefined && meta[META.subscription] === exchange.id;
}

function commonFilter(asked: JsonObject, agreed: unknown): JsonObject {
  const common: JsonObject = {};
  if (typeof agreed !== 'object' || agreed === null) return common;
  for (const [key, value] of Object.entries(asked)) {
    const given: unknown = Object.hasOwn(agreed, key) ? Reflect.get(agreed, key) : undefined;
    if (value === true && given === true) common[key] = true;
    else if (Array.isArray(value) && Array.isArray(given))
      common[key] = value.filter((one) => given.includes(one));
  }
  return common;
}

/** Whether one more fits within a second; counts it. */
export function hasRoom(core: Core, times: number[], most: number): boolean {
  const now = core.now();
  while ((times[0] ?? Infinity) <= now - 1000) times.shift();
  if (times.length >= most) return false;
  times.push(now);
  return true;
}

/** Ends what waits on the agent for an exchange that is over. */
export function forgetAsked(exchange: Exchange): void {
  const session = exchange.channel.agent;
  if (session !== undefined && session.exchanges.size === 0) session.asked.clear();
}
