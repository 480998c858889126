// News of servers that their lists have changed. However often a server says so, its lists are looked at again at most so often; what is
// heard meanwhile is looked at next, and nobody who would be told of a change is forgotten.

import type { DefinitionKind } from '../../model/mcp.ts';
import type { AgentStream } from './http/answer.ts';
import { refresh, served } from './lists.ts';
import type { Channel, Core, ListNews, ServerState, Telling } from './state.ts';

export function createListNews(): ListNews {
  return {
    kinds: new Set(),
    tell: new Map(),
    last: -Infinity,
    isLooking: false,
    timer: undefined,
  };
}

/** Looks at the lists again, and tells the agent only where what it is served has become another. */
export function onListNews(
  core: Core,
  channel: Channel,
  method: string,
  { kinds, send, stream }: Omit<Telling, 'before'> & { stream: AgentStream | undefined },
): void {
  const { server } = channel;
  const { news } = server;
  if (stream !== undefined) {
    const known = news.tell.get(stream) ?? new Map<string, Telling>();
    const before = known.get(method)?.before ?? shown(core, server, kinds);
    news.tell.set(stream, known.set(method, { kinds, before, send }));
  }
  for (const kind of kinds) {
    news.kinds.add(kind);
    // Dirty at once: a call that comes now waits.
    server.lists[kind].isFresh = false;
    server.lists[kind].news += 1;
  }
  look(core, channel);
}

export function forgetListNews({ news }: ServerState): void {
  clearTimeout(news.timer);
}

function look(core: Core, channel: Channel): void {
  const { news } = channel.server;
  if (news.isLooking || news.timer !== undefined || news.kinds.size === 0) return;
  const wait = news.last + core.limits.news - core.now();
  if (wait <= 0) {
    void lookNow(core, channel);
    return;
  }
  news.timer = setTimeout(() => {
    news.timer = undefined;
    void lookNow(core, channel);
  }, wait).unref();
}

async function lookNow(core: Core, channel: Channel): Promise<void> {
  const { server } = channel;
  const { news } = server;
  const { kinds, tell } = news;
  news.kinds = new Set();
  news.tell = new Map();
  news.last = core.now();
  news.isLooking = true;
  // What cannot be read stays dirty: the next call looks again.
  await Promise.allSettled([...kinds].map((kind) => readAnew(core, channel, kind)));
  news.isLooking = false;
  for (const [stream, tellings] of tell)
    for (const [method, { kinds: own, before, send }] of tellings) {
      const now = shown(core, server, own);
      if (now === before) continue;
      send();
      // What was heard during the look is told if there is more of it.
      const next = news.tell.get(stream)?.get(method);
      if (next !== undefined) next.before = now;
    }
  look(core, channel);
}

/** Read from after the news on: what is under way may have begun before. */
async function readAnew(core: Core, channel: Channel, kind: DefinitionKind): Promise<void> {
  const list = channel.server.lists[kind];
  await list.running;
  if (!list.isFresh) await refresh(core, channel, kind);
}

const shown = (core: Core, server: ServerState, kinds: readonly DefinitionKind[]): string =>
  JSON.stringify(kinds.map((kind) => served(core, server, kind)));
