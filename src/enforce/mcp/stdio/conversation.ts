// The exchange of messages with one process: what it writes is handed to whoever waits for it. Only enough of a message is looked
// at to know that; whoever gets it reads it strictly, and believes nothing that was read here.

import { SandboxError } from '../../../model/error.ts';
import type { Json, JsonObject } from '../../../model/credential.ts';
import { createLines } from './lines.ts';
import { createEventQueue, type EventQueue } from './queue.ts';
import type { ServerProcess } from './server-process.ts';

/** bytes of one message of a server */
const MOST_LINE = 16 * 1024 * 1024;
/** bytes that a process has not read */
const MOST_UNREAD = 64 * 1024 * 1024;
/** lines that are no JSON objects, after which the process is ended: it speaks something else */
const MOST_GARBAGE = 1000;
/** messages to nobody that are kept for a reader who comes later */
const MOST_UNCLAIMED = 64;
/** in `ms`, between the end of its input and its own */
const GRACE = 2000;
const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';

export interface Conversation {
  readonly isOver: boolean;
  /** Writes a request; the queue ends behind its response. */
  ask(request: JsonObject): EventQueue;
  /** Writes what has no answer. */
  tell(message: JsonObject): void;
  /** All that belongs to no open request. */
  listen(): EventQueue;
  end(): void;
}

export interface ConversationOptions {
  /** text of the process for people, at most a few KiB a time */
  onStderr: (text: string) => void;
  /** lines that are no messages were dropped, so many since the last call */
  onGarbage: (lines: number) => void;
}

interface Waiting {
  queue: EventQueue;
  token: Json | undefined;
  isCancelled: boolean;
}

/** Of what is no id, there is none to wait for: it may be nested deeper than can be written. */
const keyOf = (id: Json | undefined): string =>
  typeof id === 'string' || typeof id === 'number' ? `${typeof id}:${id}` : '';

export function converse(child: ServerProcess, options: ConversationOptions): Conversation {
  const waiting = new Map<string, Waiting>();
  const unclaimed: Buffer[] = [];
  let listener: EventQueue | undefined;
  let isOver = false;
  let garbage = 0;

  const lines = createLines(MOST_LINE, receive);
  child.stdin.on('error', () => finish());
  child.stdout.on('error', () => finish());
  child.stderr.on('error', () => undefined);
  child.stdout.on('data', (chunk: Buffer) => {
    if (!isOver && !lines.push(chunk)) finish();
  });
  child.stderr.on('data', (chunk: Buffer) => options.onStderr(chunk.toString('utf8', 0, 4096)));
  void child.exited.then(finish);

  function receive(line: Buffer): void {
    const message = readObject(line);
    if (message === undefined) {
      options.onGarbage(1);
      if (++garbage > MOST_GARBAGE) finish();
      return;
    }
    const { id } = message;
    if (!('method' in message)) {
      const asked = waiting.get(keyOf(id));
      if (asked === undefined) return;
      waiting.delete(keyOf(id));
      asked.queue.push(line);
      asked.queue.end();
      return;
    }
    if (placeFor(message)?.push(line) === true) return;
    if (unclaimed.length < MOST_UNCLAIMED) unclaimed.push(line);
  }

  /** Of the request it names, else of the listener, else of the oldest request that is open. */
  function placeFor({ params }: JsonObject): EventQueue | undefined {
    if (isObject(params)) {
      const { progressToken, _meta } = params;
      if (progressToken !== undefined)
        for (const { token, queue } of waiting.values()) if (token === progressToken) return queue;
      const subscription = isObject(_meta) ? _meta[SUBSCRIPTION] : undefined;
      if (subscription !== undefined) return waiting.get(keyOf(subscription))?.queue;
    }
    const [oldest] = waiting.values();
    return listener ?? oldest?.queue;
  }

  function write(message: JsonObject): void {
    if (isOver) return;
    child.stdin.write(`${JSON.stringify(message)}\n`);
    // A process that does not read is lost, before what waits for it fills the host.
    if (child.stdin.writableLength > MOST_UNREAD) finish();
  }

  function finish(): void {
    if (isOver) return;
    isOver = true;
    const error = new SandboxError({
      kind: 'upstream',
      code: 'MCP_UPSTREAM_ENDED',
      message: 'the tool server has ended',
    });
    for (const { queue } of waiting.values()) queue.fail(error);
    waiting.clear();
    listener?.end();
    child.kill();
  }

  return {
    get isOver() {
      return isOver;
    },
    ask(request) {
      const { id, params } = request;
      const meta = isObject(params) ? params['_meta'] : undefined;
      const key = keyOf(id);
      const queue = createEventQueue(() => {
        const asked = waiting.get(key);
        if (asked?.queue !== queue) return;
        waiting.delete(key);
        if (!asked.isCancelled)
          write({
            jsonrpc: '2.0',
            method: 'notifications/cancelled',
            params: { requestId: id ?? null },
          });
      });
      waiting.set(key, {
        queue,
        token: isObject(meta) ? meta['progressToken'] : undefined,
        isCancelled: false,
      });
      write(request);
      return queue;
    },
    tell(message) {
      const { method, params } = message;
      if (method === 'notifications/cancelled' && isObject(params)) {
        const asked = waiting.get(keyOf(params['requestId']));
        if (asked !== undefined) asked.isCancelled = true;
      }
      write(message);
    },
    listen() {
      listener?.end();
      const queue = createEventQueue(() => {
        if (listener === queue) listener = undefined;
      });
      listener = queue;
      for (const line of unclaimed.splice(0)) queue.push(line);
      return queue;
    },
    end() {
      if (isOver) return;
      child.stdin.end();
      setTimeout(finish, GRACE).unref();
    },
  };
}

function readObject(line: Buffer): JsonObject | undefined {
  try {
    const value = JSON.parse(line.toString('utf8')) as Json;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
