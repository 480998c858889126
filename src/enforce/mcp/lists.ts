// What a server offers: all pages of it are fetched, compared with what was reviewed, and served from there. Agents get no cursors.
// Between the news that a list has changed and its comparison, nothing of it can be called.

import type { JsonObject } from '../../model/credential.ts';
import type { Definition, DefinitionKind } from '../../model/mcp.ts';
import type { Request } from '../../model/request.ts';
import { failure, request } from './exchange.ts';
import { headerParameters } from './http/parameters.ts';
import { isListed } from './judge.ts';
import { CODE } from './message/error.ts';
import { LISTS } from './message/methods.ts';
import { META } from './message/era.ts';
import { isObject } from './message/message.ts';
import { note, noteDrift, noteFindings } from './note.ts';
import { shownImplementation } from './shown.ts';
import type { Channel, Core, Failure, ServerState } from './state.ts';

export function nameOf(kind: DefinitionKind, definition: Definition): string | undefined {
  const key = kind === 'resource' ? 'uri' : kind === 'template' ? 'uriTemplate' : 'name';
  const name = definition[key];
  return typeof name === 'string' ? name : undefined;
}

/** Fetches and compares anew, once for all who ask at the same time. */
export function refresh(
  core: Core,
  channel: Channel,
  kind: DefinitionKind,
): Promise<Failure | undefined> {
  const { server } = channel;
  const list = server.lists[kind];
  if (list.running !== undefined) return list.running;
  const { news } = list;
  const running = fetchAll(core, channel, kind).then((live) => {
    list.running = undefined;
    if (!Array.isArray(live)) return live;
    try {
      take(core, server, kind, live);
    } catch {
      return failure(`the tool server's list of ${kind}s could not be read`);
    }
    // What was heard meanwhile may not be in what was read.
    list.isFresh = news === list.news;
    return undefined;
  });
  list.running = running;
  return running;
}

/** Compared, and nothing has been heard since; waits for a comparison that is under way. */
export async function ensureFresh(
  core: Core,
  channel: Channel,
  kind: DefinitionKind,
): Promise<Failure | undefined> {
  const list = channel.server.lists[kind];
  for (let round = 0; round < 3; round++) {
    if (list.isFresh && list.running === undefined) return undefined;
    const fault = await refresh(core, channel, kind);
    if (fault !== undefined) return fault;
  }
  return list.isFresh ? undefined : failure(`the tool server's list of ${kind}s keeps changing`);
}

/** What the agent is shown of a list. */
export function served(core: Core, server: ServerState, kind: DefinitionKind): Definition[] {
  if (server.isQuarantined) return [];
  return core.options.pins.served(server.id, kind).filter((definition) => {
    const name = nameOf(kind, definition);
    if (name === undefined) return false;
    // A pattern stands for many URIs, each of which is judged when it is read.
    if (kind === 'template') return core.options.isTemplateOpen(server.id, name);
    return isListed(core, requestFor(server.id, kind, name));
  });
}

export function requestFor(
  server: string,
  kind: 'tool' | 'prompt' | 'resource',
  name: string,
): Request {
  switch (kind) {
    case 'tool':
      return { kind, server, tool: name };
    case 'prompt':
      return { kind, server, name };
    case 'resource':
      return { kind, server, uri: name };
  }
}

async function fetchAll(
  core: Core,
  channel: Channel,
  kind: DefinitionKind,
): Promise<Definition[] | Failure> {
  const { method, member } = LISTS[kind];
  const list = channel.server.lists[kind];
  const until = core.now() + core.limits.listing;
  const all: Definition[] = [];
  const seen = new Set<string>();
  let cursor: string | undefined;
  for (let page = 0; page < core.limits.pages; page++) {
    const left = until - core.now();
    if (left <= 0) return failure(`the tool server did not finish its list of ${kind}s in time`);
    const params = cursor === undefined ? {} : { cursor };
    const reply = await request(core, channel, method, params, left);
    if (reply.kind === 'pending') return failure('the tool server ended');
    if (reply.kind === 'error') {
      // A server without tools need not know the method.
      if (reply.error.code !== CODE.method || page > 0) return reply;
      list.hints = {};
      return [];
    }
    const { result } = reply;
    const items = result[member];
    if (
      !Array.isArray(items) ||
      !items.every(isObject) ||
      result['resultType'] === 'input_required'
    )
      return failure(`the tool server's list of ${kind}s is malformed`);
    all.push(...items);
    if (all.length > core.limits.definitions)
      return failure(`the tool server's list of ${kind}s is too long`);
    if (page === 0) {
      list.hints = hintsOf(core, channel.server, result);
      list.asStream = reply.asStream === true;
    }
    const { nextCursor } = result;
    if (nextCursor === undefined || nextCursor === null) return all;
    if (typeof nextCursor !== 'string' || seen.has(nextCursor))
      return failure(`the tool server's list of ${kind}s does not end`);
    seen.add(nextCursor);
    cursor = nextCursor;
  }
  return failure(`the tool server's list of ${kind}s does not end`);
}

function take(core: Core, server: ServerState, kind: DefinitionKind, live: Definition[]): void {
  const { pins, content } = core.options;
  const list = server.lists[kind];
  list.live = new Set(live.map((one) => nameOf(kind, one) ?? ''));
  const sound = withoutSecrets(core, server, live);
  const usable = kind === 'tool' ? sound.filter((tool) => isUsable(core, server, tool)) : sound;
  noteDrift(core, pins.compare(server.id, kind, usable));
  // What people have reviewed needs no second opinion, and what was seen once is not told again.
  if (!pins.isLocked(server.id) && !list.isSeen)
    for (const one of usable) noteFindings(core, server.id, 'in', content.definition(one));
  list.isSeen = true;
  if (kind !== 'tool') return;
  server.headers.clear();
  for (const tool of pins.served(server.id, 'tool')) {
    const schema = isObject(tool['inputSchema']) ? tool['inputSchema'] : undefined;
    const parameters = headerParameters(schema);
    const name = nameOf('tool', tool);
    if (parameters !== undefined && parameters.size > 0 && name !== undefined)
      server.headers.set(name, parameters);
  }
}

/** A server may write what it was sent, such as its credential, into what it offers: that is neither shown nor taken for reviewed. */
function withoutSecrets(core: Core, { id }: ServerState, live: Definition[]): Definition[] {
  const holdsOne = (definitions: Definition[]): boolean => {
    const message = { jsonrpc: '2.0', params: { definitions } };
    const { action, findings } = core.options.content.incoming(id, message, {});
    // Of what only looks like one, definitions are full: keys in examples.
    return action === 'block' || findings.some(({ detector }) => detector === 'known-secret');
  };
  if (!holdsOne(live)) return live;
  note(core, id, 'a definition with a live secret was left out');
  return live.filter((one) => !holdsOne([one]));
}

// A client must leave out what breaks the rules for headers; so must we, who write them.
function isUsable(core: Core, server: ServerState, tool: Definition): boolean {
  if (headerParameters(tool['inputSchema']) !== undefined) return true;
  note(core, server.id, 'a tool with malformed x-mcp-header was left out');
  return false;
}

const MOST_TTL = 3_600_000;

/** Of a list, besides its items: how long and by whom it may be kept. What rules leave of it is one agent's own. */
function hintsOf(core: Core, { id }: ServerState, result: JsonObject): JsonObject {
  const hints: JsonObject = {};
  const { ttlMs, resultType, _meta } = result;
  if (resultType !== undefined) hints['resultType'] = 'complete';
  if (typeof ttlMs === 'number' && Number.isSafeInteger(ttlMs) && ttlMs >= 0)
    hints['ttlMs'] = Math.min(ttlMs, MOST_TTL);
  else if (ttlMs !== undefined) hints['ttlMs'] = 0;
  if (result['cacheScope'] !== undefined) hints['cacheScope'] = 'private';
  const server = isObject(_meta) ? _meta[META.server] : undefined;
  if (isObject(server)) hints['_meta'] = { [META.server]: shownImplementation(core, id, server) };
  return hints;
}
