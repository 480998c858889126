// What stands behind an address of the gateway: one server, or all of them.

import { onAgentMessage } from './agent.ts';
import { openStream } from './features/subscriptions.ts';
import type { AgentStream } from './http/answer.ts';
import type { RequestHeaders } from './http/headers.ts';
import type { Message } from './message/message.ts';
import { agentOf, endSession } from './session.ts';
import type { Core } from './state.ts';
import { onMessageToAll } from './unified/agent.ts';
import { endGroup, groupOf } from './unified/group.ts';
import { ALL } from './unified/names.ts';
import { openGroupStream } from './unified/news.ts';

export interface Route {
  /** in records: the server's id, or `*` */
  id: string;
  onMessage(message: Message, headers: RequestHeaders, stream: AgentStream): Promise<void>;
  /** of the legacy era; undefined where this route has none of this id */
  session(id: string): RouteSession | undefined;
}

export interface RouteSession {
  /** what servers say by themselves, or what comes behind an event */
  listen(lastEventId: string | undefined, stream: AgentStream): Promise<void>;
  end(): void;
}

const ROOT = '/mcp';

/** One exact path for each: nothing is decoded, so nothing can be spelled in two ways. */
export function routeOf(core: Core, url: string): Route | undefined {
  if (url === ROOT) return routeToAll(core);
  const server = url.startsWith(`${ROOT}/`)
    ? core.servers.get(url.slice(ROOT.length + 1))
    : undefined;
  if (server === undefined) return undefined;
  return {
    id: server.id,
    onMessage: (message, headers, stream) => onAgentMessage(core, server, message, headers, stream),
    session: (id) => {
      const session = agentOf(core, server, id);
      return (
        session && {
          listen: (lastEventId, stream) => openStream(core, session, lastEventId, stream),
          end: () => endSession(core, session),
        }
      );
    },
  };
}

function routeToAll(core: Core): Route {
  return {
    id: ALL,
    onMessage: (message, headers, stream) => onMessageToAll(core, message, headers, stream),
    session: (id) => {
      const group = groupOf(core, id);
      return (
        group && {
          listen: (lastEventId, stream) => openGroupStream(core, group, lastEventId, stream),
          end: () => endGroup(core, group),
        }
      );
    },
  };
}
