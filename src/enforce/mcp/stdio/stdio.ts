// A server over stdio as an upstream: each session of an agent has a process of its own, so that none sees another's state.
// What knows no sessions (2026-07-28) shares one. A process that ends takes its session with it: the agent begins a new one.
// https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#stdio

import { randomBytes } from 'node:crypto';

import { SandboxError } from '../../../model/error.ts';
import type { JsonObject } from '../../../model/credential.ts';
import type { Upstream, UpstreamAnswer, UpstreamCall } from '../upstream.ts';
import { type Conversation, converse, type ConversationOptions } from './conversation.ts';
import type { EventQueue } from './queue.ts';
import type { SpawnServer } from './server-process.ts';

/** processes of one server at once */
const MOST_PROCESSES = 16;

export interface StdioOptions extends ConversationOptions {
  spawn: SpawnServer;
}

export function createStdioUpstream({ spawn, ...options }: StdioOptions): Upstream {
  const sessions = new Map<string, Conversation>();
  let shared: Promise<Conversation> | undefined;
  /** whether it has answered anything but what it is */
  let isSharedUsed = false;
  let starting = 0;
  let isClosed = false;

  async function start(): Promise<Conversation> {
    for (const [id, one] of sessions) if (one.isOver) sessions.delete(id);
    if (isClosed || sessions.size + starting >= MOST_PROCESSES) throw busy();
    starting += 1;
    try {
      const conversation = converse(await spawn(), options);
      // Closed while it came up: nobody would end it.
      if (isClosed) {
        conversation.end();
        throw busy();
      }
      return conversation;
    } finally {
      starting -= 1;
    }
  }

  async function stateless({ method }: JsonObject): Promise<Conversation> {
    const known = shared;
    // Another request may have put a new one there meanwhile.
    if (known !== undefined && (await known).isOver && shared === known) shared = undefined;
    if (shared === undefined) isSharedUsed = false;
    const own = (shared ??= start());
    if (method !== 'server/discover') isSharedUsed = true;
    try {
      return await own;
    } catch (error) {
      if (shared === own) shared = undefined;
      throw error;
    }
  }

  /** A process that was only asked whether it knows the new revision serves the first session of the old ones. */
  async function first(): Promise<Conversation> {
    if (shared === undefined || isSharedUsed) return start();
    // Taken at once: of two sessions that begin together, one gets it.
    const own = shared;
    shared = undefined;
    const asked = await own.catch(() => undefined);
    return asked === undefined || asked.isOver ? start() : asked;
  }

  const find = (session: string | undefined): Conversation | undefined => {
    const found = session === undefined ? undefined : sessions.get(session);
    if (found?.isOver !== true) return found;
    sessions.delete(session ?? '');
    return undefined;
  };

  return {
    async post(message, call) {
      if (message['method'] === 'initialize') {
        const conversation = await first();
        if (isClosed) {
          conversation.end();
          throw busy();
        }
        const session = randomBytes(16).toString('hex');
        sessions.set(session, conversation);
        return { ...answerOf(conversation.ask(message), call), session };
      }
      const conversation =
        call.session === undefined ? await stateless(message) : find(call.session);
      if (conversation === undefined) return NO_SESSION;
      if (isRequest(message)) return answerOf(conversation.ask(message), call);
      conversation.tell(message);
      return { status: 202, kind: 'none', events: NOTHING };
    },
    listen(call) {
      const conversation = find(call.session);
      return Promise.resolve(
        conversation === undefined ? NO_SESSION : answerOf(conversation.listen(), call),
      );
    },
    end({ session }) {
      find(session)?.end();
      sessions.delete(session ?? '');
      return Promise.resolve();
    },
    async close() {
      isClosed = true;
      for (const conversation of sessions.values()) conversation.end();
      sessions.clear();
      const last = await shared?.catch(() => undefined);
      last?.end();
    },
  };
}

const isRequest = (message: JsonObject): boolean => 'method' in message && 'id' in message;

const NOTHING: AsyncIterable<never> = {
  [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true, value: undefined }) }),
};

const NO_SESSION: UpstreamAnswer = { status: 404, kind: 'none', events: NOTHING };

const answerOf = (queue: EventQueue, { signal }: UpstreamCall): UpstreamAnswer => ({
  status: 200,
  kind: 'stream',
  events: queue.read(signal),
});

function busy(): SandboxError {
  return new SandboxError({
    kind: 'upstream',
    code: 'MCP_UPSTREAM_BUSY',
    message: `the tool server is closing, or has ${MOST_PROCESSES} processes already`,
  });
}
