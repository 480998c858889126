// One request to a server and what comes back for it. Ids, progress tokens and headers are the gateway's own on this hop.

import type { JsonObject } from '../../model/credential.ts';
import { messageOf, SandboxError } from '../../model/error.ts';
import { readJson } from './json/read.ts';
import { encodeValue } from './http/sentinel.ts';
import { headerValue } from './http/parameters.ts';
import { pump } from './events.ts';
import { META } from './message/era.ts';
import { CODE } from './message/error.ts';
import { classify, type Id, isObject } from './message/message.ts';
import type { AgentStream } from './http/answer.ts';
import type { Overdrawn } from './budget.ts';
import type { Channel, Core, End, Exchange, Failure, Reply, Wants } from './state.ts';
import type { UpstreamAnswer } from './upstream.ts';

export interface ExchangeOptions {
  method: string;
  agentId?: Id;
  wants?: Wants;
  stream?: AgentStream;
  /** in milliseconds; the gateway's own limits unless said. Infinity: a stream of news */
  idle?: number;
  total?: number;
  /** its bytes were paid for when it was judged */
  isPaid?: boolean;
  /** the policy's limit for one call holds */
  isTimed?: boolean;
  answer: (reply: Reply) => void;
}

export function createExchange(core: Core, channel: Channel, options: ExchangeOptions): Exchange {
  const { idle = core.limits.idle, total = core.limits.total, answer } = options;
  const give = (): void => giveUp(core, exchange, 'timeout');
  const timers = [idle, total]
    .filter((limit) => Number.isFinite(limit))
    .map((limit) => setTimeout(give, limit).unref());
  const { timeout } = core.budget;
  if (options.isTimed === true && timeout !== undefined)
    timers.push(
      setTimeout(() => giveUp(core, exchange, 'limit', timeout.over), timeout.ms).unref(),
    );
  const exchange: Exchange = {
    id: channel.server.nextId(),
    channel,
    method: options.method,
    isPaid: options.isPaid ?? false,
    agentId: options.agentId,
    wants: options.wants ?? {},
    abort: new AbortController(),
    stream: options.stream,
    progress: { last: -Infinity, times: [] },
    messages: [],
    end: undefined,
    isDone: false,
    isResumable: false,
    touch: () => void timers[0]?.refresh(),
    overdraw: (over) => giveUp(core, exchange, 'limit', over),
    settle: (reply) => {
      if (exchange.isDone) return;
      if (reply.kind === 'pending' && exchange.isResumable) {
        exchange.stream?.end(200);
        exchange.stream = undefined;
        return;
      }
      exchange.isDone = true;
      for (const timer of timers) clearTimeout(timer);
      core.exchanges.delete(exchange);
      channel.agent?.exchanges.delete(exchange.id);
      if (exchange.isResumable) forgetEvents(exchange);
      answer(reply.kind === 'pending' ? failure('the tool server ended without an answer') : reply);
    },
  };
  core.exchanges.add(exchange);
  channel.agent?.exchanges.set(exchange.id, exchange);
  return exchange;
}

/** What is answered is not gone on with, and its events do not keep it. */
function forgetEvents(exchange: Exchange): void {
  for (const event of exchange.channel.agent?.events.values() ?? [])
    if (event.exchange === exchange) event.exchange = undefined;
}

/** Sends, and reads what comes until the answer, the end, or the time is there. Throws nothing. */
export async function carry(core: Core, exchange: Exchange, params: JsonObject): Promise<void> {
  const { channel, id, method, isPaid } = exchange;
  const spent = isPaid ? undefined : payFor(channel, params);
  if (spent !== undefined) {
    exchange.settle(failure(spent));
    return;
  }
  try {
    const answer = await channel.server.upstream.post(
      { jsonrpc: '2.0', id, method, params: withMeta(exchange, params) },
      {
        session: channel.session,
        headers: headersFor(channel, method, params),
        signal: exchange.abort.signal,
      },
    );
    if (method === 'initialize' && answer.session !== undefined) channel.session = answer.session;
    exchange.settle(await replyOf(core, exchange, answer));
  } catch (error) {
    exchange.settle(failure(upstreamFault(error)));
  }
}

/** A request of the gateway's own. */
export function request(
  core: Core,
  channel: Channel,
  method: string,
  params: JsonObject,
  timeout: number,
  { isPaid = false, isTimed = false }: Pick<ExchangeOptions, 'isPaid' | 'isTimed'> = {},
): Promise<Reply> {
  return new Promise((resolve) => {
    const exchange = createExchange(core, channel, {
      method,
      idle: timeout,
      total: timeout,
      isPaid,
      isTimed,
      answer: resolve,
    });
    void carry(core, exchange, params);
  });
}

/** Tells the server something that has no answer; nothing is made of what goes wrong. */
export async function tell(channel: Channel, message: JsonObject): Promise<boolean> {
  if (payFor(channel, message) !== undefined) return false;
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), 10_000).unref();
  const method = typeof message['method'] === 'string' ? message['method'] : '';
  try {
    const answer = await channel.server.upstream.post(
      { jsonrpc: '2.0', ...message },
      { session: channel.session, headers: headersFor(channel, method, {}), signal: abort.signal },
    );
    return answer.status < 300;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
}

/** Ends it at the server, and for the agent if it has not been answered. */
export function giveUp(core: Core, exchange: Exchange, end: End, over?: Overdrawn): void {
  if (exchange.end !== undefined || exchange.isDone) return;
  exchange.end = end;
  const { channel, id } = exchange;
  const isTold = channel.era === 'legacy' && exchange.method !== 'initialize' && end !== 'closed';
  exchange.isResumable = false;
  exchange.settle(
    end === 'timeout'
      ? {
          kind: 'error',
          status: 200,
          error: { code: CODE.timeout, message: 'the tool server did not answer in time' },
          isOurs: true,
        }
      : { ...failure(over?.reason ?? 'given up'), ...(over && { over }) },
  );
  if (!isTold) {
    // Closing the stream is how this era cancels.
    exchange.abort.abort();
    return;
  }
  void tell(channel, { method: 'notifications/cancelled', params: { requestId: id } });
  setTimeout(() => exchange.abort.abort(), core.limits.grace).unref();
}

export function failure(message: string, status: number = 200): Failure {
  return { kind: 'error', status, error: { code: CODE.upstream, message }, isOurs: true };
}

function payFor({ server }: Channel, message: JsonObject): string | undefined {
  return server.spend?.(Buffer.byteLength(JSON.stringify(message)));
}

function upstreamFault(error: unknown): string {
  // Messages of our own errors hold nothing that the server said; those of others might.
  return error instanceof SandboxError ? messageOf(error) : 'the tool server cannot be reached';
}

function withMeta({ channel, id, wants }: Exchange, params: JsonObject): JsonObject {
  const meta: JsonObject = isObject(params['_meta']) ? { ...params['_meta'] } : {};
  if (wants.progressToken !== undefined) meta['progressToken'] = id;
  if (channel.era === 'modern') {
    meta[META.revision] = channel.revision;
    meta[META.capabilities] = channel.capabilities;
    meta[META.client] = channel.client;
  }
  return Object.keys(meta).length === 0 ? params : { ...params, _meta: meta };
}

export function headersFor(
  channel: Channel,
  method: string,
  params: JsonObject,
): [string, string][] {
  if (method === 'initialize') return [];
  const headers: [string, string][] = [['mcp-protocol-version', channel.revision]];
  if (channel.era === 'legacy' || method === '') return headers;
  headers.push(['mcp-method', method]);
  const name = params['name'] ?? params['uri'];
  if (typeof name === 'string') headers.push(['mcp-name', encodeValue(name)]);
  const args = params['arguments'];
  if (method !== 'tools/call' || typeof name !== 'string' || !isObject(args)) return headers;
  for (const [header, path] of channel.server.headers.get(name) ?? []) {
    const value = headerValue(args, path);
    if (value !== undefined) headers.push([`mcp-param-${header}`, encodeValue(value)]);
  }
  return headers;
}

async function replyOf(core: Core, exchange: Exchange, answer: UpstreamAnswer): Promise<Reply> {
  if (answer.status === 200 && answer.kind !== 'none') return pump(core, answer, exchange);
  const { agent } = exchange.channel;
  if (answer.status === 404 && agent !== undefined && exchange.method !== 'initialize') {
    core.sessions.delete(agent.id);
    return failure('the session at the tool server has ended', 404);
  }
  // Of what it says with an error, only one in the form of the protocol is heard: a body may repeat the credentials it was sent.
  if ((answer.status === 400 || answer.status === 404) && answer.kind === 'json')
    for await (const event of answer.events) {
      const reading = readJson(event.data);
      const message = reading.fault === undefined ? classify(reading.value) : undefined;
      if (message?.kind !== 'error') break;
      if (message.id !== undefined && message.id !== exchange.id) break;
      return { kind: 'error', status: answer.status, error: message.error };
    }
  // Nobody reads what is left: its connection is not kept for it.
  exchange.abort.abort();
  return failure(`the tool server answered with status ${answer.status}`);
}
